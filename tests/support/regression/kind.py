"""A second, minimal task: linear regression, where a lower error is better.

No code outside this folder knows it; a test registers it with one line. Data folders hold
``rows.npz``: inputs float64[n, 8] and targets float64[n, 4] of one true model.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from collegium.errors import BadCard, BadMetadata, MissingMetadata
from collegium.protocol.layout import Layout, Tensor
from collegium.tasks.commands import Host, ModelCommand, Shown
from collegium.tasks.task import Metric, Quality, SiteFolders, TaskKind, Vector

Floats = NDArray[np.float64]
FEATURES, OUTPUTS = 8, 4
FROZEN = b"nothing is frozen"


@dataclass(frozen=True)
class Recipe:
    """Gradient descent with a fixed rate."""

    rounds: int = 2
    held_out: float = 0.25
    steps: int = 4
    rate: float = 0.2
    step: float = 2.5  # factor on the sent update: the mean of three dilutes what each learned

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Rows:
    """Examples of one site."""

    inputs: Floats
    targets: Floats

    @property
    def digest(self) -> str:
        return hashlib.sha256(np.hstack([self.inputs, self.targets]).tobytes()).hexdigest()

    def __len__(self) -> int:
        return len(self.inputs)

    def part(self, rows: slice) -> "Rows":
        return Rows(self.inputs[rows], self.targets[rows])

    def split(self, share: float) -> tuple["Rows", "Rows"]:
        kept = round(len(self) * (1 - share))
        return self.part(slice(kept)), self.part(slice(kept, None))

    def check(self) -> None:
        if not np.isfinite(self.inputs).all() or not np.isfinite(self.targets).all():
            raise BadMetadata(expected="numbers", found="others", action="Correct the data.")


class Regression:
    """The task on one layout."""

    layout = Layout(
        task="regression",
        base_model=hashlib.sha256(b"zero").hexdigest(),
        mode="ffa",
        rank=1,
        alpha=1,
        frozen=hashlib.sha256(FROZEN).hexdigest(),
        tensors=(Tensor("w", (FEATURES, OUTPUTS)),),
    )
    frozen = FROZEN

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    def zeros(self) -> Vector:
        return np.zeros(self.layout.padded, np.float32)

    def try_out(self) -> None:
        self.loss(self.zeros(), Rows(np.zeros((1, FEATURES)), np.zeros((1, OUTPUTS))))

    def prepare(self, data: Rows) -> Rows:
        return data

    def train(
        self, vector: Vector, data: Rows, *, round: int, seed: int, federated: bool = True
    ) -> Vector:
        weights = self.layout.unflatten(vector)["w"].astype(np.float64)
        for _ in range(self.recipe.steps):
            error = data.inputs @ weights - data.targets
            weights = weights - self.recipe.rate * data.inputs.T @ error / len(data)
        trained = self.layout.flatten({"w": weights.astype(np.float32)})
        return vector + np.float32(self.recipe.step if federated else 1) * (trained - vector)

    def loss(self, vector: Vector, data: Rows) -> float:
        return self.evaluate(vector, data).value

    def evaluate(self, vector: Vector, data: Rows) -> Quality:
        squares = (data.inputs @ self.layout.unflatten(vector)["w"] - data.targets) ** 2
        worst = float(squares.mean(axis=0).max())
        return Quality(float(squares.mean()), len(data), {"worst output": worst})

    def predict(self, vector: Vector, inputs: Floats) -> Floats:
        return np.asarray(inputs @ self.layout.unflatten(vector)["w"], np.float64)

    def save_adapter(self, vector: Vector, folder: Path | str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        np.save(Path(folder) / "weights.npy", self.layout.unflatten(vector)["w"])


class RegressionKind:
    """See :class:`collegium.tasks.task.TaskKind`."""

    name = "regression"
    title = "Lines through points"
    metric = Metric("mean squared error", "lower", ".4f", {"worst output": ".2f"})
    score_unit = "thousandths of the squared error"
    min_score = 100
    hospitals = 3

    def recipe(self, document: object) -> Recipe:
        try:
            return Recipe(**document)  # type: ignore[arg-type]
        except TypeError as error:
            raise BadCard(expected="a recipe", found=str(error), action="Correct it.") from error

    def recipe_for(self, data: Path | None) -> Recipe:
        if data is not None:
            self.read(data / "test")
        return Recipe()

    def read(self, folder: Path | str, limit: int | None = None) -> Rows:
        path = Path(folder) / "rows.npz"
        if not path.is_file():
            raise MissingMetadata(expected=str(path), found="no file", action="Write one.")
        with np.load(path, allow_pickle=False) as arrays:
            return Rows(arrays["inputs"], arrays["targets"]).part(slice(limit))

    def notices(self, folder: Path, data: Rows, challenge: Rows) -> Sequence[str]:
        return []

    def join(self, parts: Sequence[Rows]) -> Rows:
        inputs, targets = zip(*((part.inputs, part.targets) for part in parts), strict=True)
        return Rows(np.concatenate(inputs), np.concatenate(targets))

    def scoring_set(self, held_out: Rows, challenge: Rows, recipe: Recipe, seed: int) -> Rows:
        return self.join([held_out, challenge])

    def draw(self, out: Path, *, seed: int, hospitals: int) -> SiteFolders:
        """Each hospital sees other features strongly, so that each has something to teach."""
        true = np.random.default_rng(seed).normal(0.0, 1.0, (FEATURES, OUTPUTS))
        folders = {}
        for number, name in enumerate([*(f"site-{k}" for k in range(hospitals)), "all", "test"]):
            rng = np.random.default_rng([seed, number])
            strong = np.arange(FEATURES) % hospitals == number
            scale = np.where(strong, 1.0, 0.2) if number < hospitals else 1.0
            inputs = rng.normal(0.0, scale, (80, FEATURES))
            targets = inputs @ true + rng.normal(0.0, 0.05, (80, OUTPUTS))
            folders[name] = out / name
            folders[name].mkdir(parents=True)
            np.savez(folders[name] / "rows.npz", inputs=inputs, targets=targets)
        challenge, reference = folders.pop("all"), folders.pop("test")
        return SiteFolders(folders, challenge, reference)

    def arrange(self, data: Path, out: Path, *, recipe: Recipe, seed: int) -> SiteFolders:
        sites = {path.name: path for path in sorted(data.glob("site-*"))}
        return SiteFolders(sites, data / "all", data / "test")

    def load(
        self, recipe: Recipe, *, layout: Layout | None = None, frozen: bytes | None = None
    ) -> Regression:
        return Regression(recipe)

    def commands(self) -> Sequence[ModelCommand]:
        return [ModelCommand(predict, "collegium model predict inputs.npy", reads_run=True)]


def predict(host: Host, inputs: Annotated[Path, typer.Argument(help="Rows, as .npy.")]) -> Shown:
    """Predict with the federation's model."""
    task, vector = host.federated()
    return Shown({"outputs": task.predict(vector, np.load(inputs)).tolist()})


KIND: TaskKind = RegressionKind()
