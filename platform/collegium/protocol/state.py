"""The global adapter as integers: one int32 per lane, in units of 2^-24.

The integers are hashed, merged and proven. The float view is derived for training and evaluation
and is never hashed, because float sums can differ between machines.
"""

import numpy as np
import numpy.typing as npt

from collegium.errors import BadLayout
from collegium.protocol import tree
from collegium.protocol.layout import LEAF, Layout

UNITS = 1 << 24
"""State units in 1.0."""

State = npt.NDArray[np.int32]
"""One value per lane, int32 ``[padded]``."""

_ZERO_LEAF = bytes(4 * LEAF)


def zeros(layout: Layout) -> State:
    """The state in which every lane is 0, int32 ``[padded]``."""
    return np.zeros(layout.padded, np.int32)


def to_float(state: State) -> npt.NDArray[np.float32]:
    """Lane values ``g * 2^-24``, rounded to float32."""
    return np.ldexp(state.astype(np.float64), -24).astype(np.float32)


def to_units(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Lane values as (fractional) state units, exact in float64."""
    return np.ldexp(np.asarray(values, np.float64), 24)


def encode(state: State) -> bytes:
    """Big-endian int32, lane 0 first; 1024 bytes make one leaf."""
    return state.astype(">i4").tobytes()


def decode(data: bytes, layout: Layout) -> State:
    """Inverse of :func:`encode`; raises BadLayout if the layout needs another number of bytes."""
    if len(data) != 4 * layout.padded:
        raise BadLayout(
            expected=f"{4 * layout.padded} bytes of state",
            found=f"{len(data)} bytes",
            action="Fetch the state again or check which task it belongs to.",
        )
    return np.frombuffer(data, ">i4").astype(np.int32)


def to_leaves(state: State) -> list[memoryview]:
    """Leaves of 256 big-endian int32 each."""
    data, size = memoryview(encode(state)), 4 * LEAF
    return [data[start : start + size] for start in range(0, len(data), size)]


def root(state: State) -> bytes:
    """Merkle root of the state, 32 bytes."""
    return tree.root(to_leaves(state), _ZERO_LEAF)


def proof(state: State, index: int) -> list[bytes]:
    """Siblings of leaf ``index`` under ``root(state)``."""
    return tree.proof(to_leaves(state), index, _ZERO_LEAF)
