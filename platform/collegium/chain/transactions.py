"""Signed transactions rebuilt from their JSON form, and checked against their hashes. Pure.

A JSON-RPC server describes a transaction in parts. Only the signed bytes prove anything: their
keccak is the transaction's hash, and the sender is recovered from their signature. Forms: legacy
with EIP-155, EIP-2930 (type 1), EIP-1559 (type 2).
"""

from typing import Any

import rlp
from eth_account import Account
from eth_utils import decode_hex, keccak
from rlp.exceptions import RLPException

from collegium.errors import BadBlock, Unverifiable

Json = dict[str, Any]


def raw_transaction(tx: Json) -> bytes:
    """The signed bytes of a transaction in JSON-RPC form (EIP-2718 envelope for types 1 and 2).

    Raises:
        Unverifiable: it is of another type.
        BadBlock: a field is missing or malformed.
    """
    try:
        kind = _field(tx, "type", "0x0")
        if kind in _BUILDERS:
            return _BUILDERS[kind](tx)
    except (KeyError, TypeError, ValueError, AttributeError, RLPException) as error:
        raise BadBlock(
            expected=f"all fields of transaction {tx.get('hash')}",
            found=f"{type(error).__name__}: {error}",
            action="Export the evidence again, from another server if need be.",
        ) from error
    raise Unverifiable(
        expected="a transaction of type 0, 1 or 2",
        found=f"type {kind} in {tx.get('hash')}",
        action="Check this transaction with another tool.",
    )


def verify_transaction(tx: Json) -> bytes:
    """Check hash and sender of a transaction in JSON-RPC form; its signed bytes.

    Raises:
        BadBlock: its hash or sender is not what its signed bytes say.
        Unverifiable: see :func:`raw_transaction`.
    """
    raw = raw_transaction(tx)
    found = "0x" + keccak(raw).hex()
    if found != str(tx.get("hash")).lower():
        raise BadBlock(
            expected=f"transaction {tx.get('hash')}",
            found=f"signed bytes with hash {found}",
            action="Do not trust the server that this came from.",
        )
    signer = sender_of(raw)
    if signer.lower() != str(tx.get("from")).lower():
        raise BadBlock(
            expected=f"transaction {tx['hash']} signed by {tx.get('from')}",
            found=f"a signature by {signer}",
            action="Do not trust the server that this came from.",
        )
    return raw


def sender_of(raw: bytes) -> str:
    """The EIP-55 address that signed these bytes.

    Raises:
        BadBlock: they carry no valid signature.
    """
    try:
        return str(Account.recover_transaction(raw))
    except Exception as error:  # the library raises its own types for each kind of damage
        raise BadBlock(
            expected="a signed transaction",
            found=f"{type(error).__name__}: {error}",
            action="Export the evidence again, from another server if need be.",
        ) from error


def _legacy(tx: Json) -> bytes:
    return rlp.encode([
        _int(tx, "nonce"), _int(tx, "gasPrice"), _int(tx, "gas"), _to(tx), _int(tx, "value"),
        decode_hex(tx["input"]), _int(tx, "v"), _int(tx, "r"), _int(tx, "s"),
    ])  # fmt: skip


def _access_list(tx: Json) -> bytes:
    return b"\x01" + rlp.encode([
        _int(tx, "chainId"), _int(tx, "nonce"), _int(tx, "gasPrice"), _int(tx, "gas"), _to(tx),
        _int(tx, "value"), decode_hex(tx["input"]), _accesses(tx), *_signature(tx),
    ])  # fmt: skip


def _dynamic_fee(tx: Json) -> bytes:
    return b"\x02" + rlp.encode([
        _int(tx, "chainId"), _int(tx, "nonce"), _int(tx, "maxPriorityFeePerGas"),
        _int(tx, "maxFeePerGas"), _int(tx, "gas"), _to(tx), _int(tx, "value"),
        decode_hex(tx["input"]), _accesses(tx), *_signature(tx),
    ])  # fmt: skip


_BUILDERS = {0: _legacy, 1: _access_list, 2: _dynamic_fee}


def _field(tx: Json, name: str, default: str | None = None) -> int:
    value = tx.get(name, default)
    if value is None:
        raise KeyError(name)
    return int(value, 16) if isinstance(value, str) else int(value)


def _int(tx: Json, name: str) -> int:
    return _field(tx, name)


def _to(tx: Json) -> bytes:
    return decode_hex(tx["to"]) if tx.get("to") else b""


def _accesses(tx: Json) -> list[list[Any]]:
    return [
        [decode_hex(entry["address"]), [decode_hex(key) for key in entry["storageKeys"]]]
        for entry in tx.get("accessList") or []
    ]


def _signature(tx: Json) -> list[int]:
    parity = tx.get("yParity", tx.get("v"))  # older servers write it as v only
    return [_field({"parity": parity}, "parity"), _int(tx, "r"), _int(tx, "s")]
