"""Proofs with one thing altered, for whoever has to refuse them."""

from typing import Any

from hypothesis import strategies as st

from collegium.protocol.dispute import MergeProof

Path = tuple[str | int, ...]


def tampered(draw: Any, proof: MergeProof) -> MergeProof:
    """The proof with a bit, a length, a number or an item altered; ABI-encodable like before."""
    call = proof.to_call()
    *way, last = draw(st.sampled_from([path for path in _fields(call) if path != ("round",)]))
    place: Any = call
    for step in way:
        place = place[step]
    place[last] = draw(_others(last, place[last]))
    return MergeProof.from_call(call)


def _others(name: str | int, value: Any) -> st.SearchStrategy[Any]:
    match value:
        case bytes():
            flipped = st.integers(0, max(0, 8 * len(value) - 1)).map(lambda bit: _flip(value, bit))
            if isinstance(name, int):  # a hash always has 32 bytes
                return flipped
            return flipped | st.sampled_from([value[:-1], value + b"\0", b""])
        case list():
            longer = [*value, value[-1] if value else bytes(32)]
            return st.sampled_from([longer, value[:-1]] if value else [longer])
        case _:
            other = st.integers(0, 9) | st.integers(0, 255 if name == "block" else 2**32 - 1)
            return other.filter(lambda number: number != value)


def _flip(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data, "big") ^ 1 << bit).to_bytes(len(data), "big")


def _fields(value: object, at: Path = ()) -> list[Path]:
    """Where the numbers, bytes and lists are."""
    if isinstance(value, dict):
        return [path for key in value for path in _fields(value[key], (*at, key))]
    if isinstance(value, list):
        return [at, *(path for i in range(len(value)) for path in _fields(value[i], (*at, i)))]
    return [at]
