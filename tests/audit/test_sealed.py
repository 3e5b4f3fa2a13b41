"""Updates that no key here opens: the audit says so, and checks the rest."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from collegium import evidence
from collegium.audit.index import INDEX, Index
from collegium.errors import MissingKeys
from collegium.protocol.signing import Domain
from collegium.queries import from_audit
from collegium.store import BlobStore
from collegium.store.sealed import seal
from collegium.workspace.home import NodeHome


def _source(story: Any, *, store: Path | None = None) -> evidence.Source:
    return evidence.from_chain(str(story.chain), story.federation, store or story.run / "store")


def _index(bundle: Path) -> Index:
    return Index.decode((bundle / INDEX).read_bytes())


@pytest.fixture
def store(story: Any, tmp_path: Path) -> Path:
    """A copy of the artifact store."""
    return Path(shutil.copytree(story.run / "store", tmp_path / "store"))


def test_without_keys(story: Any, tmp_path: Path) -> None:
    bundle = evidence.export(_source(story), tmp_path / "sealed")
    index = _index(bundle)
    assert (len(index.updates), len(index.envelopes), len(index.states)) == (0, 12, 4)
    result = evidence.audit(bundle, anchor=story.head)
    assert result.ok
    subjects = [item.subject for item in result.unchecked]
    assert "round 1: content of the updates of nodes 3, 1, 2, 4" in subjects
    assert "round 2: that the merge is exact" in subjects
    assert [row.merge for row in from_audit.rounds(result)] == ["unchecked"] * 3
    assert not any(update.opened for row in from_audit.rounds(result) for update in row.updates)
    assert result.by_check["state"] == 5  # states are known by the roots on the chain


def test_with_the_key_of_one_node(story: Any, tmp_path: Path) -> None:
    """A member of every committee opens everything; who was in one opens that round."""
    readers = {
        row.id: {*row.committee, row.aggregator}
        for row in from_audit.rounds(evidence.audit(story.run))
    }
    for node in range(1, 5):
        home = story.run / f"node{node}"
        bundle = evidence.export(_source(story), tmp_path / f"by{node}", keys=(home,))
        opened = {(u.round, u.node) for u in _index(bundle).updates if u.opened}
        own = {(round_id, node) for round_id in readers}
        seen = {(r, n) for r, members in readers.items() if node in members for n in range(1, 5)}
        assert opened == seen
        assert evidence.audit(bundle, anchor=story.head).ok
        assert own & seen == {(r, node) for r, members in readers.items() if node in members}


def test_a_wrong_passphrase_leaves_them_sealed(
    story: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", "wrong")
    bundle = evidence.export(story.run, tmp_path / "bundle")
    assert len(_index(bundle).envelopes) == 12
    assert "wrong passphrase" in caplog.text
    assert evidence.audit(bundle).ok


def test_a_folder_without_keys(story: Any, tmp_path: Path) -> None:
    with pytest.raises(MissingKeys, match="CG305"):
        evidence.export(_source(story), tmp_path / "bundle", keys=(tmp_path,))


def test_the_journal_of_a_node_holds_its_own_update(
    story: Any, bundle: Path, tmp_path: Path
) -> None:
    """A node that no envelope was sealed for can still show what it committed to."""
    home = Path(shutil.copytree(story.run / "node1", tmp_path / "node1"))
    entry = next(u for u in _index(bundle).updates if (u.round, u.node) == (1, 1))
    update = (bundle / "blobs" / entry.blob).read_bytes()
    NodeHome(home).journal(1).write("update.safetensors", update)
    empty = BlobStore(tmp_path / "empty")
    for name in ("card.json", "layout.json"):
        empty.put((story.run / name).read_bytes())
    source = _source(story, store=tmp_path / "empty")
    made = evidence.export(source, tmp_path / "bundle", keys=(home,))
    assert [(u.round, u.node, u.opened) for u in _index(made).updates] == [(1, 1, True)]
    assert evidence.audit(made).ok


def test_what_was_delivered_but_not_committed_stays_in_its_envelope(
    story: Any, bundle: Path, store: Path, tmp_path: Path
) -> None:
    """Node 4 seals rubbish to the committee of round 2: evidence of that is the envelope itself."""
    blobs = BlobStore(store)
    for name in list(blobs):
        if blobs.get(name).startswith(b'{"keys"'):
            (store / name[:2] / name).unlink()
    row = from_audit.rounds(evidence.audit(bundle))[1]
    keys = {n: story.encryption_keys[n] for n in {*row.committee, row.aggregator}}
    domain = Domain(_index(bundle).chain_id, story.federation)
    digest = row.updates[3].digest
    name = blobs.put(seal(b"rubbish", keys, domain.envelope_context(2, digest)))
    homes = tuple(story.run / f"node{n}" for n in range(1, 5))
    made = evidence.export(_source(story, store=store), tmp_path / "made", keys=homes)
    assert [(u.node, u.blob, u.opened) for u in _index(made).updates] == [(4, name, False)]
    result = evidence.audit(made)
    assert result.ok
    assert any("content was invalid" in item.reason for item in result.unchecked)


def test_an_envelope_for_nobody_in_particular(story: Any, store: Path, tmp_path: Path) -> None:
    key = story.encryption_keys[1]
    BlobStore(store).put(seal(b"x", {1: key, 99: key}, b"another context"))
    made = evidence.export(_source(story, store=store), tmp_path / "made")
    result = evidence.audit(made)
    assert result.ok
    assert any("which no round drew together" in note.text for note in result.notes)


def test_rubbish_for_an_envelope(forger: Any, story: Any, tmp_path: Path) -> None:
    blob = "blobs/" + (digest := forger.index["updates"][0]["blob"])
    forger.index["updates"] = forger.index["updates"][1:]
    forger.index["envelopes"] = [digest]
    assert (forger.folder / blob).exists()  # an opened update is no envelope
    result = evidence.audit(forger.seal())
    assert [(f.code, f.record) for f in result.findings] == [("blob", f"envelope {digest}")]


def test_the_index_lists_what_is_sealed(story: Any, tmp_path: Path) -> None:
    bundle = evidence.export(_source(story), tmp_path / "bundle")
    document = json.loads((bundle / INDEX).read_bytes())
    listed = {file["path"] for file in document["files"]}
    assert {f"blobs/{digest}" for digest in document["envelopes"]} <= listed
