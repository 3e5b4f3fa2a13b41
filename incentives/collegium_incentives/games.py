"""A game: one value for each combination of players, each present to some amount.

An amount is 0 for a player that is absent and 1 for one that is present. Between 0 and 1 its
contribution counts with that part of its weight. A coalition is the special case of zeros and ones.
One evaluation can cost a pass over a validation set, so estimators never repeat one.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Amounts = tuple[Fraction, ...]
"""One exact amount from 0 to 1 for each player."""

Utility = Callable[[Amounts], float]
"""Value of the game at these amounts, in any unit."""

Values = npt.NDArray[np.float64]
"""One value for each player, float64 ``[players]``, in the utility's unit."""

OUT, IN = Fraction(0), Fraction(1)


def coalition(members: Iterable[bool]) -> Amounts:
    """The amounts of a coalition: one flag for each player."""
    return tuple(IN if member else OUT for member in members)
