"""Evidence that was rewritten so that every digest and hash fits again.

Without keys a forger can compute file digests, roots and block hashes, but no signatures, and not
the anchor. Each case says what it changes, and the audit has to name what does not follow.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.forging import found, rebuilt
from tests.support.story import ALTERED

from collegium import evidence
from collegium.audit import merges
from collegium.audit.report import AuditResult
from collegium.chain.parts import PARTS
from collegium.protocol import state
from collegium.protocol.card import TaskCard
from collegium.protocol.container import decode_state, decode_update, encode_state, encode_update
from collegium.protocol.layout import Layout
from collegium.protocol.rules import merging
from collegium.protocol.terms import Terms
from collegium.queries import from_audit


def test_the_forger_s_tools_change_nothing_by_themselves(forger: Any, story: Any) -> None:
    forger.rebuild()
    assert evidence.audit(forger.seal(), anchor=story.head).ok


# -- transactions --------------------------------------------------------------------------------


CALLDATA = {
    "proposeMerge": ("event", "MergeProposed"),
    "disputeMerge": ("outcome", "transaction"),
    "proveEquivocation": ("outcome", "transaction"),
    "rotate": ("event", "NodeRotated"),
    "attestMerge": ("outcome", "transaction"),
    "withdrawStake": ("outcome", "transaction"),
    "revoke": ("outcome", "transaction"),
}


@pytest.mark.parametrize("name", CALLDATA)
def test_other_calldata(forger: Any, name: str) -> None:
    """The last byte of the arguments that says something."""
    _, tx, _ = forger.call(name)
    data = bytearray.fromhex(tx["input"][2:])
    position = max(i for i, byte in enumerate(data) if byte)
    data[position] ^= 1
    tx["input"] = "0x" + data.hex()
    assert found(evidence.audit(forger.seal()), "transactions", "block")
    result = rebuilt(forger)
    assert found(result, "transactions", "block")  # the signature is someone else's now
    code, record = CALLDATA[name]
    assert found(result, code, record)


def test_another_sender(forger: Any) -> None:
    _, tx, _ = forger.call("openRound")
    tx["from"] = forger.call("register")[1]["from"]
    result = evidence.audit(forger.seal())
    assert found(result, "transactions", "block") and found(result, "outcome", tx["hash"])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("revealVerdict", "nonce"),
        ("commitUpdate", "outcome"),
        ("register", "event"),
        ("admit", "nonce"),
        ("deposit", "nonce"),
        ("advance", "event"),
        ("settle", "outcome"),
        ("disputeMerge", "outcome"),
        ("attestMerge", "outcome"),
        ("rotate", "outcome"),
        ("proveEquivocation", "outcome"),
        ("exit", "outcome"),
        ("recycle", "nonce"),
    ],
)
def test_a_transaction_left_out(forger: Any, name: str, code: str) -> None:
    entry, _, position = forger.call(name)
    del entry["block"]["transactions"][position], entry["receipts"][position]
    assert found(rebuilt(forger), code, "")


def test_the_last_transaction_of_a_sender_left_out(forger: Any, story: Any) -> None:
    """Nothing else depends on it: only an anchor can tell, and without one the audit says so."""
    entry, _, position = forger.call("claim")
    del entry["block"]["transactions"][position], entry["receipts"][position]
    forger.rebuild()
    forged = forger.seal()
    assert found(evidence.audit(forged, anchor=story.head), "anchor", "block")
    assert any("invented blocks" in item.reason for item in evidence.audit(forged).unchecked)


# -- blocks --------------------------------------------------------------------------------------


def test_a_block_left_out(forger: Any) -> None:
    entry, _, _ = forger.call("settle")
    forger.entries.remove(entry)
    result = evidence.audit(forger.seal())
    assert found(result, "parent", f"block {int(entry['block']['number'], 16) + 1}")
    assert found(rebuilt(forger), "nonce", "transaction")


def test_blocks_in_another_order(forger: Any) -> None:
    one, two = 20, 21
    forger.entries[one], forger.entries[two] = forger.entries[two], forger.entries[one]
    assert found(evidence.audit(forger.seal()), "parent", "block")
    assert not rebuilt(forger).ok


def test_a_chain_cut_short_shows_only_by_an_anchor(forger: Any, story: Any) -> None:
    del forger.entries[-20:]
    assert found(evidence.audit(forger.seal()), "head", "block")
    forger.rebuild()
    cut = forger.seal()
    assert not evidence.audit(cut, anchor=story.head).ok
    unchecked = evidence.audit(cut).unchecked
    assert any("everyone else sees" in item.subject for item in unchecked)


def test_another_time(forger: Any) -> None:
    entry, _, _ = forger.call("openRound")
    entry["block"]["timestamp"] = hex(int(entry["block"]["timestamp"], 16) + 1)
    assert found(evidence.audit(forger.seal()), "header", "block")
    assert found(rebuilt(forger), "event", "RoundOpened")


@pytest.mark.parametrize(
    ("event", "begins", "ends"),
    [
        ("RoundFinalised", "MergeAttested", "deadline"),
        ("StakeWithdrawn", "Unbonding", "until"),
        ("MergeRejected", "MergeProposed", "deadline"),
    ],
)
def test_something_that_came_too_early(forger: Any, event: str, begins: str, ends: str) -> None:
    """A window was cut short by a second: a merge final, a stake free, a proposal rejected."""
    last = -1 if event != "RoundFinalised" else 0
    log = forger.log(event, last)
    position = next(
        i for i, e in enumerate(forger.entries) if e["block"]["number"] == log["blockNumber"]
    )
    opened = [forger.book.decode_log(one) for one in forger.logs(begins)]
    before = [one for one in opened if one.block < int(log["blockNumber"], 16)]
    due = next(one for one in reversed(before) if _same(one, forger.book.decode_log(log)))
    for entry in forger.entries[: position + 1]:
        block = entry["block"]
        block["timestamp"] = hex(min(int(block["timestamp"], 16), due[ends] - 1))
    result = rebuilt(forger)
    assert found(result, "outcome", log["transactionHash"])


def _same(one: Any, other: Any) -> bool:
    """Whether two events are of one node, or of one round."""
    return one.args.get("id", one.args.get("round")) == other.args.get(
        "id", other.args.get("round")
    )


def test_another_randomness(forger: Any) -> None:
    log = forger.log("CommitteeDrawn")
    entry = next(e for e in forger.entries if e["block"]["number"] == log["blockNumber"])
    entry["block"]["mixHash"] = "0x" + "5a" * 32
    assert found(rebuilt(forger), "event", "CommitteeDrawn")


def test_time_that_goes_back(forger: Any) -> None:
    forger.entries[-1]["block"]["timestamp"] = "0x1"
    assert found(rebuilt(forger), "parent", "time")


# -- the contract and the documents --------------------------------------------------------------


@pytest.mark.parametrize("line", range(len(PARTS) + 1), ids=[*PARTS, "federation"])
def test_another_code(forger: Any, line: int) -> None:
    tx = forger.entries[line]["block"]["transactions"][0]
    tx["input"] = tx["input"].replace("6080", "6081", 1)
    result = rebuilt(forger)
    assert found(result, "code", "creation code") and found(result, "transactions", "block")


def test_other_terms(forger: Any) -> None:
    tx = forger.entries[len(PARTS)]["block"]["transactions"][0]
    size = (
        len(Terms.__dataclass_fields__) + 4 + len(PARTS)
    ) * 64  # and card, genesis, token, admin
    words = tx["input"][-size:]
    reward = words[2 * 64 : 3 * 64]
    assert int(reward, 16) == 1_000_000
    tx["input"] = tx["input"][:-size] + words.replace(reward, f"{7:064x}", 1)
    result = rebuilt(forger)
    assert found(result, "terms", "reward") and found(result, "event", "Reserved")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("vault", "0x000000000000000000000000000000000000dEaD", "deployment"),
        ("disputes", "0x000000000000000000000000000000000000dEaD", "deployment"),
        ("settler", "0x000000000000000000000000000000000000dEaD", "deployment"),
        ("steps", "0x000000000000000000000000000000000000dEaD", "deployment"),
        ("token", "0x000000000000000000000000000000000000dEaD", "deployment"),
        ("federation", "0x000000000000000000000000000000000000dEaD", "deployment"),
        ("chain_id", 1, "fields"),
        ("first_block", 1, "parent"),
        ("head_number", 7, "head"),
        ("head_hash", "ab" * 32, "head"),
        ("format", "collegium-evidence/2", "bundle"),
        ("format", "collegium-evidence/9", "bundle"),
    ],
)
def test_another_subject(forger: Any, field: str, value: Any, code: str) -> None:
    forger.index[field] = value
    assert code in {finding.code for finding in evidence.audit(forger.seal()).findings}


def _card(forger: Any, change: Callable[[dict[str, Any]], None]) -> AuditResult:
    path = forger.folder / "card.json"
    document = TaskCard.decode(path.read_bytes()).to_json()
    change(document)
    path.write_bytes(TaskCard.from_json(document).encode())
    return evidence.audit(forger.seal())


def test_another_card(forger: Any) -> None:
    result = _card(forger, lambda card: card["terms"].update(reward="5", min_score=-7))
    assert found(result, "card", "card.json")
    assert found(result, "terms", "reward") and found(result, "terms", "minScore")


def test_a_committee_that_let_something_pass(forger: Any) -> None:
    """With a tighter norm on the card, updates that were accepted should not have been."""
    result = _card(forger, lambda card: card["limits"].update(norm=0.01))
    assert found(result, "verdict", "update of node 1 in round 1")
    assert from_audit.rounds(result)[0].merge == "exact"  # of what was accepted, rightly or not
    assert found(result, "card", "card.json")


def test_another_layout(forger: Any) -> None:
    path = forger.folder / "layout.json"
    document = Layout.decode(path.read_bytes()).to_json() | {"rank": 3, "base_model": "ee" * 32}
    path.write_bytes(Layout.from_json(document).encode())
    result = evidence.audit(forger.seal())
    assert found(result, "layout", "layout.json") and found(result, "layout", "base_model")


# -- updates and states --------------------------------------------------------------------------


def _update(forger: Any, round_id: int, node: int) -> tuple[str, bytes, Layout]:
    entry = next(u for u in forger.index["updates"] if (u["round"], u["node"]) == (round_id, node))
    layout = Layout.decode((forger.folder / "layout.json").read_bytes())
    return entry["blob"], (forger.folder / "blobs" / entry["blob"]).read_bytes(), layout


def test_another_lane_of_an_update(forger: Any) -> None:
    digest, data, layout = _update(forger, 1, 3)
    update = decode_update(data, layout)
    update.encoded.codes.setflags(write=True)
    update.encoded.codes[0] = 1 if update.encoded.codes[0] != 1 else 0
    forger.blob(digest, encode_update(update))
    result = evidence.audit(forger.seal())
    assert found(result, "update", "update of node 3 in round 1, lane-root")


def test_an_update_taken_for_another(forger: Any) -> None:
    digest, _, _ = _update(forger, 1, 1)
    _, other, _ = _update(forger, 2, 1)
    forger.blob(digest, other)
    result = evidence.audit(forger.seal())
    for check in ("digest", "round", "base", "signature"):
        assert found(result, "update", f"update of node 1 in round 1, {check}")
    assert any("merge is exact" in item.subject for item in result.unchecked)


def test_an_update_of_a_stranger(forger: Any) -> None:
    forger.index["updates"][0]["node"] = 9
    assert found(evidence.audit(forger.seal()), "blob", "update of node 9 in round 1")


def test_rubbish_for_an_update(forger: Any) -> None:
    digest, _, _ = _update(forger, 2, 4)
    forger.blob(digest, b"rubbish")
    assert found(evidence.audit(forger.seal()), "update", "update of node 4 in round 2, container")


def test_an_update_twice(forger: Any) -> None:
    forger.index["updates"].append(forger.index["updates"][0])
    assert found(evidence.audit(forger.seal()), "blob", "bundle.json, updates")


def _state(forger: Any, nth: int) -> tuple[dict[str, str], np.ndarray]:
    entry = forger.index["states"][nth]
    layout = Layout.decode((forger.folder / "layout.json").read_bytes())
    return entry, decode_state((forger.folder / "blobs" / entry["blob"]).read_bytes(), layout)


def test_another_state(forger: Any) -> None:
    entry, lanes = _state(forger, 0)
    lanes[7] += 1
    forger.blob(entry["blob"], encode_state(lanes))
    assert found(evidence.audit(forger.seal()), "state", f"state {entry['root']}")


def test_another_state_under_its_own_root(forger: Any) -> None:
    entry, lanes = _state(forger, 1)
    lanes[7] += 1
    root = state.root(lanes).hex()
    forger.blob(entry["blob"], encode_state(lanes))
    forger.index["states"][1]["root"] = root
    assert found(evidence.audit(forger.seal()), "state", f"state {root}")


def test_a_blob_for_nothing(forger: Any) -> None:
    del forger.index["states"][0]
    assert found(evidence.audit(forger.seal()), "blob", "blobs/")


def test_a_blob_that_is_not_there(forger: Any) -> None:
    forger.index["envelopes"].append("ab" * 32)
    result = evidence.audit(forger.seal())
    assert found(result, "blob", "ab" * 32)


def test_another_root_under_the_same_signatures(forger: Any) -> None:
    """The final merge of round 2 is replaced everywhere by one that no one signed."""
    _, tx, _ = forger.call("proposeMerge", 2)
    wrong, right = "77" * 32, tx["input"][-64:]
    for _, one, receipt in forger.transactions():
        one["input"] = one["input"].replace(right, wrong)
        for log in receipt["logs"]:
            log["data"] = log["data"].replace(right, wrong)
    forger.index["states"] = [s for s in forger.index["states"] if s["root"] != right]
    result = rebuilt(forger)
    attested = forger.call("attestMerge", 2)[1]
    assert found(result, "outcome", attested["hash"])
    assert from_audit.rounds(result)[1].root is None


def test_a_right_merge_that_was_disproved(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The auditor merges by itself: a proof that fooled chain and model would still show."""
    exact = merging.merge

    def altered(rule: Any, base: Any, updates: Any) -> Any:
        result = exact(rule, base, updates)
        result[ALTERED] += 1
        return result

    monkeypatch.setattr(merges.merging, "merge", altered)
    result = evidence.audit(bundle)
    assert found(result, "rejection", "rejected merge 1 of round 2")
    assert from_audit.rounds(result)[1].rejected[0].exact is True
    assert found(result, "merge", "final state of round 2")


def test_a_folder_of_evidence_is_left_as_it_is(bundle: Path) -> None:
    before = {p: p.read_bytes() for p in bundle.rglob("*") if p.is_file()}
    evidence.audit(bundle)
    assert {p: p.read_bytes() for p in bundle.rglob("*") if p.is_file()} == before
