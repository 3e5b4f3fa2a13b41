"""Models that the federation is compared with; these functions run in worker processes.

Arguments are bytes, texts and numbers, because they are sent from one process to another.
"""

from functools import lru_cache
from pathlib import Path
from typing import Any

from collegium.flower.apps import load_agreed_task
from collegium.protocol.card import TaskCard
from collegium.tasks.baselines import train_alone, train_pooled
from collegium.tasks.registry import agreed
from collegium.tasks.task import Dataset, Quality, Vector


def evaluate(card: bytes, vector: Vector | None, reference: str) -> Quality:
    """Quality of an adapter on the examples of a folder; None means the untrained base."""
    task = load_agreed_task(TaskCard.decode(card))
    return task.evaluate(task.zeros() if vector is None else vector, _prepared(card, reference))


def alone(card: bytes, folder: str, reference: str, rounds: int, seed: int) -> Quality:
    """Quality of a hospital that trains alone, for as many steps as in the federation."""
    opened = TaskCard.decode(card)
    vector = train_alone(
        load_agreed_task(opened), _training_part(opened, folder), rounds=rounds, seed=seed
    )
    return evaluate(card, vector, reference)


def pooled(card: bytes, folders: list[str], reference: str, rounds: int, seed: int) -> Quality:
    """Quality of training on pooled data, for as many steps as all hospitals take together."""
    opened = TaskCard.decode(card)
    data = agreed(opened)[0].join([_training_part(opened, folder) for folder in folders])
    vector = train_pooled(
        load_agreed_task(opened), data, hospitals=len(folders), rounds=rounds, seed=seed
    )
    return evaluate(card, vector, reference)


def _training_part(card: TaskCard, folder: str) -> Dataset:
    """The examples that a hospital trains on in the federation."""
    kind, recipe = agreed(card)
    return kind.read(Path(folder)).split(recipe.held_out)[0]


@lru_cache(maxsize=2)
def _prepared(card: bytes, folder: str) -> Any:
    opened = TaskCard.decode(card)
    return load_agreed_task(opened).prepare(agreed(opened)[0].read(Path(folder)))
