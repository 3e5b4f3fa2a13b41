"""EIP-712 signatures over updates and merges, and their compact form (EIP-2098).

What is signed names the chain, the contract and the round, so a signature is valid nowhere else.
https://eips.ethereum.org/EIPS/eip-712  https://eips.ethereum.org/EIPS/eip-2098
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

from eth_abi.abi import encode
from eth_keys.datatypes import PrivateKey, Signature
from eth_keys.exceptions import BadSignature as Unrecoverable
from eth_utils.exceptions import ValidationError

from collegium.errors import BadSignature
from collegium.protocol.digest import keccak

NAME, VERSION = "Collegium", "1"
UPDATE_TYPE = "Update(uint64 round,address node,bytes32 base,bytes32 digest)"
MERGE_TYPE = "Merge(uint64 round,bytes32 root)"
SIGNATURE = 65
"""Bytes of a signature: r, s, v with v 27 or 28."""

_DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
# Half the order of secp256k1, rounded down.
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


@dataclass(frozen=True)
class Domain:
    """The contract that a signature is for: chain id and EIP-55 address."""

    chain_id: int
    federation: str

    @cached_property
    def separator(self) -> bytes:
        """EIP-712 domain separator."""
        names = (keccak(NAME.encode()), keccak(VERSION.encode()))
        types = ("bytes32", "bytes32", "bytes32", "uint256", "address")
        values = (keccak(_DOMAIN_TYPE.encode()), *names, self.chain_id, self.federation)
        return keccak(encode(types, values))

    def update_digest(self, round_id: int, node: str, base: bytes, digest: bytes) -> bytes:
        """The 32 bytes that a node's signer signs to commit to an update."""
        return self._digest(
            UPDATE_TYPE, ("uint64", "address", "bytes32", "bytes32"), (round_id, node, base, digest)
        )

    def merge_digest(self, round_id: int, root: bytes) -> bytes:
        """The 32 bytes that a committee member's signer signs to attest a merged state."""
        return self._digest(MERGE_TYPE, ("uint64", "bytes32"), (round_id, root))

    def envelope_context(self, round_id: int, digest: bytes) -> bytes:
        """The bytes that bind a sealed update to this contract, this round and its digest.

        Authenticated when it is opened, so that it opens nowhere else.
        """
        return b"collegium-update/1" + self.separator + round_id.to_bytes(8, "big") + digest

    def _digest(self, type_: str, types: tuple[str, ...], values: tuple[object, ...]) -> bytes:
        struct = keccak(encode(("bytes32", *types), (keccak(type_.encode()), *values)))
        return keccak(b"\x19\x01" + self.separator + struct)


def sign(digest: bytes, private_key: bytes) -> bytes:
    """Sign 32 bytes with a secp256k1 key, deterministically (RFC 6979).

    Returns:
        r, s (in the lower half of the order) and v (27 or 28), 65 bytes.
    """
    signature = PrivateKey(private_key).sign_msg_hash(digest).to_bytes()
    return signature[:64] + bytes([27 + signature[64]])


def recover(digest: bytes, signature: bytes) -> str:
    """EIP-55 address of the account that signed ``digest``.

    Raises:
        BadSignature: not 65 bytes, v not 27 or 28, s in the upper half (a second form of the
            same signature), or not a point on the curve.
    """
    if len(signature) != SIGNATURE or signature[64] not in (27, 28):
        _refuse("65 bytes with v of 27 or 28", signature)
    if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:
        _refuse("s in the lower half of the order (EIP-2)", signature)
    try:
        parsed = Signature(signature[:64] + bytes([signature[64] - 27]))
        return parsed.recover_public_key_from_msg_hash(digest).to_checksum_address()
    except (Unrecoverable, ValidationError) as error:
        _refuse("a point on the curve", signature, error)


def verify(digest: bytes, signature: bytes, signer: str) -> None:
    """Raise BadSignature unless ``signer`` signed ``digest``."""
    found = recover(digest, signature)
    if found != signer:
        raise BadSignature(
            expected=f"a signature by {signer}",
            found=f"one by {found}, or over other content",
            action="Check that the key is the registered one and that the content is unaltered.",
        )


def compact(signature: bytes) -> bytes:
    """64 bytes of EIP-2098: r, then s with the parity of v in its top bit."""
    # s is below 2^255, so its top bit is free.
    parity = (signature[64] - 27) << 255
    return signature[:32] + (int.from_bytes(signature[32:64], "big") | parity).to_bytes(32, "big")


def expand(signature: bytes) -> bytes:
    """The 65 bytes of a compact signature; inverse of :func:`compact`."""
    parity_and_s = int.from_bytes(signature[32:64], "big")
    s = parity_and_s & ((1 << 255) - 1)
    return signature[:32] + s.to_bytes(32, "big") + bytes([27 + (parity_and_s >> 255)])


def _refuse(expected: str, signature: bytes, cause: Exception | None = None) -> NoReturn:
    raise BadSignature(
        expected=f"a signature of {expected}",
        found=f"0x{signature.hex()[:140]}",
        action="Sign again with the registered key.",
    ) from cause
