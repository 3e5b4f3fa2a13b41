"""What a server derives from proven data: checked against that data, or named as unproven.

Hashes cover a block's header and the encoded transactions and receipts. A JSON-RPC server adds
places, gas per transaction, addresses of new contracts and the like. A reader may rely on them,
so they have to agree. The few that cannot be derived are listed.
"""

from collections.abc import Iterator
from typing import Any

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from eth_utils.hexadecimal import decode_hex
from trie.hexary import HexaryTrie

Json = dict[str, Any]
Derived = tuple[str, str, Any, Any]
"""Record, field, expected and found value."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HEADER = _names(
    "parentHash sha3Uncles miner stateRoot transactionsRoot receiptsRoot logsBloom difficulty "
    "number gasLimit gasUsed timestamp extraData mixHash nonce baseFeePerGas withdrawalsRoot "
    "blobGasUsed excessBlobGas parentBeaconBlockRoot requestsHash hash"
)
_BLOCK = _HEADER | {"transactions", "uncles", "withdrawals"}
_TRANSACTION = _names(
    "type hash nonce gasPrice maxFeePerGas maxPriorityFeePerGas gas to value input r s v yParity "
    "accessList chainId from blockHash blockNumber transactionIndex"
)
_RECEIPT = _names(
    "type status cumulativeGasUsed logsBloom logs transactionHash transactionIndex blockHash "
    "blockNumber from to contractAddress gasUsed effectiveGasPrice"
)
_LOG = _names(
    "address topics data blockHash blockNumber transactionHash transactionIndex logIndex removed"
)
_CREATED_BY_EIP155 = 35


def number(value: Any) -> int:
    """A JSON-RPC quantity."""
    return int(value, 16) if isinstance(value, str) else int(value)


def created_address(creator: str, nonce: int) -> str:
    """EIP-55 address of the contract that ``creator`` makes with this nonce (CREATE)."""
    return to_checksum_address(keccak(rlp.encode([decode_hex(creator), nonce]))[12:])


def unproven(block: Json, receipts: list[Json]) -> set[str]:
    """Fields that no hash covers and nothing here can derive."""
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
    """Every derived field of a block, its transactions and its receipts, with its true value."""
    record = f"block {number(block['number'])}"
    yield record, "uncles", [], block.get("uncles", [])
    if block.get("withdrawalsRoot") is not None:
        root = _withdrawals_root(block.get("withdrawals") or [])
        yield record, "withdrawals", root, block["withdrawalsRoot"].lower()
    gas_before, log_index = 0, 0
    for position, (tx, receipt) in enumerate(zip(block["transactions"], receipts, strict=True)):
        place = _place(block, tx, position)
        yield from _transaction(block, tx, place, chain_id)
        yield from _receipt(block, tx, receipt, place, gas_before)
        for log in receipt["logs"]:
            yield from _log(tx, log, place, log_index)
            log_index += 1
        gas_before = number(receipt["cumulativeGasUsed"])
    yield record, "gasUsed", gas_before, number(block["gasUsed"])


def _place(block: Json, tx: Json, position: int) -> Json:
    return {
        "blockHash": block["hash"].lower(),
        "blockNumber": number(block["number"]),
        "transactionHash": tx["hash"].lower(),
        "transactionIndex": position,
    }


def _transaction(block: Json, tx: Json, place: Json, chain_id: int) -> Iterator[Derived]:
    record, kind = f"transaction {tx['hash']}", number(tx.get("type", 0))
    for name in ("blockHash", "blockNumber", "transactionIndex"):
        yield record, name, place[name], _plain(tx[name])
    if kind:
        parity = number(tx.get("yParity", tx.get("v")))
        yield record, "v", parity, number(tx.get("v", parity))
        yield record, "chainId", chain_id, number(tx["chainId"])
    elif number(tx["v"]) >= _CREATED_BY_EIP155:
        signed_for = (number(tx["v"]) - _CREATED_BY_EIP155) // 2
        yield record, "chainId", chain_id, signed_for
        yield record, "chainId", chain_id, number(tx.get("chainId", signed_for))
    if kind == 2 and tx.get("gasPrice") is not None:
        yield record, "gasPrice", _price(block, tx), number(tx["gasPrice"])


def _receipt(
    block: Json, tx: Json, receipt: Json, place: Json, gas_before: int
) -> Iterator[Derived]:
    record = f"receipt of {tx['hash']}"
    for name, value in place.items():
        yield record, name, value, _plain(receipt[name])
    for name in ("from", "to"):
        yield record, name, _plain(tx.get(name)), _plain(receipt.get(name))
    gas = number(receipt["cumulativeGasUsed"]) - gas_before
    yield record, "type", number(tx.get("type", 0)), number(receipt.get("type", 0))
    yield record, "gasUsed", gas, number(receipt["gasUsed"])
    if receipt.get("effectiveGasPrice") is not None:
        yield record, "effectiveGasPrice", _price(block, tx), number(receipt["effectiveGasPrice"])
    created = None if tx.get("to") else created_address(tx["from"], number(tx["nonce"])).lower()
    if created is None or number(receipt["status"]) or receipt.get("contractAddress"):
        yield record, "contractAddress", created, _plain(receipt.get("contractAddress"))


def _log(tx: Json, log: Json, place: Json, index: int) -> Iterator[Derived]:
    record = f"event {index} of block {place['blockNumber']}, transaction {tx['hash']}"
    for name, value in (place | {"logIndex": index}).items():
        yield record, name, value, _plain(log[name])
    yield record, "removed", False, log.get("removed", False)


def _price(block: Json, tx: Json) -> int:
    """Wei per gas that the sender paid (EIP-1559)."""
    if number(tx.get("type", 0)) != 2:
        return number(tx["gasPrice"])
    base, tip = number(block["baseFeePerGas"]), number(tx["maxPriorityFeePerGas"])
    return min(number(tx["maxFeePerGas"]), base + tip)


def _plain(value: Any) -> Any:
    """Quantities as numbers, other strings in lower case."""
    if isinstance(value, str) and value[:2] == "0x" and len(value) <= 18:
        return int(value, 16)
    return value.lower() if isinstance(value, str) else value


def _withdrawals_root(withdrawals: list[Json]) -> str:
    trie = HexaryTrie({})
    for position, item in enumerate(withdrawals):
        names = ("index", "validatorIndex", "address", "amount")
        fields = [decode_hex(item[n]) if n == "address" else number(item[n]) for n in names]
        trie[rlp.encode(position)] = rlp.encode(fields)
    return "0x" + trie.root_hash.hex()
