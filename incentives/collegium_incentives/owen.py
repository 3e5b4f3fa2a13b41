"""Shapley values from Owen's multilinear extension, for games too large for exact values.

Let every other player take part with probability ``t``; a player's Shapley value is its mean gain
over all ``t`` from 0 to 1 (Owen, 1972). *Mean-field* replaces the random coalition by its mean:
every other player counts with the weight ``t``. This takes one evaluation where the expectation
would take thousands, and is accurate if the game is smooth in the weights. *Sampled* draws
coalitions at random.

Neither estimate adds up exactly to the total gain. The gap is spread in proportion to the
magnitude of the values, so that a player who changes nothing still gets exactly nothing.
"""

from fractions import Fraction
from functools import lru_cache
from random import Random

import numpy as np

from collegium_incentives.games import IN, OUT, Amounts, Utility, Values, coalition

_STEPS = 1 << 16  # points are rounded to 1/65536, so that all machines evaluate the same amounts


def mean_field(utility: Utility, players: int, points: int) -> Values:
    """Deterministic and symmetric, from ``2 · points · players + 2`` evaluations.

    Args:
        points: of the Gauss-Legendre quadrature over ``t``; two points are at 0.211 and 0.789.

    Returns:
        float64 ``[players]``, in the unit of the utility.
    """
    values = np.zeros(players)
    for t, weight in _quadrature(points):
        others = (t,) * players
        for i in range(players):
            gain = utility(_with(others, i, IN)) - utility(_with(others, i, OUT))
            values[i] += weight * gain
    return _efficient(values, utility)


def sampled(utility: Utility, players: int, pairs: int, seed: int) -> Values:
    """Evaluates coalitions only: at most ``2 · pairs · (players + 1) + 2`` of them.

    Args:
        pairs: number of pairs of a random coalition, drawn with ``t``, and its complement, which
            uses ``1 - t`` (antithetic); the ``t`` are spread evenly over 0 to 1/2.
        seed: equal seeds lead to equal evaluations, on any machine.

    Returns:
        float64 ``[players]``, in the unit of the utility.
    """
    rng = Random(seed)  # Python guarantees this sequence; numpy's can change between versions
    ask = lru_cache(maxsize=None)(utility)
    values = np.zeros(players)
    for pair in range(pairs):
        t = (pair + rng.random()) / (2 * pairs)
        first = [rng.random() < t for _ in range(players)]
        for members in (first, [not member for member in first]):
            others = coalition(members)
            for i in range(players):
                values[i] += ask(_with(others, i, IN)) - ask(_with(others, i, OUT))
    return _efficient(values / max(1, 2 * pairs), ask)


def _quadrature(points: int) -> list[tuple[Fraction, float]]:
    nodes, weights = np.polynomial.legendre.leggauss(points)  # over -1 to 1; scaled to 0 to 1 here
    at = [Fraction(round((node + 1) / 2 * _STEPS), _STEPS) for node in nodes]
    return [(t, float(weight) / 2) for t, weight in zip(at, weights, strict=True)]


def _with(others: Amounts, player: int, amount: Fraction) -> Amounts:
    return (*others[:player], amount, *others[player + 1 :])


def _efficient(values: Values, utility: Utility) -> Values:
    players, size = len(values), np.abs(values)
    gained = utility((IN,) * players) - utility((OUT,) * players)
    if not size.sum():  # all are 0: there is no proportion to spread by
        return values
    spread: Values = values + (gained - values.sum()) * size / size.sum()
    return spread
