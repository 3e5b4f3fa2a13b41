"""Fields that no hash covers, because they follow from the place of a record in the chain. Pure.

A receipt in the trie does not say which transaction it belongs to, nor a log its number; servers
add these. If they were not checked, a server could attach a proven event to another transaction.
After this check ``size``, ``totalDifficulty``, ``effectiveGasPrice`` and the ``gasPrice`` of an
EIP-1559 transaction remain unproven; nothing here uses them.
"""

from collections.abc import Sequence
from typing import Any

from collegium.chain.parts import created_address
from collegium.errors import BadBlock

Json = dict[str, Any]


def check_transactions(block: Json, transactions: Sequence[Json]) -> None:
    """Check that transactions name this block, and their index in it.

    Raises:
        BadBlock: a transaction names another place.
    """
    for index, tx in enumerate(transactions):
        _same(tx, "blockHash", block["hash"])
        _same(tx, "blockNumber", block["number"])
        _same(tx, "transactionIndex", index)


def check_receipts(block: Json, receipts: Sequence[Json]) -> None:
    """Check that receipts and their logs belong to the block's transactions, in this order.

    ``block["transactions"]`` contains hashes or whole transactions; with whole ones, sender,
    receiver and created contract are checked too.

    Raises:
        BadBlock: a receipt or log names another place, or the number of receipts is wrong.
    """
    transactions = block["transactions"]
    if len(transactions) != len(receipts):
        raise _bad(f"{len(transactions)} receipts", len(receipts))
    gas_before, log_index = 0, 0
    for index, (tx, receipt) in enumerate(zip(transactions, receipts, strict=True)):
        place = {
            "blockHash": block["hash"],
            "blockNumber": block["number"],
            "transactionIndex": index,
            "transactionHash": tx if isinstance(tx, str) else tx["hash"],
        }
        for name, value in place.items():
            _same(receipt, name, value)
        cumulative = _plain(receipt["cumulativeGasUsed"])
        _same(receipt, "gasUsed", cumulative - gas_before)
        gas_before = cumulative
        if not isinstance(tx, str):
            _same(receipt, "from", tx["from"])
            _same(receipt, "to", tx["to"])
            _same(receipt, "contractAddress", None if tx["to"] else _created(tx))
        for log in receipt["logs"]:
            for name, value in place.items():
                _same(log, name, value)
            _same(log, "logIndex", log_index)
            log_index += 1


def _created(tx: Json) -> str:
    return created_address(tx["from"], _plain(tx["nonce"]))


def _same(holder: Json, name: str, expected: Any) -> None:
    found = holder.get(name)
    if _plain(found) != _plain(expected):
        raise _bad(f"{name} {expected}", found)


def _plain(value: Any) -> Any:
    """Quantities as numbers; hashes and addresses in lower case."""
    if isinstance(value, str) and value.startswith("0x"):
        # An address has 42 characters, a hash 66; every quantity here is shorter.
        return int(value, 16) if len(value) < 42 else value.lower()
    return value


def _bad(expected: str, found: Any) -> BadBlock:
    return BadBlock(
        expected=expected,
        found=str(found),
        action="Do not trust the server that this came from.",
    )
