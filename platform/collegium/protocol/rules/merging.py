"""Merging: exact integer averaging, the same bits in any order and on any machine.

With weights ``w_i`` and ``W = Σ w_i``, per lane ``s = Σ w_i · q_i · 2^e_i`` and
``g' = clamp_int32(g + ⌊(2s + W) / 2W⌋)``: the weighted mean, rounded half up. As ``W <= 65535``
and a lane is below 2^31, sums stay far inside int64.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from collegium.errors import BadMerge
from collegium.protocol.codec import Encoded, dequantise, ranges
from collegium.protocol.state import State

MAX_WEIGHT = 65535
"""Largest sum of weights."""

_INT32 = np.iinfo(np.int32)

Weighted = tuple[int, Encoded]
Lanes = npt.NDArray[np.int64]


def merge(state: State, updates: Sequence[Weighted]) -> State:
    """The next state: ``state`` plus the weighted mean of the updates.

    Args:
        state: int32 ``[padded]``.
        updates: weight (1 to 65535) and lanes of each accepted update.

    Raises:
        BadMerge: no updates, weights outside their range, or lanes of another layout.
    """
    _check(state, updates)
    merged = np.empty_like(state)
    for blocks, lanes in ranges(state.size):
        total = np.zeros(merged[lanes].size, np.int64)
        for weight, encoded in updates:
            total += weight * dequantise(encoded, blocks)
        moved = _rounded(total, sum(weight for weight, _ in updates))
        merged[lanes] = step(state[lanes], moved)
    return merged


class Mean:
    """The weighted mean, rounded half up."""

    linear = True

    def moved(self, rows: Lanes, weights: Sequence[int]) -> Lanes:
        """What each lane moves by, int64 ``[lanes]``, from rows int64 ``[updates, lanes]``."""
        total = np.zeros(rows.shape[1], np.int64)
        for weight, row in zip(weights, rows, strict=True):
            total += weight * row
        return _rounded(total, sum(weights))


MEAN = Mean()


def step(state: State, moved: Lanes) -> State:
    """The state after a move; what does not fit int32 stays at its end."""
    following: Lanes = state + moved
    return following.clip(_INT32.min, _INT32.max).astype(np.int32)


def _rounded(total: Lanes, whole: int) -> Lanes:
    return (2 * total + whole) // (2 * whole)


def _check(state: State, updates: Sequence[Weighted]) -> None:
    weights = [weight for weight, _ in updates]
    if not weights or min(weights) < 1 or sum(weights) > MAX_WEIGHT:
        _refuse(f"updates with positive weights that add up to at most {MAX_WEIGHT}", weights)
    sizes = {encoded.codes.size for _, encoded in updates}
    if state.dtype != np.int32 or sizes != {state.size}:
        _refuse(f"an int32 state and updates of its {state.size} lanes", (state.dtype, sizes))


def _refuse(expected: str, found: object) -> None:
    raise BadMerge(
        expected=expected,
        found=str(found),
        action="Merge only updates that the settlement accepted, with its weights.",
    )
