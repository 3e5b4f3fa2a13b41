"""Smooth games of several shapes: functions of how much of each player takes part."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Game = Callable[[Sequence[Fraction]], float]


def _vector(amounts: Sequence[Fraction]) -> npt.NDArray[np.float64]:
    return np.array([float(amount) for amount in amounts])


def quadratic(rng: np.random.Generator, players: int) -> Game:
    """Gradient steps towards one optimum: the value of a merge near it."""
    steps = rng.normal(0.4, 0.3, (players, 30))

    def value(amounts: Sequence[Fraction]) -> float:
        return 30.0 - float(np.sum((1 - _vector(amounts) @ steps / players) ** 2))

    return value


def saturating(rng: np.random.Generator, players: int) -> Game:
    """All players teach parts of the same, so that each further one adds less."""
    skills = rng.random((players, 8)) ** 3

    def value(amounts: Sequence[Fraction]) -> float:
        return float(np.sum(1 - np.exp(-2 * _vector(amounts) @ skills / players)))

    return value


def logistic(rng: np.random.Generator, players: int) -> Game:
    """A few updates pull the other way; the loss is that of a classifier."""
    pull = rng.normal(1.0, 1.0, players)

    def value(amounts: Sequence[Fraction]) -> float:
        return -float(np.log1p(np.exp(-2 * pull @ _vector(amounts) / players)))

    return value


SHAPES = [quadratic, saturating, logistic]


def error(found: npt.NDArray[np.float64], right: npt.NDArray[np.float64]) -> float:
    """L1 distance as a share of the total that is divided."""
    return float(np.abs(found - right).sum() / np.abs(right).sum())
