"""Block quantisation: 32 lanes share one power-of-two scale, after OCP Microscaling (MX) 1.0.

A lane's value is ``q * 2^e`` state units with a signed code of ``b`` bits, b in {2, 4, 8}, and
``|q| <= 2^(b-1) - 1``; the most negative code is forbidden, so that codes are symmetric. Values
are integers, so a merge of them is exact. The node keeps what rounding loses as a residual and
adds it to its next delta (error feedback, Karimireddy et al., 2019).
"""

from dataclasses import dataclass
from typing import Literal, NoReturn

import numpy as np
import numpy.typing as npt

from collegium.errors import BadCodes
from collegium.protocol import tree
from collegium.protocol.layout import BLOCK, BLOCKS, LEAF

BITS = (2, 4, 8)
"""Widths of a code; each divides a byte."""
MAX_EXPONENT = 24
"""A lane stays below 127 · 2^24 < 2^31, so it fits int32."""
_ALL = slice(None)
_CHUNK = 1 << 13  # blocks in a part: 2 MiB of int64 lanes
_ACTION = "Quantise with this codec, or reject the update."

Rounding = Literal["nearest", "stochastic"]


@dataclass(frozen=True, eq=False)
class Encoded:
    """A quantised delta. One that exists is well-formed.

    Attributes:
        bits: width of a code.
        exponents: uint8 ``[blocks]``, each at most 24.
        codes: int8 ``[padded]``, each at most ``2^(bits-1) - 1`` in magnitude.

    Raises:
        BadCodes: a shape, dtype, exponent or code is outside the format.
    """

    bits: int
    exponents: npt.NDArray[np.uint8]
    codes: npt.NDArray[np.int8]

    def __post_init__(self) -> None:
        limit = max_code(self.bits)
        if self.exponents.dtype != np.uint8 or self.codes.dtype != np.int8:
            _refuse("uint8 exponents and int8 codes", (self.exponents.dtype, self.codes.dtype))
        if self.codes.size % LEAF or self.codes.shape != (self.exponents.size * BLOCK,):
            _refuse(
                "whole leaves, one exponent per block", (self.exponents.shape, self.codes.shape)
            )
        if not self.codes.size:
            _refuse("at least one leaf", "none")
        if int(self.exponents.max()) > MAX_EXPONENT:
            _refuse(f"exponents up to {MAX_EXPONENT}", int(self.exponents.max()))
        low, high = int(self.codes.min()), int(self.codes.max())
        if low < -limit or high > limit:
            _refuse(f"codes from {-limit} to {limit}", (low, high))


def max_code(bits: int) -> int:
    """Largest magnitude of a code: ``2^(bits-1) - 1``; raises BadCodes for other widths."""
    if bits not in BITS:
        _refuse(f"a width in {BITS}", bits)
    return int(2 ** (bits - 1) - 1)


def quantise(
    delta: npt.NDArray[np.floating],
    bits: int,
    rounding: Rounding = "nearest",
    rng: np.random.Generator | None = None,
) -> Encoded:
    """Encode a delta ``[padded]`` given in state units.

    Each block gets the smallest exponent that clips none of its lanes. It is at most 24, and there
    larger lanes are clipped. ``nearest`` rounds ties to even; ``stochastic`` rounds up with the
    probability of the fraction (unbiased) and needs ``rng``.

    Raises:
        BadCodes: a lane is not finite, or the size is not a whole number of leaves.
        TypeError: ``stochastic`` without ``rng``.
    """
    if not np.isfinite(delta).all():
        _refuse("finite lanes", "NaN or infinity")
    if delta.size % LEAF:
        _refuse("whole leaves", f"{delta.size} lanes")
    blocks = delta.reshape(-1, BLOCK)
    exponents = _fit_exponents(np.abs(blocks).max(axis=1), max_code(bits), rounding)
    # Scaling by a power of two is exact. Unsigned exponents would wrap around when negated.
    scaled = np.ldexp(blocks, -exponents[:, None].astype(np.int32))
    if rounding == "stochastic":
        if rng is None:
            raise TypeError("stochastic rounding needs a random generator")
        scaled = np.floor(scaled + rng.random(scaled.shape))
    codes = np.clip(np.rint(scaled), -max_code(bits), max_code(bits)).astype(np.int8)
    return Encoded(bits, exponents, codes.ravel())


def dequantise(encoded: Encoded, blocks: slice = _ALL) -> npt.NDArray[np.int64]:
    """Lane values ``q * 2^e`` in state units, int64, of all blocks or of a range of them."""
    values = encoded.codes.reshape(-1, BLOCK)[blocks].astype(np.int64)
    return (values << encoded.exponents[blocks, None].astype(np.int64)).ravel()


def ranges(padded: int, rows: int = 1) -> list[tuple[slice, slice]]:
    """Consecutive parts of a vector, each as a range of blocks and the same range of lanes.

    The same part of ``rows`` vectors dequantises to 2 MiB in total, so work on many updates takes
    little memory at any size.
    """
    size = max(1, _CHUNK // rows)
    starts = range(0, padded // BLOCK, size)
    return [(slice(b, b + size), slice(b * BLOCK, (b + size) * BLOCK)) for b in starts]


def residual(wanted: npt.NDArray[np.floating], sent: Encoded) -> npt.NDArray[np.float64]:
    """What rounding left out, in state units: add it to the next delta (error feedback)."""
    return np.asarray(wanted, np.float64) - dequantise(sent)


def pack(encoded: Encoded) -> npt.NDArray[np.uint8]:
    """Codes as bytes, two's complement, the first lane in a byte's most significant bits."""
    bits = encoded.bits
    fields = encoded.codes.view(np.uint8).reshape(-1, 8 // bits) & np.uint8((1 << bits) - 1)
    packed: npt.NDArray[np.uint8] = np.bitwise_or.reduce(fields << _shifts(bits), axis=1)
    return packed


def unpack(packed: npt.NDArray[np.uint8], bits: int) -> npt.NDArray[np.int8]:
    """Codes int8 from the bytes of ``pack``; raises BadCodes for other widths.

    ``Encoded`` checks the range of the codes.
    """
    max_code(bits)
    sign = np.uint8(1 << (bits - 1))
    fields = (packed[:, None] >> _shifts(bits)) & np.uint8((1 << bits) - 1)
    return ((fields ^ sign) - sign).view(np.int8).ravel()  # extends the sign to 8 bits


def leaf_size(bits: int) -> int:
    """Bytes in one leaf: 8 exponents and 256 codes (264, 136 or 72)."""
    return BLOCKS + LEAF * bits // 8


def to_leaves(encoded: Encoded) -> list[memoryview]:
    """Leaves of 8 exponent bytes followed by the packed codes of their 8 blocks."""
    exponents = encoded.exponents.reshape(-1, BLOCKS)
    codes = pack(encoded).reshape(len(exponents), -1)
    data, size = memoryview(np.hstack([exponents, codes]).tobytes()), leaf_size(encoded.bits)
    return [data[start : start + size] for start in range(0, len(data), size)]


def lane_root(encoded: Encoded) -> bytes:
    """Merkle root of the leaves, 32 bytes."""
    return tree.root(to_leaves(encoded), bytes(leaf_size(encoded.bits)))


def proof(encoded: Encoded, index: int) -> list[bytes]:
    """Siblings of leaf ``index`` under ``lane_root(encoded)``."""
    return tree.proof(to_leaves(encoded), index, bytes(leaf_size(encoded.bits)))


def _fit_exponents(
    peaks: npt.NDArray[np.floating], limit: int, rounding: Rounding
) -> npt.NDArray[np.uint8]:
    # Exponent e fits a block whose peak is below (nearest: limit is odd, so a tie at limit + 1/2
    # would round up to the even limit + 1) or at most (stochastic) the threshold of e.
    nearest = rounding == "nearest"
    thresholds = np.ldexp(limit + 0.5 * nearest, np.arange(MAX_EXPONENT))
    fitted = np.searchsorted(thresholds, peaks, side="right" if nearest else "left")
    return fitted.astype(np.uint8)


def _shifts(bits: int) -> npt.NDArray[np.uint8]:
    return np.arange(8 - bits, -1, -bits, dtype=np.uint8)


def _refuse(expected: str, found: object) -> NoReturn:
    raise BadCodes(expected=expected, found=str(found), action=_ACTION)
