"""What the platform asks of a task, whatever is fine-tuned.

A :class:`TaskKind` reads data and makes recipes; it is cheap to import. Its ``load`` gives a
:class:`Task`: a model that turns a float32 vector (the trained part of an adapter, laid out by
``layout``) and examples into a better vector, a loss, or a :class:`Quality`.

Datasets, recipes and tasks of one kind fit each other and no other kind's, which is why the
protocols take ``Any`` where they are passed on.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from collegium.protocol.layout import Layout
from collegium.tasks.commands import ModelCommand

Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Metric:
    """What quality is reported in.

    Attributes:
        name: in words, as on the task card.
        better: which way is better.
        form: how a value is written, as a format specification of Python: ``.1%``, ``.3f``.
        parts: forms of the parts of a quality that are not written like the metric itself.
    """

    name: str
    better: Literal["higher", "lower"]
    form: str
    parts: Mapping[str, str] = field(default_factory=dict)

    def show(self, value: float, part: str | None = None) -> str:
        """A value of the metric, or of one part of a quality, as people read it."""
        return format(value, self.form if part is None else self.parts.get(part, self.form))

    def gain(self, after: float, before: float) -> float:
        """How much better ``after`` is than ``before``; negative if it is worse."""
        return after - before if self.better == "higher" else before - after

    def change(self, after: float, before: float) -> str:
        """The signed difference as people read it; in points where values are percentages."""
        if self.form.endswith("%"):
            return f"{100 * (after - before):+.1f} points"
        return format(after - before, "+" + self.form)

    def best(self, values: Iterable[float]) -> float:
        """The best of some values."""
        return max(values) if self.better == "higher" else min(values)


@dataclass(frozen=True)
class Quality:
    """How good a model is on a test set.

    Attributes:
        value: in the kind's metric.
        rows: how many examples it was measured on.
        parts: further columns of a table by name; their forms are in the metric.
        interval: lowest and highest value that the measurement leaves plausible (95 %), if the
            task gives one.
    """

    value: float
    rows: int
    parts: Mapping[str, float] = field(default_factory=dict)
    interval: tuple[float, float] | None = None


class Recipe(Protocol):
    """What all nodes agree on before they train: plain JSON, bounded, fixed on the card."""

    @property
    def rounds(self) -> int:
        """Rounds that the schedule is made for."""
        ...

    @property
    def held_out(self) -> float:
        """Share of a site's examples that is never trained on and scores others."""
        ...

    def to_json(self) -> dict[str, Any]:
        """The recipe as it is on the card."""
        ...


class Dataset(Protocol):
    """A site's examples. Listing them is cheap; what they show is read when it is looked at."""

    @property
    def digest(self) -> str:
        """SHA-256 over all examples with what they show, whatever their order."""
        ...

    def __len__(self) -> int: ...

    def split(self, share: float) -> tuple[Self, Self]:
        """The rest, and about ``share`` of the examples; the parts share no person."""
        ...

    def check(self) -> None:
        """Look at every example; raises DataError at the first that cannot be used."""
        ...


class Task(Protocol):
    """A loaded model and how it is fine-tuned. Belongs to one thread."""

    @property
    def layout(self) -> Layout:
        """What is trained."""
        ...

    @property
    def frozen(self) -> bytes:
        """The frozen part of the adapter; its SHA-256 is in the layout."""
        ...

    def zeros(self) -> Vector:
        """The untouched base, float32[layout.padded]."""
        ...

    def try_out(self) -> None:
        """Use the model once on a tiny invented input, before anything is deployed or paid.

        Raises:
            ModelMismatch: it cannot be used or trained.
        """
        ...

    def prepare(self, data: Any) -> Any:
        """Preprocess once; the result is accepted wherever a dataset is."""
        ...

    def train(
        self, vector: Vector, data: Any, *, round: int, seed: int, federated: bool = True
    ) -> Vector:
        """One node's local work in a round (counted from 0): the vector that it proposes.

        Not ``federated``: alone, for no one to merge with and nothing of others to preserve.
        The same arguments give the same bits on the same machine.
        """
        ...

    def loss(self, vector: Vector, data: Any) -> float:
        """Mean loss on the examples; minus this is the utility of a coalition."""
        ...

    def evaluate(self, vector: Vector, data: Any) -> Quality:
        """Quality as people read it."""
        ...

    def save_adapter(self, vector: Vector, folder: Path | str) -> None:
        """Write an adapter that the model's own library loads."""
        ...


@dataclass(frozen=True)
class Unused:
    """Something in a user's folder that is not used.

    Attributes:
        path: relative to the folder.
        reason: in words.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class SiteFolders:
    """Where the data of a demonstration are.

    Attributes:
        hospitals: folders by name.
        challenge: the set that committees score with.
        reference: the set that quality is reported on; no node trains on it.
        unused: what is in the user's folder and not used.
        notices: what people should know before they trust the result, such as the same picture in
            two hospitals; sentences.
    """

    hospitals: dict[str, Path]
    challenge: Path
    reference: Path
    unused: tuple[Unused, ...] = ()
    notices: tuple[str, ...] = ()


class TaskKind(Protocol):
    """One kind of fine-tuning. Importing it is cheap; ``load`` may load torch.

    Attributes:
        name: as on the task card and in the layout.
        title: of a federation, in demonstrations.
        metric: what quality is reported in.
        score_unit: what a thousandth of the loss is, in words: a score is in millionths of it.
        min_score: score of an update that is worth its pay, in demonstrations.
        hospitals: how many take part in a demonstration by default.
    """

    name: str
    title: str
    metric: Metric
    score_unit: str
    min_score: int
    hospitals: int

    def recipe(self, document: object) -> Recipe:
        """The recipe of a card, what it leaves out by default; raises BadCard."""
        ...

    def recipe_for(self, data: Path | None) -> Recipe:
        """A recipe that suits the hospitals in a folder, or the ones that :meth:`draw` makes.

        A demonstration asks for it before it writes anything.

        Raises:
            DataError: the folder cannot be used.
        """
        ...

    def read(self, folder: Path | str, limit: int | None = None) -> Dataset:
        """List the examples of a folder, at most ``limit`` of them; raises DataError."""
        ...

    def notices(self, folder: Path, data: Any, challenge: Any) -> Sequence[str]:
        """What a hospital should know of its data before it takes part, in sentences.

        Such as files in its folder that are not used, or examples that the challenge set has, too.
        """
        ...

    def join(self, parts: Sequence[Any]) -> Dataset:
        """All examples of several datasets."""
        ...

    def scoring_set(self, held_out: Any, challenge: Any, recipe: Any, seed: int) -> Dataset:
        """What one validator scores with: some examples of its own and of the challenge set."""
        ...

    def draw(self, out: Path, *, seed: int, hospitals: int) -> SiteFolders:
        """Write the invented data of a demonstration below ``out``."""
        ...

    def arrange(self, data: Path, out: Path, *, recipe: Any, seed: int) -> SiteFolders:
        """Find the hospitals of a user's folder; what has to be written goes below ``out``.

        Raises:
            DataError: the folder cannot be used.
        """
        ...

    def load(
        self, recipe: Any, *, layout: Layout | None = None, frozen: bytes | None = None
    ) -> Task:
        """Load the model of a recipe.

        Args:
            layout: the agreed layout; without it the one that the recipe leads to.
            frozen: the agreed frozen part of the adapter; without it one is drawn from the
                recipe's seed, which gives the same bytes on every machine.

        Raises:
            ModelMismatch: base model, frozen part or adapter differ from the agreed layout.
        """
        ...

    def commands(self) -> Sequence[ModelCommand]:
        """What people can do with its models, below ``collegium model``."""
        ...
