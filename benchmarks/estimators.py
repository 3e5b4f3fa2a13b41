"""How far estimated contributions are from the exact ones, and what they cost.

On synthetic games of several shapes, and on one round of the X-ray task: seven hospitals train
from the untrained adapter, and a validator scores on its own held-out data and the challenge set.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from tests.support.games import SHAPES, error

from benchmarks import runs
from collegium.protocol import codec, similarity, state
from collegium.protocol.coalitions import Coalitions
from collegium.protocol.rules.merging import MEAN
from collegium.tasks.registry import DEFAULT, task_kind
from collegium_incentives import Amounts, Utility, exact, mean_field, sampled

PLAYERS, SEEDS = 10, 8
HOSPITALS = 7
"""Of the X-ray round: the fewest for which the default estimates."""
ESTIMATES: dict[str, Callable[[Utility, int], np.ndarray]] = {
    "mean-field, 2 points": lambda utility, n: mean_field(utility, n, 2),
    "mean-field, 3 points": lambda utility, n: mean_field(utility, n, 3),
    "sampled, 2 pairs": lambda utility, n: sampled(utility, n, 2, seed=1),
    "sampled, 16 pairs": lambda utility, n: sampled(utility, n, 16, seed=1),
}
TARGETS = {"mean-field, 2 points": 2.0}
"""Most error, in % of the total, of what is the default."""


def measure(folder: Path) -> list[runs.Measure]:
    figures = []
    for shape in SHAPES:
        games = [shape(np.random.default_rng(seed), PLAYERS) for seed in range(SEEDS)]
        figures += _compare(f"{shape.__name__} game of {PLAYERS}", games)
    game, players = _round(folder)
    return figures + _compare(f"X-ray round of {players}", [game], players)


def _compare(title: str, games: Sequence[Utility], players: int = PLAYERS) -> list[runs.Measure]:
    """Mean L1 error in % of the total, evaluations and seconds of each estimate."""
    watched = [_Counted(game) for game in games]
    right = [exact(game, players) for game in watched]
    # A task may remember the loss of a state: only the exact pass sees what one evaluation costs.
    each = watched[0].seconds / watched[0].evaluations
    figures = [
        runs.at_most(f"{title}, exact: evaluations", watched[0].evaluations),
        runs.at_most(f"{title}, exact: seconds", round(watched[0].seconds, 2)),
    ]
    for name, estimate in ESTIMATES.items():
        watched = [_Counted(game) for game in games]
        misses = [
            error(estimate(game, players), value)
            for game, value in zip(watched, right, strict=True)
        ]
        percent = round(100 * float(np.mean(misses)), 2)
        figures += [
            runs.at_most(f"{title}, {name}: error, %", percent, TARGETS.get(name)),
            runs.at_most(f"{title}, {name}: evaluations", watched[0].evaluations),
            runs.at_most(f"{title}, {name}: seconds", round(each * watched[0].evaluations, 2)),
        ]
    return figures


class _Counted:
    """A game that counts what it is asked."""

    def __init__(self, game: Utility) -> None:
        self._game, self.evaluations, self.seconds = game, 0, 0.0

    def __call__(self, amounts: Amounts) -> float:
        started = time.perf_counter()
        value = self._game(amounts)
        self.seconds += time.perf_counter() - started
        self.evaluations += 1
        return value


def _round(folder: Path) -> tuple[Utility, int]:
    """The game of a first round, and its players."""
    kind = task_kind(DEFAULT)
    recipe = kind.recipe_for(None)
    sites = kind.draw(folder, seed=1, hospitals=HOSPITALS)
    task = kind.load(recipe)
    splits = [kind.read(path).split(recipe.held_out) for path in sites.hospitals.values()]
    start = task.zeros()
    base = state.to_units(start).astype(np.int32)
    updates = []
    for number, (train, _) in enumerate(splits):
        learned = task.train(start, task.prepare(train), round=0, seed=number)
        updates.append(codec.quantise(state.to_units(learned) - state.to_units(start), 8))
    challenge = kind.read(sites.challenge)
    rows = task.prepare(kind.scoring_set(splits[0][1], challenge, recipe, 0))
    groups = similarity.groups(similarity.cosines(updates), 0.98)
    game = Coalitions(MEAN, base, updates, groups)
    return lambda amounts: -task.loss(state.to_float(game.merged(amounts)), rows), len(groups)
