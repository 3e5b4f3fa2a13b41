"""Fields that a server adds to proven data: checked where they follow from it, else listed.

Hashes cover headers, transactions and receipts as they are encoded; ``chain.places`` covers the
place of each. What remains are prices, chain ids, the parity of signatures and the bodies of uncles
and withdrawals, which follow from proven fields, and a few fields that follow from nothing.
"""

from collections.abc import Iterator
from typing import Any

import rlp
from eth_utils.hexadecimal import decode_hex
from trie.hexary import HexaryTrie

from collegium.chain.transactions import DYNAMIC_FEE, EIP155

Json = dict[str, Any]
Derived = tuple[str, str, Any, Any]
"""Record, field, expected and found value."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Fields that hashes, ``chain.places`` or :func:`derived` cover.
_BLOCK = _names(
    "parentHash sha3Uncles miner stateRoot transactionsRoot receiptsRoot logsBloom difficulty "
    "number gasLimit gasUsed timestamp extraData mixHash nonce baseFeePerGas withdrawalsRoot "
    "blobGasUsed excessBlobGas parentBeaconBlockRoot requestsHash hash "
    "transactions uncles withdrawals"
)
_TRANSACTION = _names(
    "type hash nonce gasPrice maxFeePerGas maxPriorityFeePerGas gas to value input r s v yParity "
    "accessList chainId from blockHash blockNumber blockTimestamp transactionIndex"
)
_RECEIPT = _names(
    "type status cumulativeGasUsed logsBloom logs transactionHash transactionIndex blockHash "
    "blockNumber blockTimestamp from to contractAddress gasUsed effectiveGasPrice"
)
_LOG = _names(
    "address topics data blockHash blockNumber blockTimestamp transactionHash transactionIndex "
    "logIndex removed"
)


def number(value: Any) -> int:
    """A JSON-RPC quantity (hex or number) as an int."""
    return int(value, 16) if isinstance(value, str) else int(value)


def unproven(block: Json, receipts: list[Json]) -> set[str]:
    """Names (``kind.field``) of fields that neither a hash nor a proven field determines."""
    logs = [log for receipt in receipts for log in receipt["logs"]]
    kinds: tuple[tuple[str, list[Json], frozenset[str]], ...] = (
        ("block", [block], _BLOCK),
        ("transaction", block["transactions"], _TRANSACTION),
        ("receipt", receipts, _RECEIPT),
        ("log", logs, _LOG),
    )
    return {
        f"{kind}.{name}"
        for kind, items, known in kinds
        for item in items
        for name in item.keys() - known
    }


def derived(block: Json, receipts: list[Json], chain_id: int) -> Iterator[Derived]:
    """Derived fields of a block, its transactions and its receipts, with their true values."""
    record = f"block {number(block['number'])}"
    # No block has uncles since the merge.
    yield record, "uncles", [], block.get("uncles", [])
    if block.get("withdrawalsRoot") is not None:
        root = _withdrawals_root(block.get("withdrawals") or [])
        yield record, "withdrawals", root, block["withdrawalsRoot"].lower()
    for tx, receipt in zip(block["transactions"], receipts, strict=True):
        yield from _transaction(block, tx, chain_id)
        yield from _receipt(block, tx, receipt)
        time = number(block["timestamp"])
        for item in (tx, receipt, *receipt["logs"]):
            found = number(item.get("blockTimestamp") or time)
            yield f"transaction {tx['hash']}", "blockTimestamp", time, found


def _transaction(block: Json, tx: Json, chain_id: int) -> Iterator[Derived]:
    record, kind = f"transaction {tx['hash']}", number(tx.get("type", 0))
    if kind:
        parity = number(tx.get("yParity", tx.get("v")))
        yield record, "v", parity, number(tx.get("v", parity))
        yield record, "chainId", chain_id, number(tx["chainId"])
    elif number(tx["v"]) >= EIP155:
        signed_for = (number(tx["v"]) - EIP155) // 2
        yield record, "chainId", chain_id, signed_for
        yield record, "chainId", chain_id, number(tx.get("chainId", signed_for))
    if kind == DYNAMIC_FEE and tx.get("gasPrice") is not None:
        yield record, "gasPrice", _price(block, tx), number(tx["gasPrice"])


def _receipt(block: Json, tx: Json, receipt: Json) -> Iterator[Derived]:
    record = f"receipt of transaction {tx['hash']}"
    yield record, "type", number(tx.get("type", 0)), number(receipt.get("type", 0))
    if receipt.get("effectiveGasPrice") is not None:
        yield record, "effectiveGasPrice", _price(block, tx), number(receipt["effectiveGasPrice"])
    for log in receipt["logs"]:
        event = f"event {number(log['logIndex'])} of {record.removeprefix('receipt of ')}"
        yield event, "removed", False, log.get("removed", False)


def _price(block: Json, tx: Json) -> int:
    """Wei per gas that the sender paid (EIP-1559)."""
    if number(tx.get("type", 0)) != DYNAMIC_FEE:
        return number(tx["gasPrice"])
    base, tip = number(block["baseFeePerGas"]), number(tx["maxPriorityFeePerGas"])
    return min(number(tx["maxFeePerGas"]), base + tip)


def _withdrawals_root(withdrawals: list[Json]) -> str:
    trie = HexaryTrie({})
    for position, item in enumerate(withdrawals):
        names = ("index", "validatorIndex", "address", "amount")
        fields = [decode_hex(item[n]) if n == "address" else number(item[n]) for n in names]
        trie[rlp.encode(position)] = rlp.encode(fields)
    return "0x" + trie.root_hash.hex()
