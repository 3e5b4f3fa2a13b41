"""The Shapley value: the one division of a joint gain that is efficient, symmetric and linear
and gives nothing to a player who changes nothing (Shapley, 1953).

A coalition is numbered by a bitmask here: bit ``i`` says that player ``i`` is in.
"""

from math import comb

import numpy as np

from collegium_incentives.games import Amounts, Utility, Values, coalition

MAX_PLAYERS = 10
"""Most players of an exact game: 1024 coalitions."""


class TooManyPlayers(ValueError):
    """The exact value would take more than 2^10 evaluations."""

    def __init__(self, players: int) -> None:
        super().__init__(f"exact Shapley values need at most {MAX_PLAYERS} players, not {players}")


def exact(utility: Utility, players: int) -> Values:
    """Shapley value of each player.

    Args:
        utility: asked once for each of the ``2^players`` coalitions, by ascending bitmask.
        players: 0 to ``MAX_PLAYERS``.

    Raises:
        TooManyPlayers: more than ``MAX_PLAYERS``.
    """
    if players > MAX_PLAYERS:
        raise TooManyPlayers(players)
    masks = np.arange(1 << players)
    table = np.array([utility(_members(int(mask), players)) for mask in masks], np.float64)
    sizes = np.bitwise_count(masks)
    # A coalition of s others precedes a player in s! (n-s-1)! of the n! orders of arrival.
    weight = np.array([1 / (players * comb(players - 1, s)) for s in range(players)])
    values = np.zeros(players)
    for player in range(players):
        without = masks[masks & (1 << player) == 0]
        gains = table[without | (1 << player)] - table[without]
        values[player] = np.dot(weight[sizes[without]], gains)
    return values


def _members(mask: int, players: int) -> Amounts:
    return coalition(bool(mask >> i & 1) for i in range(players))
