"""The estimators of contributions by name; a new one is an entry here.

Where an estimator would need too many evaluations, :func:`pick` replaces it. The choice depends
only on the number of players and the kind of game, so a whole committee uses the same estimator.
"""

from collections.abc import Callable
from dataclasses import dataclass

from collegium_incentives.games import Utility, Values
from collegium_incentives.owen import mean_field, sampled
from collegium_incentives.shapley import MAX_PLAYERS, exact

Estimate = Callable[[Utility, int, int, int], Values]
"""Values of the players, from the utility, the number of players, the number of samples, a seed."""


@dataclass(frozen=True)
class Estimator:
    """One way to estimate Shapley values.

    Attributes:
        estimate: computes them.
        samples: the default number of samples; 0 if it takes none.
        most_samples: the greatest number of samples that is allowed.
        counts: what one sample is, in words.
        fractions: whether it evaluates amounts between 0 and 1.
    """

    estimate: Estimate
    samples: int
    most_samples: int
    counts: str
    fractions: bool


ESTIMATORS: dict[str, Estimator] = {
    "exact": Estimator(lambda u, n, samples, seed: exact(u, n), 0, 0, "nothing", False),
    "mean-field": Estimator(
        lambda u, n, samples, seed: mean_field(u, n, samples),
        samples=2,
        most_samples=16,
        counts="a point of the Gauss-Legendre quadrature: 2n evaluations for n players",
        fractions=True,
    ),
    "sampled": Estimator(
        sampled,
        samples=16,
        most_samples=4096,
        counts="a coalition and its complement: at most 2n + 2 evaluations for n players",
        fractions=False,
    ),
}

AUTO = "auto"
"""Exact where that is cheap, otherwise an estimate; see :func:`pick`."""

NAMES = (AUTO, *ESTIMATORS)
"""Every name that a task card can use."""

EXACT_BY_DEFAULT = 6
"""Most players (64 evaluations) for which ``auto`` is exact although it could use an estimate."""


def pick(name: str, players: int, fractions: bool = True) -> Estimator:
    """The estimator to use for a game.

    ``auto`` is exact up to six players and ``mean-field`` above. In a game that has no amounts
    between 0 and 1 it is exact up to ten and ``sampled`` above. ``exact`` is exact up to ten; with
    more players it does what ``auto`` does.

    Args:
        name: one of ``NAMES``.
        players: number of players in the game.
        fractions: whether the game has values for amounts between 0 and 1.

    Raises:
        KeyError: there is no estimator of this name.
    """
    if name not in (AUTO, "exact"):
        return ESTIMATORS[name]
    most = EXACT_BY_DEFAULT if name == AUTO and fractions else MAX_PLAYERS
    if players <= most:
        return ESTIMATORS["exact"]
    return ESTIMATORS["mean-field" if fractions else "sampled"]


def estimate(
    name: str,
    utility: Utility,
    players: int,
    *,
    samples: int = 0,
    seed: int = 0,
    fractions: bool = True,
) -> Values:
    """Value of each player, by the estimator that :func:`pick` returns.

    Args:
        samples: number of samples; 0 selects the estimator's default.
        seed: equal seeds lead to equal evaluations.

    Returns:
        float64 ``[players]``, in the unit of the utility.

    Raises:
        KeyError: there is no estimator of this name.
    """
    chosen = pick(name, players, fractions)
    return chosen.estimate(utility, players, samples or chosen.samples, seed)
