"""The states that a part of one round's updates would have led to, for scoring.

A player is a group of near-duplicate updates, present to an amount from 0 to 1. The merge rule of
the card computes the state. Zeros replace the absent part of an update, so the denominator is
always the weight of *all* updates: an update that does nothing changes no state and is worth
exactly nothing (docs/decisions/0001).
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from collegium.errors import BadMerge
from collegium.protocol.codec import Encoded, dequantise, ranges
from collegium.protocol.rules.merging import Lanes, MergeRule, step
from collegium.protocol.rules.table import MAX_WEIGHT
from collegium.protocol.state import State
from collegium_incentives import Amounts, Groups, spread, weights


class Coalitions:
    """The game of one round's updates.

    An amount becomes an integer weight: that part of the player's full weight, which is about
    ``65535 / players``, rounded down. Under a rule that is not a weighted sum, a part of an update
    has no meaning; such a rule takes amounts of 0 and 1 only. Lanes are decoded once, so a state
    costs a few vector sums.

    Attributes:
        players: how many groups there are.
        fractions: whether amounts between 0 and 1 have a meaning under the rule.
    """

    def __init__(
        self, rule: MergeRule, state: State, updates: Sequence[Encoded], groups: Groups
    ) -> None:
        """Prepare the game.

        Args:
            rule: the merge rule of the card.
            state: int32 ``[padded]``, the base of the round.
            updates: their lanes; all of the layout of the state.
            groups: a partition of the indices of ``updates``.

        Raises:
            BadMerge: lanes of another layout, or groups of more or fewer updates.
            InvalidGroups: the groups are not a partition.
        """
        sizes = {encoded.codes.size for encoded in updates}
        if state.dtype != np.int32 or sizes - {state.size}:
            _refuse(f"an int32 state and updates of its {state.size} lanes", (state.dtype, sizes))
        self.players, self.fractions = len(groups), rule.linear
        self._rule, self._state, self._groups = rule, state, groups
        self._weights = weights(groups, MAX_WEIGHT)
        if len(self._weights) != len(updates):
            _refuse(f"groups of {len(updates)} updates", groups)
        # Lane values stay below 127 · 2^24 < 2^31.
        self._lanes = [dequantise(encoded).astype(np.int32) for encoded in updates]

    def merged(self, amounts: Amounts) -> State:
        """The state with each player present to an amount; with all at 0 the state itself.

        Raises:
            BadMerge: not one amount from 0 to 1 for each player, or an amount between 0 and 1
                under a rule that gives it no meaning.
        """
        if len(amounts) != self.players or not all(0 <= amount <= 1 for amount in amounts):
            _refuse(f"{self.players} amounts from 0 to 1", amounts)
        if not self.fractions and not all(amount in (0, 1) for amount in amounts):
            _refuse("amounts of 0 and 1, as the merge rule is not a weighted sum", amounts)
        parts = spread(amounts, self._groups)
        merged = np.empty_like(self._state)
        for _, lanes in ranges(merged.size):
            moved = self._rule.moved(*self._rows(parts, lanes))
            merged[lanes] = step(self._state[lanes], moved)
        return merged

    def _rows(self, parts: Sequence[Fraction], lanes: slice) -> tuple[Lanes, list[int]]:
        """Lanes and weights for the rule; an absent update is a row of zeros."""
        width = self._state[lanes].size
        if not self.fractions:
            rows = np.zeros((len(parts), width), np.int64)
            for i, part in enumerate(parts):
                if part:
                    rows[i] = self._lanes[i][lanes]
            return rows, self._weights
        # In a weighted sum, one row of zeros can carry the weight of everything that is absent.
        present = [i for i, part in enumerate(parts) if part]
        taken = [int(self._weights[i] * parts[i]) for i in present]
        rows = np.zeros((len(present) + 1, width), np.int64)
        for row, i in enumerate(present):
            rows[row] = self._lanes[i][lanes]
        return rows, [*taken, sum(self._weights) - sum(taken)]


def _refuse(expected: str, found: object) -> None:
    raise BadMerge(
        expected=expected,
        found=str(found),
        action="Ask only for parts of the round's own updates.",
    )
