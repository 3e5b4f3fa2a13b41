"""Signed transactions rebuilt from their JSON form, and checked against their hashes. Pure.

A JSON-RPC server describes a transaction field by field. Only the signed bytes prove anything:
their keccak is the transaction's hash, and the sender is recovered from the signature. Forms:
legacy with EIP-155, EIP-2930 (type 1), EIP-1559 (type 2).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import rlp
from eth_keys.datatypes import Signature
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from eth_utils.hexadecimal import decode_hex
from rlp.exceptions import RLPException

from collegium.errors import BadBlock, Unverifiable

Json = dict[str, Any]
EIP155 = 35
"""v of such a signature is 35 + 2 · chain id + parity; without a chain id it is 27 or 28."""
LEGACY, ACCESS_LIST, DYNAMIC_FEE = 0, 1, 2
"""Types of transactions that are read here (EIP-2718, 2930, 1559)."""


@dataclass(frozen=True)
class _Signed:
    """The parts of a transaction.

    Attributes:
        prefix: type byte of the envelope (EIP-2718), empty for legacy transactions.
        content: fields before the signature.
        added: fields that are signed besides the content (EIP-155).
        signature: parity (or v), r and s as encoded.
        parity: 0 or 1.
    """

    prefix: bytes
    content: list[Any]
    added: list[int]
    signature: list[int]
    parity: int

    @property
    def raw(self) -> bytes:
        return self.prefix + bytes(rlp.encode([*self.content, *self.signature]))

    @property
    def sender(self) -> str:
        """EIP-55 address of the signer; raises the errors of eth_keys."""
        signed = keccak(self.prefix + rlp.encode([*self.content, *self.added]))
        _, r, s = self.signature
        signature = Signature(vrs=(self.parity, r, s))
        return signature.recover_public_key_from_msg_hash(signed).to_checksum_address()


def raw_transaction(tx: Json) -> bytes:
    """The signed bytes of a transaction in JSON-RPC form (EIP-2718 envelope for types 1 and 2).

    Raises:
        Unverifiable: it is of another type.
        BadBlock: a field is missing or malformed.
    """
    return _parts(tx).raw


def verify_transaction(tx: Json) -> bytes:
    """Check hash and sender of a transaction in JSON-RPC form; returns its signed bytes.

    Raises:
        BadBlock: its hash or sender differs from that of its signed bytes.
        Unverifiable: see :func:`raw_transaction`.
    """
    parts = _parts(tx)
    raw = parts.raw
    found = "0x" + keccak(raw).hex()
    if found != str(tx.get("hash")).lower():
        raise BadBlock(
            expected=f"transaction {tx.get('hash')}",
            found=f"signed bytes with hash {found}",
            action="Do not trust the server that this came from.",
        )
    try:
        signer = parts.sender
    except (BadSignature, ValidationError, ValueError) as error:
        raise BadBlock(
            expected=f"transaction {tx['hash']} with a valid signature",
            found=f"{type(error).__name__}: {error}",
            action="Export the evidence again, if necessary from another server.",
        ) from error
    if signer.lower() != str(tx.get("from")).lower():
        raise BadBlock(
            expected=f"transaction {tx['hash']} signed by {tx.get('from')}",
            found=f"a signature by {signer}",
            action="Do not trust the server that this came from.",
        )
    return raw


def _parts(tx: Json) -> _Signed:
    try:
        kind = _field(tx, "type", "0x0")
        if kind in _BUILDERS:
            parts = _BUILDERS[kind](tx)
            _ = parts.raw  # raises now if a field cannot be encoded
            return parts
    except (KeyError, TypeError, ValueError, AttributeError, RLPException) as error:
        raise BadBlock(
            expected=f"all fields of transaction {tx.get('hash')}",
            found=f"{type(error).__name__}: {error}",
            action="Export the evidence again, if necessary from another server.",
        ) from error
    raise Unverifiable(
        expected="a transaction of type 0, 1 or 2",
        found=f"type {kind} in {tx.get('hash')}",
        action="Check this transaction with another tool.",
    )


def _legacy(tx: Json) -> _Signed:
    content = [
        _int(tx, "nonce"), _int(tx, "gasPrice"), _int(tx, "gas"), _to(tx), _int(tx, "value"),
        decode_hex(tx["input"]),
    ]  # fmt: skip
    v, r, s = (_int(tx, name) for name in ("v", "r", "s"))
    if v < EIP155:
        return _Signed(b"", content, [], [v, r, s], v - 27)  # 27 or 28 before EIP-155
    chain_id, parity = divmod(v - EIP155, 2)
    # EIP-155: chain id and two zeros are signed, but not part of the transaction.
    return _Signed(b"", content, [chain_id, 0, 0], [v, r, s], parity)


def _access_list(tx: Json) -> _Signed:
    content = [
        _int(tx, "chainId"), _int(tx, "nonce"), _int(tx, "gasPrice"), _int(tx, "gas"), _to(tx),
        _int(tx, "value"), decode_hex(tx["input"]), _accesses(tx),
    ]  # fmt: skip
    return _typed(ACCESS_LIST, content, tx)


def _dynamic_fee(tx: Json) -> _Signed:
    content = [
        _int(tx, "chainId"), _int(tx, "nonce"), _int(tx, "maxPriorityFeePerGas"),
        _int(tx, "maxFeePerGas"), _int(tx, "gas"), _to(tx), _int(tx, "value"),
        decode_hex(tx["input"]), _accesses(tx),
    ]  # fmt: skip
    return _typed(DYNAMIC_FEE, content, tx)


def _typed(kind: int, content: list[Any], tx: Json) -> _Signed:
    signature = _signature(tx)
    return _Signed(bytes([kind]), content, [], signature, signature[0])


_BUILDERS: dict[int, Callable[[Json], _Signed]] = {
    LEGACY: _legacy,
    ACCESS_LIST: _access_list,
    DYNAMIC_FEE: _dynamic_fee,
}


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
    parity = tx.get("yParity", tx.get("v"))  # older servers only have v
    return [_field({"parity": parity}, "parity"), _int(tx, "r"), _int(tx, "s")]
