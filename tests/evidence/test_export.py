"""Exporting: complete or not at all, the same bytes every time, continued where it broke off."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from collegium import evidence
from collegium.audit.index import BLOCKS, INDEX
from collegium.errors import BlobMissing, BundleExists, NoRun, WrongChain
from collegium.evidence import exporter
from collegium.evidence.openers import Openers
from collegium.evidence.writer import MARK
from collegium.protocol.signing import Domain
from collegium.queries import from_audit
from collegium.store import BlobStore


def _files(root: Path) -> dict[str, bytes]:
    paths = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def test_the_same_evidence_gives_the_same_bytes(story: Any, bundle: Path, tmp_path: Path) -> None:
    again = evidence.export(story.run, tmp_path / "again")
    assert _files(again) == _files(bundle)
    one = evidence.export(story.run, tmp_path / "one.zip")
    two = evidence.export(story.run, tmp_path / "two.zip")
    assert one.read_bytes() == two.read_bytes()


def test_a_zip_says_the_same(story: Any, bundle: Path, tmp_path: Path) -> None:
    zipped = evidence.audit(evidence.export(story.run, tmp_path / "bundle.zip"), anchor=story.head)
    folder = evidence.audit(bundle, anchor=story.head)
    assert zipped.ok and zipped.by_check == folder.by_check
    assert zipped.rounds == folder.rounds and zipped.money == folder.money
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle.zip"]


def test_blocks_are_as_the_server_wrote_them(bundle: Path) -> None:
    lines = (bundle / BLOCKS).read_bytes().splitlines()
    index = json.loads((bundle / INDEX).read_bytes())
    assert len(lines) == index["head_number"] - index["first_block"] + 1
    entry = json.loads(lines[0])
    assert set(entry) == {"block", "receipts"}
    assert {"totalDifficulty", "size", "hash", "transactions"} <= entry["block"].keys()


def test_what_is_there_is_not_overwritten(story: Any, tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    with pytest.raises(BundleExists, match="CG603"):
        evidence.export(story.run, tmp_path / "bundle")


def test_a_failure_leaves_no_bundle(
    story: Any, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off while blocks are read, in the middle of a line: the next attempt goes on there."""
    out, seen = tmp_path / "bundle", []

    def power_cut(stage: str, done: int, total: int) -> None:
        if stage == "chain":
            seen.append(done)
            if len(seen) == 20:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evidence.export(story.run, out, progress=power_cut)
    assert not out.exists()
    partial = tmp_path / "bundle.partial" / BLOCKS
    with partial.open("ab") as file:
        file.write(b'{"block": {"num')
    (tmp_path / "bundle.partial/blobs" / ("0" * 64)).write_bytes(b"left over")
    evidence.export(story.run, out, progress=lambda s, done, t: seen.append(done) or None)
    assert _files(out) == _files(bundle)
    assert seen[20] > 15  # blocks that were written are not read again
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bundle"]


_EMPTY = b'{"block": {"transactions": []}, "receipts": []}'


@pytest.mark.parametrize("left", [b"rubbish\n", b"", _EMPTY + b"\n"])
def test_rubbish_of_an_earlier_attempt_is_thrown_away(
    story: Any, bundle: Path, tmp_path: Path, left: bytes
) -> None:
    chain = tmp_path / "bundle.partial" / BLOCKS
    chain.parent.mkdir(parents=True)
    chain.write_bytes(left)
    (tmp_path / "bundle.partial" / MARK).touch()
    assert _files(evidence.export(story.run, tmp_path / "bundle")) == _files(bundle)


def test_the_blocks_of_another_chain_are_thrown_away(
    story: Any, bundle: Path, forger: Any, tmp_path: Path
) -> None:
    forger.entries[5]["block"]["timestamp"] = hex(
        int(forger.entries[5]["block"]["timestamp"], 16) + 1
    )
    forger.rebuild()
    forger.seal()
    shutil.copytree(forger.folder / "chain", tmp_path / "out.partial" / "chain")
    (tmp_path / "out.partial" / MARK).touch()
    assert _files(evidence.export(story.run, tmp_path / "out")) == _files(bundle)


def test_a_users_folder_beside_the_bundle_stays(story: Any, tmp_path: Path) -> None:
    """The bundle is written there first, and moved when it is complete."""
    for out in ("out.zip", "out"):
        mine = tmp_path / f"{out}.partial" / "blobs" / "thesis.txt"
        mine.parent.mkdir(parents=True)
        mine.write_text("mine")
        with pytest.raises(BundleExists, match="CG603"):
            evidence.export(story.run, tmp_path / out)
        assert mine.read_text() == "mine" and not (tmp_path / out).exists()
    new = tmp_path / "other.zip.new"
    new.write_text("mine")
    evidence.export(story.run, tmp_path / "other.zip")
    assert new.read_text() == "mine" and not (tmp_path / "other.zip.partial").exists()


def test_documents_come_from_the_store_or_from_files(story: Any, tmp_path: Path) -> None:
    chain = (str(story.chain), story.federation)
    with pytest.raises(BlobMissing, match="--card"):
        evidence.export(evidence.from_chain(*chain), tmp_path / "a")
    with pytest.raises(BlobMissing, match="--layout"):
        evidence.export(evidence.from_chain(*chain, card=story.run / "card.json"), tmp_path / "b")
    source = evidence.from_chain(
        *chain, card=story.run / "card.json", layout=story.run / "layout.json"
    )
    result = evidence.audit(source, anchor=story.head)
    assert result.ok
    reasons = {i.subject: i.reason for i in result.unchecked}
    assert "no state file" in reasons[f"the adapter with root {result.state_root}"]


def test_a_wrong_card_is_left_to_the_audit(story: Any, tmp_path: Path) -> None:
    for name in ("card", "layout"):
        (tmp_path / name).write_bytes(b"{}")
    source = evidence.from_chain(
        str(story.chain), story.federation, story.run / "store",
        card=tmp_path / "card", layout=tmp_path / "layout",
    )  # fmt: skip
    result = evidence.audit(source)
    assert {"card", "layout"} <= {finding.code for finding in result.findings}


def test_a_contract_that_is_not_there(story: Any, tmp_path: Path) -> None:
    source = evidence.from_chain(str(story.chain), "0x000000000000000000000000000000000000dEaD")
    with pytest.raises(WrongChain):
        evidence.export(source, tmp_path / "bundle")


@pytest.mark.parametrize("missing", ["run.json", "card.json", "chain.sqlite"])
def test_a_folder_that_is_no_run(story: Any, tmp_path: Path, missing: str) -> None:
    shutil.copytree(story.run, tmp_path / "run")
    (tmp_path / "run" / missing).unlink()
    with pytest.raises(NoRun, match="CG505"):
        evidence.export(tmp_path / "run", tmp_path / "bundle")
    assert not (tmp_path / "run/chain.sqlite").exists() or missing != "chain.sqlite"


def test_a_run_can_be_moved(story: Any, tmp_path: Path) -> None:
    shutil.copytree(story.run, tmp_path / "elsewhere")
    assert evidence.audit(tmp_path / "elsewhere", anchor=story.head).ok


def test_a_large_blob_is_not_even_read(
    story: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store keeps other things as well, such as base models."""
    store = BlobStore(shutil.copytree(story.run / "store", tmp_path / "store"))
    large = store.put(bytes(1 << 20))
    read = []
    get = BlobStore.get
    monkeypatch.setattr(BlobStore, "get", lambda s, d, *a: read.append(d) or get(s, d, *a))
    evidence.export(
        evidence.from_chain(str(story.chain), story.federation, tmp_path / "store"), tmp_path / "b"
    )
    assert read and large not in read


def test_a_node_of_another_federation(story: Any, caplog: pytest.LogCaptureFixture) -> None:
    home = story.run / "node1"
    keys = Openers([home], {}, Domain(1, story.federation))
    assert keys.of(1) is None and "not registered" in caplog.text


def test_commitments_know_their_readers(story: Any, bundle: Path) -> None:
    with exporter.connected(evidence.from_run(story.run)) as chain:
        from collegium.chain.federation import Federation

        found = exporter.commitments(Federation(chain, story.federation).events())
    assert [(c.round, c.node) for c in found] == [(r, n) for r in (1, 2, 3) for n in (3, 1, 2, 4)]
    rows = {
        row.id: frozenset((*row.committee, row.aggregator))
        for row in from_audit.rounds(evidence.audit(bundle))
    }
    assert {c.round: c.readers for c in found} == rows
