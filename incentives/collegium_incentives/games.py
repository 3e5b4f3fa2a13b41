"""A game: how well things go when each player takes part to some amount.

An amount is 0 where a player stays out, 1 where it is wholly in, and anything between where its
contribution counts with a part of its weight. A coalition is the special case of zeros and ones.
Evaluating a game may cost a pass over a validation set, so estimators ask each question once.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Amounts = tuple[Fraction, ...]
"""One exact amount from 0 to 1 for each player."""

Utility = Callable[[Amounts], float]
"""What the game is worth at some amounts, in a unit of its own."""

Values = npt.NDArray[np.float64]
"""One value for each player, float64 ``[players]``, in the utility's unit."""

OUT, IN = Fraction(0), Fraction(1)


def coalition(members: Iterable[bool]) -> Amounts:
    """The amounts of a coalition: one flag for each player."""
    return tuple(IN if member else OUT for member in members)
