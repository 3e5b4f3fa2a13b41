"""What the federation is compared with, as functions that run in worker processes."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from collegium.flower.apps import load_agreed_task
from collegium.protocol.card import TaskCard
from collegium.tasks import Recipe
from collegium.tasks.baselines import train_alone, train_pooled
from collegium.tasks.task import Vector
from collegium.tasks.xray.data import read_folder


def evaluate(card: bytes, vector: Vector | None, reference: str) -> dict[str, Any]:
    """Quality of an adapter on a folder; None is the untouched base."""
    task = load_agreed_task(TaskCard.decode(card))
    measured = task.evaluate(task.zeros() if vector is None else vector, _prepared(card, reference))
    return measured.to_json()


def alone(card: bytes, folder: str, reference: str, rounds: int, seed: int) -> dict[str, Any]:
    """A hospital that trains by itself for as many steps as in the federation."""
    task, recipe = _open(card)
    train = read_folder(Path(folder)).split(recipe.held_out)[0]
    vector = train_alone(task, train, rounds=rounds, seed=seed)
    return evaluate(card, vector, reference)


def pooled(
    card: bytes, folders: list[str], reference: str, rounds: int, seed: int
) -> dict[str, Any]:
    """All hospitals' data in one place, for as many steps as all of them take together."""
    task, recipe = _open(card)
    parts = [read_folder(Path(folder)).split(recipe.held_out)[0] for folder in folders]
    vector = train_pooled(task, parts, rounds=rounds, seed=seed)
    return evaluate(card, vector, reference)


def _open(card: bytes) -> tuple[Any, Recipe]:
    opened = TaskCard.decode(card)
    return load_agreed_task(opened), Recipe.from_json(opened.recipe)


@lru_cache(maxsize=2)
def _prepared(card: bytes, folder: str) -> Any:
    return load_agreed_task(TaskCard.decode(card)).prepare(read_folder(Path(folder)))
