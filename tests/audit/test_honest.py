"""Evidence of an honest run is valid, from any source."""

import json
from collections import Counter
from pathlib import Path

import pytest

from collegium import evidence
from collegium.audit.report import AuditResult
from collegium.audit.trail import CODES
from collegium.errors import BadAnchor
from collegium.queries import from_audit


@pytest.fixture(scope="module")
def result(story, bundle) -> AuditResult:
    return evidence.audit(bundle, anchor=story.head)


def test_it_holds(result: AuditResult) -> None:
    assert result.findings == ()
    assert result.ok
    assert result.checks > 1500


def test_every_check_was_made(result: AuditResult) -> None:
    assert {code for code in CODES if not result.by_check[code]} == set()


def test_rounds_are_derived(result: AuditResult) -> None:
    first, second, third = from_audit.rounds(result)
    assert [(u.node, u.accepted) for u in first.updates] == [
        (3, True), (1, True), (2, True), (4, False),
    ]  # fmt: skip
    assert [u.bits for u in first.updates] == [2, 8, 4, 8]
    assert {row.merge for row in from_audit.rounds(result)} == {"exact"}
    assert {row.phase for row in from_audit.rounds(result)} == {"Final"}
    assert first.root == second.base and second.root == third.base
    assert third.root is not None and third.root.hex() == result.state_root
    refused = second.updates[3]
    assert (refused.node, refused.score, refused.codes) == (4, None, ("norm",))
    alike = {u.node: "near-duplicate" in u.codes for u in second.updates}
    assert alike == {1: True, 2: True, 3: False, 4: False}


def test_rejected_merges_are_derived(result: AuditResult) -> None:
    first, second, third = (row.rejected for row in from_audit.rounds(result))
    assert first == ()
    (altered,), (unshown,) = second, third
    assert (altered.exact, altered.leaf, altered.block) == (False, 1, 1)
    assert altered.by is not None and altered.gas > 100_000
    assert (unshown.exact, unshown.leaf, unshown.by) == (False, None, None)
    assert unshown.root == b"\x99" * 32
    assert all(row.proposer != row.rejected[0].proposer for row in from_audit.rounds(result)[1:])


def test_penalties_are_derived(result: AuditResult) -> None:
    found = [(one.offence, one.amount, one.by is None) for one in from_audit.slashes(result)]
    assert found == [
        ("invalid", 50, True), ("merge", 300, False), ("attestation", 250, False),
        ("unrevealed", 50, True), ("equivocation", 500, False),
    ]  # fmt: skip
    assert [one.round for one in from_audit.slashes(result)] == [2, 2, 2, 3, 1]
    lost = {n.node: n.slashed for n in result.money.nodes}
    assert sum(lost.values()) == sum(amount for _, amount, _ in found)
    by_node = Counter()
    for one in from_audit.slashes(result):
        by_node[one.node] += one.amount
    assert all(lost[node] == amount for node, amount in by_node.items())


def test_money_adds_up(result: AuditResult) -> None:
    money = result.money
    assert money.deposited == 20_000_000 + 1150 - (150 + 125 + 250)  # what was forfeited came in
    assert (money.owed, money.forfeited) == (150 + 125, 0)  # one reward of 250 was collected
    assert money.staked == sum(one.stake for one in money.nodes)
    assert money.earned + money.reserved + money.free == money.deposited - money.withdrawn
    assert sum(one.earned for one in money.nodes) == money.earned
    assert [one.claimed > 0 for one in money.nodes] == [True, False, True, False]
    paid = sum(u.paid for r in from_audit.rounds(result) for u in r.updates)
    fees = sum(sum(r.fees) + r.bonus for r in from_audit.rounds(result))
    assert paid + fees == money.earned


def test_it_says_what_it_cannot_know(result: AuditResult) -> None:
    subjects = " ".join(item.subject for item in result.unchecked)
    assert "how useful" in subjects and "trained on" in subjects
    assert "everyone else sees" not in subjects  # there is an anchor
    reasons = [item.reason for item in result.unchecked if item.subject.startswith("why")]
    assert sorted(reasons) == ["it used up its gas", "the token may have rejected deposit"]
    assert any("arrived without a call" in note.text for note in result.notes)


def test_json_is_plain(result: AuditResult) -> None:
    document = json.loads(json.dumps(result.to_json()))
    assert {"ok", "checks", "findings", "unchecked"} <= document.keys()
    assert document["money"]["deposited"] == "20000625"


def test_without_an_anchor_it_says_so(bundle: Path) -> None:
    result = evidence.audit(bundle)
    assert result.ok
    assert any("everyone else sees" in item.subject for item in result.unchecked)


def test_an_earlier_anchor_covers_what_is_before_it(bundle: Path) -> None:
    lines = (bundle / "chain/blocks.jsonl").read_bytes().splitlines()
    block = json.loads(lines[30])["block"]
    result = evidence.audit(bundle, anchor=block["hash"].removeprefix("0x").upper())
    assert result.ok
    later = f"blocks {int(block['number'], 16) + 1} to"
    assert any(item.subject.startswith(later) for item in result.unchecked)


def test_another_anchor_is_a_finding(bundle: Path) -> None:
    result = evidence.audit(bundle, anchor="0x" + "ab" * 32)
    assert [finding.code for finding in result.findings] == ["anchor"]


@pytest.mark.parametrize("anchor", ["0x12", "latest", "", "zz" * 32])
def test_an_anchor_is_a_hash(bundle: Path, anchor: str) -> None:
    with pytest.raises(BadAnchor, match="CG604"):
        evidence.audit(bundle, anchor=anchor)


def test_a_run_is_audited_in_place(story) -> None:
    before = _files(story.run)
    result = evidence.audit(story.run, anchor=story.head)
    assert result.ok and all(u.opened for r in from_audit.rounds(result) for u in r.updates)
    assert _files(story.run) == before


def _files(folder: Path) -> list[Path]:
    """All but SQLite's own, which are there while another test process reads the chain."""
    return sorted(path for path in folder.rglob("*") if not path.name.endswith(("-shm", "-wal")))


def test_a_chain_and_its_store_are_enough(story) -> None:
    source = evidence.from_chain(str(story.chain), story.federation, story.run / "store")
    stages = set()
    result = evidence.audit(
        source.with_keys(story.run / "node1", story.run / "node2"),
        anchor=story.head,
        progress=lambda stage, done, total: stages.add(stage),
    )
    assert result.ok
    assert stages == {"chain", "blobs", "files", "blocks", "rounds"}
