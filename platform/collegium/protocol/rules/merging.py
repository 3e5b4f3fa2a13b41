"""Merging: the rule by which accepted updates become the next state, in exact integers.

A rule is a function from the lanes of all updates to the step of each lane of the state; the next
state is ``g' = clamp_int32(g + moved)``: the same bits in any order of updates and on any machine.
``contracts/rules/Merge.sol`` has the same rules with the same numbers. A new rule is one class
here, in the table, and one branch there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from collegium.errors import BadMerge
from collegium.protocol.codec import Encoded, dequantise, ranges
from collegium.protocol.rules.table import MAX_WEIGHT, Rule, numbered
from collegium.protocol.state import State

_INT32 = np.iinfo(np.int32)

Weighted = tuple[int, Encoded]
"""Merge weight of an update (1 to 65535), and the update."""
Lanes = npt.NDArray[np.int64]
"""Lanes in state units, int64: one row ``[lanes]`` or several ``[updates, lanes]``."""


class MergeRule(Rule, Protocol):
    """How updates become one step of the state.

    Attributes:
        parameter_name: what the card calls the rule's number; empty if it takes none.
        bounds: least and greatest value of that number.
        linear: whether the step is a weighted sum of the updates, apart from rounding.
        parameter: the number.
    """

    parameter_name: ClassVar[str]
    bounds: ClassVar[tuple[int, int]]
    linear: ClassVar[bool]

    def __init__(self, parameter: int) -> None: ...

    @property
    def parameter(self) -> int:
        """The rule's number, 0 if it takes none."""

    def moved(self, rows: Lanes, weights: Sequence[int]) -> Lanes:
        """The step of each lane of the state.

        Args:
            rows: int64 ``[updates, lanes]``, each below 2^31 in magnitude; an update that is absent
                from a coalition is a row of zeros (docs/decisions/0001).
            weights: of each row; at least one is positive, and they add up to at most 65535.

        Returns:
            int64 ``[lanes]``.
        """

    def block(self, rows: Sequence[Sequence[int]], weights: Sequence[int]) -> list[int]:
        """The same for judging disputes: in Python's integers, independent of ``moved``."""


@dataclass(frozen=True)
class Mean:
    """The weighted mean, rounded half up.

    With weights ``w_i`` and ``W = Σ w_i``, per lane ``s = Σ w_i · q_i · 2^e_i`` and the state moves
    by ``⌊(2s + W) / 2W⌋``. As ``W <= 65535`` and a lane is below 2^31, sums stay far inside int64.
    """

    id: ClassVar[int] = 0
    name: ClassVar[str] = "mean"
    sentence: ClassVar[str] = "The state moves by the weighted mean of the accepted updates."
    parameter_name: ClassVar[str] = ""
    bounds: ClassVar[tuple[int, int]] = (0, 0)
    linear: ClassVar[bool] = True
    parameter: int = 0

    def moved(self, rows: Lanes, weights: Sequence[int]) -> Lanes:
        """``⌊(2s + W) / 2W⌋`` per lane; see :meth:`MergeRule.moved`."""
        total = np.zeros(rows.shape[1], np.int64)
        for weight, row in zip(weights, rows, strict=True):
            total += weight * row
        return _rounded(total, sum(weights))

    def block(self, rows: Sequence[Sequence[int]], weights: Sequence[int]) -> list[int]:
        """The same in Python's integers; see :meth:`MergeRule.block`."""
        whole = sum(weights)
        sums = [sum(map(int.__mul__, weights, lane)) for lane in zip(*rows, strict=True)]
        return [(2 * each + whole) // (2 * whole) for each in sums]


@dataclass(frozen=True)
class Trimmed:
    """The trimmed mean, lane by lane, rounded half up; all updates count equally.

    Each lane leaves out the ``parameter`` lowest and as many highest values. If no value would
    remain, it leaves out fewer, so that one or two remain. Updates of weight 0 are ignored.
    """

    id: ClassVar[int] = 1
    name: ClassVar[str] = "trimmed"
    sentence: ClassVar[str] = (
        "The state moves by the mean of the accepted updates, of which each lane leaves out the "
        "lowest and the highest."
    )
    parameter_name: ClassVar[str] = "trim"
    bounds: ClassVar[tuple[int, int]] = (1, 127)  # of 256 updates, the most that a round has
    linear: ClassVar[bool] = False
    parameter: int

    def moved(self, rows: Lanes, weights: Sequence[int]) -> Lanes:
        """Mean of the values that remain in each lane; see :meth:`MergeRule.moved`."""
        present = rows[np.asarray(weights) > 0]
        trim = self._trim(len(present))
        kept = np.sort(present, axis=0)[trim : len(present) - trim]
        return _rounded(kept.sum(axis=0), len(kept))

    def block(self, rows: Sequence[Sequence[int]], weights: Sequence[int]) -> list[int]:
        """The same in Python's integers; see :meth:`MergeRule.block`."""
        present = [row for row, weight in zip(rows, weights, strict=True) if weight]
        trim, moved = self._trim(len(present)), []
        for lane in zip(*present, strict=True):
            kept = sorted(lane)[trim : len(lane) - trim]
            moved.append((2 * sum(kept) + len(kept)) // (2 * len(kept)))
        return moved

    def _trim(self, present: int) -> int:
        return min(self.parameter, (present - 1) // 2)


MEAN = Mean()
MERGE_RULES: tuple[type[MergeRule], ...] = (Mean, Trimmed)


def merge_rule(number: int, parameter: int) -> MergeRule:
    """The rule with this number and parameter; raises BadCard if there is no such rule."""
    return numbered("merge_rule", MERGE_RULES, number)(parameter)


def merge(rule: MergeRule, state: State, updates: Sequence[Weighted]) -> State:
    """The next state: ``state`` moved by the updates according to the rule.

    Args:
        rule: of the card's terms.
        state: int32 ``[padded]``.
        updates: weight (1 to 65535) and lanes of each accepted update.

    Raises:
        BadMerge: no updates, weights outside their range, or lanes of another layout.
    """
    _check(state, updates)
    weights = [weight for weight, _ in updates]
    merged = np.empty_like(state)
    for blocks, lanes in ranges(state.size, len(updates)):
        rows = np.stack([dequantise(encoded, blocks) for _, encoded in updates])
        merged[lanes] = step(state[lanes], rule.moved(rows, weights))
    return merged


def step(state: State, moved: Lanes) -> State:
    """The state after a step, clamped to int32."""
    following: Lanes = state + moved
    return following.clip(_INT32.min, _INT32.max).astype(np.int32)


def _rounded(total: Lanes, whole: int) -> Lanes:
    """``total / whole``, rounded half up."""
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
