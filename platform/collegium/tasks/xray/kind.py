"""The X-ray dialogue as the platform knows it: data, recipes and demonstrations, without torch."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from collegium.protocol.layout import Layout
from collegium.tasks.commands import ModelCommand
from collegium.tasks.task import SiteFolders, TaskKind
from collegium.tasks.xray import data, federation_data, folder
from collegium.tasks.xray.data import Dataset
from collegium.tasks.xray.discovery import unlisted
from collegium.tasks.xray.hospitals import SPECIALISTS, Hospital, write_federation
from collegium.tasks.xray.metric import METRIC
from collegium.tasks.xray.overlap import shared
from collegium.tasks.xray.recipe import NAME, Recipe

if TYPE_CHECKING:
    from collegium.tasks.xray.dialogue import XrayDialogue


class XrayKind:
    """See :class:`collegium.tasks.task.TaskKind`."""

    name = NAME
    title = "Chest X-ray dialogue"
    metric = METRIC
    score_unit = "milli-nats of answer loss"
    min_score = 250
    hospitals = len(SPECIALISTS)

    def recipe(self, document: object) -> Recipe:
        return Recipe.from_json(document)

    def recipe_for(self, data: Path | None) -> Recipe:
        if data is None:
            return Recipe()
        return federation_data.recipe_for(federation_data.read_federation(data).sites)

    def read(self, path: Path | str, limit: int | None = None) -> Dataset:
        return folder.read_folder(path, limit)

    def notices(self, path: Path, own: Dataset, challenge: Dataset) -> Sequence[str]:
        left = unlisted(own, path)
        unused = [f"{left[0]} and {len(left) - 1:,} more images are not used"] if left else []
        return [*unused, *shared({"the hospital's data": own, "the challenge set": challenge})]

    def join(self, parts: Sequence[Dataset]) -> Dataset:
        return data.join(parts)

    def scoring_set(
        self, held_out: Dataset, challenge: Dataset, recipe: Recipe, seed: int
    ) -> Dataset:
        return federation_data.scoring_set(held_out, challenge, recipe, seed)

    def draw(self, out: Path, *, seed: int, hospitals: int) -> SiteFolders:
        drawn = [_hospital(index) for index in range(hospitals)]
        write_federation(out, seed=seed, hospitals=drawn)
        folders = {hospital.name: out / hospital.name for hospital in drawn}
        return SiteFolders(folders, out / "challenge", out / "reference")

    def arrange(self, data: Path, out: Path, *, recipe: Recipe, seed: int) -> SiteFolders:
        """A hospital that gives images to the challenge set trains on the rest."""
        found = federation_data.read_federation(data)
        folders = {name: data / name for name in found.sites}
        challenge = data / "challenge"
        if found.challenge is None:
            given, kept = federation_data.contribute(found.sites, recipe.challenge_rows, seed)
            challenge = folder.write_folder(given, out / "challenge")
            folders = {name: folder.write_folder(rest, out / name) for name, rest in kept.items()}
        reference = data / "reference"
        return SiteFolders(folders, challenge, reference, found.unused, found.notices)

    def load(
        self, recipe: Recipe, *, layout: Layout | None = None, frozen: bytes | None = None
    ) -> "XrayDialogue":
        from collegium.tasks.xray.dialogue import XrayDialogue

        return XrayDialogue.load(recipe, layout=layout, frozen=frozen)

    def commands(self) -> Sequence[ModelCommand]:
        from collegium.tasks.xray.commands import COMMANDS

        return COMMANDS


def _hospital(index: int) -> Hospital:
    """The specialists, and once all are taken, others like them."""
    like, again = SPECIALISTS[index % len(SPECIALISTS)], index // len(SPECIALISTS)
    return replace(like, name=f"{like.name}-{again + 1}") if again else like


KIND: TaskKind = XrayKind()
