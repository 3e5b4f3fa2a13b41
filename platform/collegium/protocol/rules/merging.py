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
        merged[lanes] = _step(state[lanes], total, sum(weight for weight, _ in updates))
    return merged


class Coalitions:
    """The states that subsets of one round's updates would have made, for scoring.

    The denominator is always the weight of *all* updates: an absent update counts as a zero
    delta. So an update that does nothing changes no coalition and is worth exactly nothing
    (docs/decisions/0001). Lanes are dequantised once; a coalition costs a few vector sums.
    """

    def __init__(self, state: State, updates: Sequence[Weighted]) -> None:
        """Prepare the game; arguments and errors as for ``merge``."""
        _check(state, updates)
        self._state = state
        self._weights = [weight for weight, _ in updates]
        # Lane values stay below 127 · 2^24 < 2^31.
        self._lanes = [dequantise(encoded).astype(np.int32) for _, encoded in updates]

    def merged(self, present: Sequence[bool]) -> State:
        """The state with only these updates present; all False is the state itself."""
        if len(present) != len(self._lanes):
            _refuse(f"{len(self._lanes)} flags", len(present))
        members = [i for i, flag in enumerate(present) if flag]
        merged = np.empty_like(self._state)
        for _, lanes in ranges(merged.size):
            total = np.zeros(merged[lanes].size, np.int64)
            for i in members:
                total += self._weights[i] * self._lanes[i][lanes].astype(np.int64)
            merged[lanes] = _step(self._state[lanes], total, sum(self._weights))
        return merged


def coalition(state: State, updates: Sequence[Weighted], present: Sequence[bool]) -> State:
    """One coalition's state; use ``Coalitions`` for many."""
    return Coalitions(state, updates).merged(present)


def _step(state: State, total: npt.NDArray[np.int64], weight: int) -> State:
    moved: npt.NDArray[np.int64] = state + (2 * total + weight) // (2 * weight)
    return moved.clip(_INT32.min, _INT32.max).astype(np.int32)


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
