"""What a federation is compared with: every hospital alone, and all data in one place.

Both take as many optimiser steps, in all and on the same schedule, as the federation they are
compared with: a hospital alone as many as it takes in the federation, pooled training as many as
all hospitals together.
"""

from collections.abc import Sequence

from collegium.tasks.task import Task, Vector
from collegium.tasks.xray.data import Dataset, join


def train_alone(task: Task, data: Dataset, *, rounds: int, seed: int) -> Vector:
    """One hospital trains on its own for ``rounds`` rounds, from the untouched base."""
    examples, vector = task.prepare(data), task.zeros()
    for round in range(rounds):
        vector = task.train(vector, examples, round=round, seed=seed, federated=False)
    return vector


def train_pooled(task: Task, sites: Sequence[Dataset], *, rounds: int, seed: int) -> Vector:
    """All hospitals' data in one place, ``rounds`` rounds of one turn for each hospital."""
    examples, vector = task.prepare(join(sites, "pooled")), task.zeros()
    for round in range(rounds):
        for turn in range(len(sites)):
            draws = seed + 1_000_003 * turn
            vector = task.train(vector, examples, round=round, seed=draws, federated=False)
    return vector
