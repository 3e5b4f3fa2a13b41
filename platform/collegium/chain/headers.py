"""Blocks and receipts checked against their hashes. Pure: works on stored JSON, needs no chain.

A block hash covers the header, and the header contains the roots of the tries of transactions and
receipts. A trusted hash therefore proves every transaction and every event of its block, and
through ``parentHash`` those of all earlier blocks. Sources: Ethereum Yellow Paper, section 4.3;
the fields that later forks append are in EIP-1559, 4895, 4844, 4788 and 7685.
"""

from collections.abc import Callable, Sequence
from typing import Any

import rlp
from eth_bloom import BloomFilter
from eth_utils import decode_hex, keccak
from rlp.exceptions import RLPException
from trie import HexaryTrie
from trie.constants import BLANK_NODE_HASH as BLANK_ROOT_HASH

from collegium.chain import places
from collegium.chain.transactions import verify_transaction
from collegium.errors import BadBlock, Unverifiable

Json = dict[str, Any]
MALFORMED = (KeyError, TypeError, ValueError, AttributeError, RLPException)
# Hardhat's block 0 has the hash of nothing where the root of an empty trie belongs. No list of
# transactions has this root, so it is safe to accept it for an empty list.
_EMPTY_ROOTS = frozenset("0x" + root.hex() for root in (BLANK_ROOT_HASH, keccak(b"")))

# Ganache encodes status 0 as a zero byte. No other status has that form, so it is safe to accept.
_GANACHE_FAILED = b"\x00"


def _number(value: Any) -> int:
    return int(value, 16) if isinstance(value, str) else int(value)


_Coder = Callable[[Any], int | bytes]
_FRONTIER: tuple[tuple[str, _Coder], ...] = (
    ("parentHash", decode_hex),
    ("sha3Uncles", decode_hex),
    ("miner", decode_hex),
    ("stateRoot", decode_hex),
    ("transactionsRoot", decode_hex),
    ("receiptsRoot", decode_hex),
    ("logsBloom", decode_hex),
    ("difficulty", _number),
    ("number", _number),
    ("gasLimit", _number),
    ("gasUsed", _number),
    ("timestamp", _number),
    ("extraData", decode_hex),
    ("mixHash", decode_hex),
    ("nonce", decode_hex),
)
# In the order of the forks; a header has all of them up to its own fork.
_LATER: tuple[tuple[str, _Coder], ...] = (
    ("baseFeePerGas", _number),  # London
    ("withdrawalsRoot", decode_hex),  # Shanghai
    ("blobGasUsed", _number),  # Cancun
    ("excessBlobGas", _number),
    ("parentBeaconBlockRoot", decode_hex),
    ("requestsHash", decode_hex),  # Prague
)


def header_rlp(block: Json) -> bytes:
    """The encoded header of a block in JSON-RPC form; its keccak is the block's hash.

    Raises:
        BadBlock: a field is missing or malformed.
    """
    later = [(name, coder) for name, coder in _LATER if block.get(name) is not None]
    try:
        return bytes(rlp.encode([coder(block[name]) for name, coder in (*_FRONTIER, *later)]))
    except MALFORMED as error:
        raise BadBlock(
            expected=f"all header fields of block {block.get('number')}",
            found=f"{type(error).__name__}: {error}",
            action="Export the evidence again, if necessary from another server.",
        ) from error


def verify_header(block: Json) -> bytes:
    """Check that a block's header has the hash that the block names; returns it, 32 bytes.

    Raises:
        BadBlock: it has another hash. This includes headers of forks after Prague, whose fields
            are unknown here.
    """
    found = keccak(header_rlp(block))
    claimed = block.get("hash")
    if str(claimed).lower() != "0x" + found.hex():
        raise _mismatch(f"block {_number(block['number'])} with hash {claimed}", found)
    return found


def verify_transactions(block: Json, transactions: Sequence[Json]) -> list[bytes]:
    """Check all transactions of a block, in order, against its header; returns their signed bytes.

    Raises:
        BadBlock: a hash or sender is wrong, or these are not the block's transactions.
        Unverifiable: a transaction has a type that is not known here.
    """
    raw = [verify_transaction(tx) for tx in transactions]
    _verify_root(block, "transactionsRoot", raw)
    _checked(places.check_transactions, block, transactions)
    return raw


def verify_receipts(block: Json, receipts: Sequence[Json]) -> None:
    """Check all receipts of a block, in order, against its header.

    This proves status, gas, bloom, logs, and the place of every receipt and log, provided that
    the header and the block's transactions are proven.

    Raises:
        BadBlock: these are not the block's receipts, a receipt's bloom does not fit its logs,
            or a receipt names another place.
        Unverifiable: see :func:`receipt_bytes`.
    """
    encoded = [receipt_bytes(receipt) for receipt in receipts]
    for receipt in receipts:
        bloom = _bloom(receipt["logs"])
        if bloom != decode_hex(receipt["logsBloom"]):
            what = f"the bloom filter of the logs of {receipt.get('transactionHash')}"
            raise _mismatch(what, bloom)
    try:
        _verify_root(block, "receiptsRoot", encoded)
    except BadBlock:
        # Try Ganache's encoding before the receipts are rejected.
        odd = [receipt_bytes(receipt, failed=_GANACHE_FAILED) for receipt in receipts]
        if odd == encoded:
            raise
        _verify_root(block, "receiptsRoot", odd)
    _checked(places.check_receipts, block, receipts)


def receipt_bytes(receipt: Json, *, failed: bytes = b"") -> bytes:
    """A receipt as the trie contains it (EIP-658; EIP-2718 envelope for typed transactions).

    Args:
        receipt: in JSON-RPC form.
        failed: encoding of status 0; RLP's own is the empty string.

    Raises:
        Unverifiable: it is from before Byzantium, when receipts had no status.
        BadBlock: a field is missing or malformed.
    """
    if receipt.get("status") is None:
        raise Unverifiable(
            expected="receipts with a status (EIP-658)",
            found=f"none in {receipt.get('transactionHash')}",
            action="Use a chain at Shanghai or later.",
        )
    try:
        logs = [
            [decode_hex(log["address"]), [decode_hex(t) for t in log["topics"]],
             decode_hex(log["data"])]
            for log in receipt["logs"]
        ]  # fmt: skip
        body: bytes = rlp.encode([
            _number(receipt["status"]) or failed, _number(receipt["cumulativeGasUsed"]),
            decode_hex(receipt["logsBloom"]), logs,
        ])  # fmt: skip
        kind = _number(receipt.get("type") or "0x0")
        return bytes([kind]) + body if kind else body
    except MALFORMED as error:
        raise BadBlock(
            expected=f"all fields of the receipt of {receipt.get('transactionHash')}",
            found=f"{type(error).__name__}: {error}",
            action="Export the evidence again, if necessary from another server.",
        ) from error


def _bloom(logs: Sequence[Json]) -> bytes:
    bloom = BloomFilter()
    for log in logs:
        bloom.add(decode_hex(log["address"]))
        for topic in log["topics"]:
            bloom.add(decode_hex(topic))
    return int(bloom).to_bytes(256, "big")


def _checked(
    check: Callable[[Json, Sequence[Json]], None], block: Json, items: Sequence[Json]
) -> None:
    try:
        check(block, items)
    except MALFORMED as error:
        raise BadBlock(
            expected=f"all fields of block {block.get('number')} and what is in it",
            found=f"{type(error).__name__}: {error}",
            action="Export the evidence again, if necessary from another server.",
        ) from error


def _verify_root(block: Json, name: str, items: Sequence[bytes]) -> None:
    claimed = str(block.get(name)).lower()
    if not items and claimed in _EMPTY_ROOTS:
        return
    trie = HexaryTrie({})
    for index, item in enumerate(items):
        trie[rlp.encode(index)] = item  # keyed by position (Yellow Paper, 4.3)
    if claimed != "0x" + trie.root_hash.hex():
        what = f"{name} {claimed} of block {block.get('number')} over {len(items)} items"
        raise _mismatch(what, trie.root_hash)


def _mismatch(expected: str, found: bytes) -> BadBlock:
    return BadBlock(
        expected=expected,
        found=f"0x{found.hex()}" if found else "nothing",
        action="Do not trust the server that this came from.",
    )
