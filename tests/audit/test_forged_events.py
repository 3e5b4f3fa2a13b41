"""Receipts rewritten so that every hash fits again: what the rules do not lead to is found."""

from typing import Any

import pytest
from tests.support.forging import found, rebuilt

from collegium import evidence
from collegium.protocol import packed

EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a claim pays more": ("Claimed", {"amount": 10**6}),
    "a claim of another account": ("Claimed", {"total": 1}),
    "a deposit is booked higher": ("Deposited", {"amount": 10**9}),
    "a bonus is higher": ("Credited", {"amount": 77_777}),
    "escrow is released": ("Settled", {"released": 10}),
    "another ledger": ("Settled", {"ledgerRoot": bytes(32)}),
    "a round earns more": ("RoundSettled", {"earned": 10**6}),
    "other totals": ("RoundSettled", {"totals": [1, 2, 3, 4]}),
    "other fees": ("RoundSettled", {"fees": packed.pack_fees([1, 2, 3])}),
    "another outcome": ("RoundSettled", {"outcome": bytes(32)}),
    "another committee": ("CommitteeDrawn", {"committee": [1, 2, 3]}),
    "another seed": ("CommitteeDrawn", {"seed": bytes(32)}),
    "another aggregator": ("CommitteeDrawn", {"aggregator": 4}),
    "another merge": ("MergeProposed", {"root": bytes(32)}),
    "another final state": ("RoundFinalised", {"root": bytes(32)}),
    "another commitment": ("UpdateCommitted", {"digest": bytes(32)}),
    "other scores": ("VerdictRevealed", {"scores": bytes(16)}),
    "another seal": ("VerdictCommitted", {"seal": bytes(32)}),
    "another key of a node": ("NodeRegistered", {"encryptionKey": bytes(32)}),
    "another base": ("RoundOpened", {"base": bytes(32)}),
    "more time": ("RoundOpened", {"deadline": 2**40}),
    "more stake": ("Staked", {"amount": 501}),
    "more withdrawn": ("Withdrawn", {"amount": 1001}),
    "attested by all": ("MergeAttested", {"slots": 7}),
    "more time to object": ("MergeAttested", {"deadline": 2**40}),
    "another merge was rejected": ("MergeRejected", {"root": bytes(32)}),
    "another proposer was rejected": ("MergeRejected", {"proposer": 4}),
    "another challenger": ("MergeRejected", {"challenger": "0x" + "0e" * 20}),
    "a smaller penalty": ("NodeSlashed", {"amount": 1}),
    "another offence": ("NodeSlashed", {"offence": 0}),
    "another reporter": ("NodeSlashed", {"reporter": "0x" + "0e" * 20}),
    "less was taken": ("Slashed", {"amount": 1}),
    "a larger reward": ("Slashed", {"reward": 500}),
    "a node stays longer": ("NodeLeft", {"activeUntil": 9}),
    "a node left for another reason": ("NodeLeft", {"reason": 1}),
    "a stake is free earlier": ("Unbonding", {"until": 1}),
    "a larger stake is returned": ("StakeWithdrawn", {"amount": 10**6}),
    "a reporter is paid more": ("Collected", {"amount": 10**6}),
    "more comes back": ("Recycled", {"amount": 10**6}),
    "a rotated key": ("NodeRotated", {"encryptionKey": bytes(32)}),
    "a key rotated earlier": ("NodeRotated", {"activeFrom": 1}),
}


@pytest.mark.parametrize("case", EVENTS)
def test_an_event_with_other_values(forger: Any, case: str) -> None:
    name, changes = EVENTS[case]
    forger.edit_event(name, **changes)
    height = int(forger.log(name)["blockNumber"], 16)
    only_digests = evidence.audit(forger.seal())
    assert found(only_digests, "receipts", f"block {height}")
    result = rebuilt(forger)
    field = next(iter(changes))
    assert found(result, "event", f"{name}, event") and found(result, "event", f", {field}")
    assert not found(result, "receipts", "block")


@pytest.mark.parametrize(
    "name",
    ["Credited", "MergeRejected", "NodeSlashed", "Slashed", "NodeLeft", "Unbonding", "NodeRotated"],
)
def test_an_event_removed(forger: Any, name: str) -> None:
    gone = forger.log(name)
    for _, _, receipt in forger.transactions():
        receipt["logs"] = [log for log in receipt["logs"] if log is not gone]
    assert found(rebuilt(forger), "event", name)


def test_an_event_added(forger: Any) -> None:
    log = forger.log("Claimed")
    receipt = next(r for _, _, r in forger.transactions() if log in r["logs"])
    receipt["logs"].append(dict(log))
    assert found(rebuilt(forger), "event", "event")


def test_events_in_another_order(forger: Any) -> None:
    log = forger.log("RoundSettled")
    receipt = next(r for _, _, r in forger.transactions() if log in r["logs"])
    receipt["logs"].reverse()
    assert found(rebuilt(forger), "event", "RoundSettled")


def test_an_event_through_another_contract(forger: Any) -> None:
    stolen = dict(forger.log("Credited"))
    receipt = next(r for e, t, r in forger.transactions() if t["to"] == forger.index["token"])
    receipt["logs"].append(stolen)
    result = rebuilt(forger)
    assert found(result, "call", "transaction") and found(result, "event", "event")


def test_a_token_that_moved_otherwise(forger: Any) -> None:
    for nth in range(60):
        log = forger.log("Transfer", nth)
        if forger.index["vault"][2:].lower() in log["topics"][1]:
            break
    log["data"] = "0x" + (1).to_bytes(32, "big").hex()
    assert found(rebuilt(forger), "transfer", "transaction")


@pytest.mark.parametrize("status", ["0x0", "0x1"])
def test_another_outcome(forger: Any, status: str) -> None:
    """An accepted verdict now fails, and the second commitment of a node now succeeds."""
    name, other = ("commitVerdict", "0x1") if status == "0x0" else ("commitUpdate", "0x0")
    abi = forger.book.abi(forger.index["federation"])
    for _, tx, receipt in forger.transactions():
        call = abi.decode_call(bytes.fromhex(tx["input"][2:]))
        if call and call.name == name and receipt["status"] == other:
            break
    receipt["status"] = status
    assert found(rebuilt(forger), "outcome", f"transaction {tx['hash']}")
