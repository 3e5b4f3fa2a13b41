"""What a federation is compared with: every hospital alone, and all data in one place.

Both take as many optimiser steps, in all and on the same schedule, as the federation they are
compared with: a hospital alone as many as it takes in the federation, pooled training as many as
all hospitals together.
"""

from typing import Any

from collegium.tasks.task import Task, Vector


def train_alone(task: Task, data: Any, *, rounds: int, seed: int) -> Vector:
    """One hospital trains on its own for ``rounds`` rounds, from the untouched base."""
    examples, vector = task.prepare(data), task.zeros()
    for round in range(rounds):
        vector = task.train(vector, examples, round=round, seed=seed, federated=False)
    return vector


def train_pooled(task: Task, data: Any, *, hospitals: int, rounds: int, seed: int) -> Vector:
    """All data in one place, ``rounds`` rounds of one turn for each hospital."""
    examples, vector = task.prepare(data), task.zeros()
    for round in range(rounds):
        for turn in range(hospitals):
            draws = seed + 1_000_003 * turn
            vector = task.train(vector, examples, round=round, seed=draws, federated=False)
    return vector
