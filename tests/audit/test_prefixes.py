"""Evidence is valid at any moment, also in the middle of a round or before the first."""

from typing import Any

import pytest

from collegium import evidence
from collegium.chain.parts import PARTS
from collegium.queries import from_audit


def _cut(forger: Any, length: int) -> None:
    """Keep the first blocks, and the blobs that the chain knows by then."""
    del forger.entries[length:]
    text = str(forger.entries)
    done = [forger.book.decode_log(log) for _, _, r in forger.transactions() for log in r["logs"]]
    named = {(e["round"], e["id"]) for e in done if e and e.name == "UpdateCommitted"}
    for event in done:
        if event and event.name == "UpdatesCommitted":
            updates = event["updates"]
            ids = [int.from_bytes(updates[i : i + 2], "big") for i in range(0, len(updates), 34)]
            named |= {(event["round"], node) for node in ids}
    index = forger.index
    index["updates"] = [u for u in index["updates"] if (u["round"], u["node"]) in named]
    index["states"] = [s for s in index["states"] if s["root"] in text]
    wanted = {u["blob"] for u in (*index["updates"], *index["states"])}
    for path in (forger.folder / "blobs").iterdir():
        if path.name not in wanted:
            path.unlink()
    forger.rebuild()


@pytest.mark.parametrize("share", [step / 20 for step in range(1, 20)])
def test_any_beginning_of_the_chain(forger: Any, share: float) -> None:
    _cut(forger, max(1 + len(PARTS), int(len(forger.entries) * share)))
    head = forger.entries[-1]["block"]["hash"]
    result = evidence.audit(forger.seal(), anchor=head)
    assert result.findings == ()
    *before, newest = [None, *(row.phase for row in from_audit.rounds(result))]
    assert set(before) <= {None, "Final"}
    assert newest in (None, "Commit", "Score", "Merge", "Proposed", "Final")


def test_the_beginning(forger: Any) -> None:
    _cut(forger, 1 + len(PARTS))
    result = evidence.audit(forger.seal())
    assert result.ok and not result.rounds
    assert result.money.balance == 0


def test_before_the_settlement_nothing_is_paid(forger: Any) -> None:
    entry, _, _ = forger.call("settle")
    _cut(forger, forger.entries.index(entry))
    result = evidence.audit(forger.seal())
    assert result.ok and result.money.reserved == 1_000_000 and result.money.earned == 0
    assert [u.accepted for u in from_audit.rounds(result)[0].updates] == [None] * 4
    assert all(update.opened for update in from_audit.rounds(result)[0].updates)


def test_a_proposal_is_recomputed_before_it_is_final(forger: Any) -> None:
    entry, _, _ = forger.call("attestMerge")
    _cut(forger, forger.entries.index(entry))
    result = evidence.audit(forger.seal())
    assert result.ok
    assert (from_audit.rounds(result)[0].phase, from_audit.rounds(result)[0].merge) == (
        "Proposed",
        "exact",
    )


def test_a_wrong_proposal_is_told_of_before_it_falls(forger: Any) -> None:
    """It breaks no rule that the chain can enforce yet; any reader of this note can dispute it."""
    entry, _, _ = forger.call("disputeMerge")
    _cut(forger, forger.entries.index(entry))
    result = evidence.audit(forger.seal())
    assert result.ok
    assert (from_audit.rounds(result)[1].phase, from_audit.rounds(result)[1].merge) == (
        "Proposed",
        "wrong",
    )
    assert any("can still be disputed" in note.text for note in result.notes)
