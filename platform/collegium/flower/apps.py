"""The Flower app of all tasks: it runs on a SuperNode, or on the grid of a demonstration.

Nothing here is about chains: ``attest()`` is the only line that a plain Flower app would not have.
Models and examples stay loaded as long as the process runs.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from flwr.app import Array, ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.clientapp.typing import Mod

from collegium.flower import wire
from collegium.flower.mod import HOME, attest
from collegium.protocol.card import TaskCard
from collegium.tasks.challenge import read_challenge
from collegium.tasks.registry import agreed
from collegium.tasks.task import Dataset, Task, Vector
from collegium.workspace.home import NodeHome


def client_app(*mods: Mod) -> ClientApp:
    """The ClientApp of a hospital.

    Args:
        mods: Flower mods of the hospital's own, inside the attestation.
    """
    app = ClientApp(mods=[attest(), *mods])

    @app.train()
    def train(message: Message, context: Context) -> Message:
        site = _site(str(context.node_config[HOME]))
        name, arrays = wire.arrays_of(message)
        start = site.task.layout.flatten(_tensors(arrays))
        # Rounds count from 1 on the chain, from 0 in a task.
        index = int((wire.fields(message) or {"round": 1})["round"]) - 1  # type: ignore[arg-type]
        vector = site.task.train(start, site.train, round=index, seed=site.seed)
        trained = {n: Array(a) for n, a in site.task.layout.unflatten(vector).items()}
        metrics = MetricRecord({"num-examples": site.samples})
        return Message(
            RecordDict({name: ArrayRecord(trained), "metrics": metrics}), reply_to=message
        )

    @app.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        site = _site(str(context.node_config[HOME]))
        vector = site.task.layout.flatten(_tensors(wire.arrays_of(message)[1]))
        loss = site.task.loss(vector, site.held_out)
        metrics = MetricRecord({"num-examples": site.held_out_samples, "loss": loss})
        return Message(RecordDict({"metrics": metrics}), reply_to=message)

    return app


def load_agreed_task(card: TaskCard) -> Task:
    """The task of a card, loaded once per process."""
    return _task(card.encode())


@dataclass(frozen=True)
class _Site:
    """A hospital's model and examples, ready for use."""

    task: Task
    train: Any
    samples: int
    held_out: Any
    held_out_samples: int
    seed: int


def _site(path: str) -> _Site:
    return _read_site(path, NodeHome(path).version)


@lru_cache(maxsize=32)
def _read_site(path: str, version: tuple[int, ...]) -> _Site:
    home = NodeHome(path)
    settings, card = home.settings(), TaskCard.decode(home.card())
    task, (kind, recipe) = load_agreed_task(card), agreed(card)
    train, held_out = kind.read(settings.data).split(recipe.held_out)
    challenge = _challenge(card.encode(), settings.challenge)
    shard = kind.scoring_set(held_out, challenge, recipe, settings.seed)
    return _Site(
        task=task,
        train=task.prepare(train),
        samples=len(train),
        held_out=task.prepare(shard),
        held_out_samples=len(shard),
        seed=settings.seed,
    )


@lru_cache(maxsize=4)
def _challenge(card: bytes, folder: str) -> Dataset:
    """The challenge set, checked once per process for all its nodes."""
    return read_challenge(TaskCard.decode(card), Path(folder))


@lru_cache(maxsize=1)
def _task(card: bytes) -> Task:
    kind, recipe = agreed(TaskCard.decode(card))
    return kind.load(recipe)


def _tensors(record: ArrayRecord) -> dict[str, Vector]:
    return {name: array.numpy() for name, array in record.items()}
