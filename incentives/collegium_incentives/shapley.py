"""The Shapley value: the one division of a joint gain that is efficient, symmetric and linear
and gives nothing to a player who changes nothing (Shapley, 1953).

A coalition is a bitmask: bit ``i`` says that player ``i`` is in. Evaluating one may cost a pass
over a validation set, so each is asked for exactly once.
"""

from collections.abc import Callable
from math import comb

import numpy as np
import numpy.typing as npt

MAX_PLAYERS = 10
"""Most players of an exact game: 1024 coalitions."""

Utility = Callable[[int], float]
Values = npt.NDArray[np.float64]


class TooManyPlayers(ValueError):
    """The exact value would take more than 2^10 evaluations."""

    def __init__(self, players: int) -> None:
        super().__init__(f"exact Shapley values need at most {MAX_PLAYERS} players, not {players}")


def exact(utility: Utility, players: int) -> Values:
    """Shapley value of each player, float64 ``[players]``, in the utility's unit.

    Args:
        utility: value of the coalition given as a bitmask; called once for each of the
            ``2^players`` masks, in ascending order.
        players: 0 to ``MAX_PLAYERS``.

    Raises:
        TooManyPlayers: more than ``MAX_PLAYERS``.
    """
    if players > MAX_PLAYERS:
        raise TooManyPlayers(players)
    masks = np.arange(1 << players)
    table = np.array([utility(int(mask)) for mask in masks], np.float64)
    sizes = np.bitwise_count(masks)
    # A coalition of s others precedes a player in s! (n-s-1)! of the n! orders of arrival.
    weight = np.array([1 / (players * comb(players - 1, s)) for s in range(players)])
    values = np.zeros(players)
    for player in range(players):
        without = masks[masks & (1 << player) == 0]
        gains = table[without | (1 << player)] - table[without]
        values[player] = np.dot(weight[sizes[without]], gains)
    return values


def leave_one_out(utility: Utility, players: int) -> Values:
    """What the whole coalition loses without each player: cheap, but blind to substitutes."""
    everybody = (1 << players) - 1
    whole = utility(everybody) if players else 0.0
    return np.array([whole - utility(everybody & ~(1 << i)) for i in range(players)], np.float64)
