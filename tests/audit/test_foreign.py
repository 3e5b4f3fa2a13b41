"""What a federation shares its chain with: unknown kinds of transactions, tokens with a fee."""

from typing import Any

import pytest
from eth_utils import keccak

from collegium import evidence
from collegium.audit.trail import Trail
from collegium.audit.transfers import Transfers
from collegium.protocol.model.machine import Event

TOKEN, VAULT, SPONSOR = "0x" + "1a" * 20, "0x" + "2b" * 20, "0x" + "3c" * 20
TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
TX = {"hash": "0x12"}


def _retype(forger: Any, target: str, kind: str) -> dict[str, Any]:
    """Give the last call of a contract another type of transaction."""
    found = [(tx, receipt) for _, tx, receipt in forger.transactions() if tx["to"] == target]
    tx, receipt = found[-1]
    tx["type"] = receipt["type"] = kind
    return tx


@pytest.mark.parametrize("kind", ["0x3", "0x4"])
def test_a_block_with_an_unknown_kind_of_transaction(forger: Any, kind: str) -> None:
    """Blobs and delegations of strangers: the root cannot be checked, all else can."""
    _retype(forger, forger.index["token"], kind)
    forger.rebuild()
    result = evidence.audit(forger.seal())
    assert result.findings == ()
    subjects = " ".join(item.subject for item in result.unchecked)
    assert "contains exactly these transactions" in subjects
    assert ("no sender's transaction is missing" in subjects) == (kind == "0x4")


def test_a_call_of_the_contract_must_be_of_a_known_kind(forger: Any) -> None:
    _retype(forger, forger.index["vault"], "0x3")
    forger.rebuild()
    result = evidence.audit(forger.seal())
    assert any(finding.code == "transactions" for finding in result.findings)


def test_another_transaction_beside_an_unknown_one_is_still_checked(forger: Any) -> None:
    tx = _retype(forger, forger.index["token"], "0x3")
    entry, other, position = forger.call("proposeMerge")
    home = next(e for e, t, _ in forger.transactions() if t is tx)
    home["block"]["transactions"].append(other)
    home["receipts"].append(entry["receipts"][position])
    del entry["block"]["transactions"][position], entry["receipts"][position]
    other["from"] = SPONSOR
    forger.rebuild()
    result = evidence.audit(forger.seal())
    assert any(f.code == "transactions" and SPONSOR in f.expected for f in result.findings)


def test_an_unknown_kind_cannot_be_claimed(forger: Any) -> None:
    """The receipts of a block prove the types of its transactions."""
    tx = _retype(forger, forger.index["token"], "0x3")
    receipt = next(r for _, t, r in forger.transactions() if t is tx)
    receipt["type"] = "0x2"
    forger.rebuild()
    result = evidence.audit(forger.seal())
    assert any(f.code == "fields" and f.record.endswith("type") for f in result.findings)


def _moved(*transfers: tuple[str, str, int]) -> dict[str, Any]:
    logs = [
        {
            "address": TOKEN,
            "topics": [TRANSFER, *("0x" + a[2:].rjust(64, "0") for a in (source, target))],
            "data": "0x" + amount.to_bytes(32, "big").hex(),
        }
        for source, target, amount in transfers
    ]
    return {"logs": logs}


def _deposited(amount: int) -> list[Event]:
    return [Event("vault", "Deposited", {"from": SPONSOR, "amount": amount})]


@pytest.mark.parametrize(
    "receipt",
    [
        _moved((SPONSOR, VAULT, 90), (SPONSOR, TOKEN, 10)),
        _moved((SPONSOR, VAULT, 100), (VAULT, TOKEN, 10)),
    ],
)
def test_a_token_that_takes_a_fee(receipt: dict[str, Any]) -> None:
    """What arrives is what counts; that a fee was taken is noted."""
    trail = Trail()
    transfers = Transfers(trail, TOKEN, VAULT)
    assert transfers.arrived(TX, receipt, 100) == 90
    transfers.check(TX, receipt, _deposited(90))
    assert trail.findings == [] and len(trail.notes) == len(trail.unchecked) == 1
    transfers.check(TX, receipt, _deposited(100))
    assert [finding.code for finding in trail.findings] == ["transfer"]


def test_a_token_cannot_bring_more_than_was_sent() -> None:
    transfers = Transfers(Trail(), TOKEN, VAULT)
    assert transfers.arrived(TX, _moved((SPONSOR, VAULT, 500)), 100) == 100
    assert transfers.arrived(TX, _moved(), 100) == 100


def test_transfers_between_others_do_not_count() -> None:
    trail = Trail()
    Transfers(trail, TOKEN, VAULT).check(TX, _moved((SPONSOR, TOKEN, 5)), [])
    assert trail.findings == [] and trail.notes == []
