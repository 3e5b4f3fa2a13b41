"""What a federation needs of a task, whatever is fine-tuned.

A task turns a float32 vector (the trained part of an adapter, laid out by ``layout``) and a
hospital's examples into a better vector, a loss, or a report. The rest of the platform knows
nothing of models. Everything that loads torch is imported by ``load_task`` only.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from collegium.errors import BadCard
from collegium.protocol.layout import Layout
from collegium.tasks.xray.data import Dataset
from collegium.tasks.xray.recipe import Recipe

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """Result on some examples.

    Attributes:
        rows: how many questions.
        accuracy: share of answers that are right word for word, without regard to case.
        auc: area under the receiver operating characteristic of the yes/no questions among
            them, from the probabilities of the two answers; None unless both answers occur.
    """

    rows: int
    accuracy: float
    auc: float | None = None

    def to_json(self) -> dict[str, Any]:
        auc = None if self.auc is None else round(self.auc, 4)
        return {"rows": self.rows, "accuracy": round(self.accuracy, 4), "auc": auc}


@dataclass(frozen=True)
class Evaluation:
    """Result on a test set, in all and for each kind of question."""

    total: Score
    by_kind: dict[str, Score] = field(default_factory=dict)

    @property
    def accuracy(self) -> float:
        return self.total.accuracy

    @property
    def auc(self) -> float | None:
        return self.total.auc

    def to_json(self) -> dict[str, Any]:
        kinds = {kind: score.to_json() for kind, score in self.by_kind.items()}
        return {**self.total.to_json(), "by_kind": kinds}


@dataclass(frozen=True)
class Answer:
    """A model's answer to a question on an image.

    Attributes:
        text: the answer, as the model words it.
        confidence: probability that the model gives to this answer.
        p_yes: P(yes) / (P(yes) + P(no)), if the answer is yes or no.
    """

    text: str
    confidence: float
    p_yes: float | None = None


class Task(Protocol):
    """One kind of fine-tuning. Instances hold a model and belong to one thread."""

    name: str
    recipe: Recipe
    layout: Layout
    frozen: bytes  # safetensors of the frozen part of the adapter; its SHA-256 is in the layout

    def zeros(self) -> Vector:
        """The untouched base, float32[layout.padded]."""
        ...

    def prepare(self, dataset: Dataset) -> Any:
        """Preprocess once; the result may be given wherever a dataset is asked for."""
        ...

    def train(
        self, vector: Vector, data: Any, *, round: int, seed: int, federated: bool = True
    ) -> Vector:
        """One node's local work in a round (counted from 0): the vector after its steps.

        Not ``federated``: alone, with nothing to preserve that others may have taught it.
        The same arguments give the same bits on the same machine.
        """
        ...

    def loss(self, vector: Vector, data: Any) -> float:
        """Mean loss on the examples; minus this is the utility of a coalition."""
        ...

    def evaluate(self, vector: Vector, data: Any) -> Evaluation:
        """Quality as people read it."""
        ...

    def save_adapter(self, vector: Vector, folder: Path | str) -> None:
        """Write an adapter that the model's own library loads."""
        ...


def load_task(recipe: Recipe, *, layout: Layout | None = None, frozen: bytes | None = None) -> Task:
    """Load the model of a recipe.

    Args:
        layout: the agreed layout; without it the one that the recipe leads to.
        frozen: the agreed frozen part of the adapter; without it one is drawn from the recipe's
            seed, which gives the same bytes on every machine.

    Raises:
        BadCard: the recipe's task is not known.
        ModelMismatch: base model, frozen part or adapter differ from the agreed layout.
    """
    if recipe.task != "xray-dialogue":
        raise BadCard(
            expected="task xray-dialogue",
            found=recipe.task,
            action="Correct the task's name on the card.",
        )
    from collegium.tasks.xray.dialogue import XrayDialogue

    return XrayDialogue.load(recipe, layout=layout, frozen=frozen)
