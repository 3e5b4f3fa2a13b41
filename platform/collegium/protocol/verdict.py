"""Verdicts: a validator's scores as bytes, and the seal that hides them until all are committed."""

import struct
from collections.abc import Sequence

from eth_abi.abi import encode

from collegium.errors import BadVerdict
from collegium.protocol.digest import keccak

SCORE = 4
"""Bytes per score."""

_SEAL = ("uint256", "address", "uint64", "address", "bytes", "bytes32")


def encode_scores(scores: Sequence[int]) -> bytes:
    """Big-endian int32 per update, in commit order.

    Raises:
        BadVerdict: a score does not fit int32.
    """
    try:
        return struct.pack(f">{len(scores)}i", *scores)
    except struct.error as error:
        raise BadVerdict(
            expected="scores that fit int32 (micro-nats)",
            found=str(list(scores)),
            action="Clamp scores before sealing them.",
        ) from error


def decode_scores(data: bytes, count: int) -> list[int]:
    """``count`` scores; raises BadVerdict if there are more or fewer."""
    if len(data) != SCORE * count:
        raise BadVerdict(
            expected=f"{SCORE * count} bytes for {count} updates",
            found=f"{len(data)} bytes",
            action="Score every committed update of the round, in commit order.",
        )
    return list(struct.unpack(f">{count}i", data))


def seal(
    chain_id: int, federation: str, round_id: int, validator: str, scores: bytes, salt: bytes
) -> bytes:
    """``keccak256(abi.encode(chainId, federation, round, validator, scores, salt))``.

    It contains the validator's account, so that no one else can open a copied seal. The salt (32
    bytes that only the validator knows) keeps others from guessing the scores.
    """
    return keccak(encode(_SEAL, (chain_id, federation, round_id, validator, scores, salt)))
