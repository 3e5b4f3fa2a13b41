"""Proofs with one altered value, for tests of the code that must reject them."""

from random import Random
from typing import Any

from collegium.protocol.merge_proof import MergeProof

Path = tuple[str | int, ...]


def tampered(rng: Random, proof: MergeProof) -> MergeProof:
    """The proof with one bit, length, number or item altered; still ABI-encodable."""
    call = proof.to_call()
    *way, last = rng.choice([path for path in _fields(call) if path != ("round",)])
    place: Any = call
    for step in way:
        place = place[step]
    place[last] = _other(rng, last, place[last])
    return MergeProof.from_call(call)


def _other(rng: Random, name: str | int, value: Any) -> Any:
    match value:
        case bytes():
            flipped = int.from_bytes(value, "big") ^ 1 << rng.randrange(8 * len(value))
            changed = flipped.to_bytes(len(value), "big")
            if isinstance(name, int):  # a hash always has 32 bytes
                return changed
            return rng.choice([changed, changed, value[:-1], value + b"\0", b""])
        case list():
            longer = [*value, value[-1] if value else bytes(32)]
            return rng.choice([longer, value[:-1]]) if value else longer
        case _:
            most = 8 if rng.random() < 0.5 else 255 if name == "block" else 2**32 - 1
            return rng.choice(
                [number for number in (rng.randint(0, most), value + 1) if number != value]
            )


def _fields(value: object, at: Path = ()) -> list[Path]:
    """Paths of all numbers, bytes and lists in the proof."""
    if isinstance(value, dict):
        return [path for key in value for path in _fields(value[key], (*at, key))]
    if isinstance(value, list):
        return [at, *(path for i in range(len(value)) for path in _fields(value[i], (*at, i)))]
    return [at]
