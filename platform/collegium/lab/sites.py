"""The data of a demonstration, laid out on disk as each hospital would hold it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from collegium.errors import EmptySite
from collegium.lab.scenario import Scenario
from collegium.tasks import Recipe
from collegium.tasks.xray.data import METADATA, Dataset
from collegium.tasks.xray.federation_data import contribute, read_federation, recipe_for
from collegium.tasks.xray.sites import SPECIALISTS, write_federation


@dataclass(frozen=True)
class Member:
    """One node of the demonstration: its name, its data folder and, maybe, its attack."""

    name: str
    data: Path
    attack: str = ""


@dataclass(frozen=True)
class Sites:
    """All data of the demonstration.

    Attributes:
        members: honest hospitals first, then the dishonest ones.
        challenge: folder of the set that committees score with.
        reference: folder of the set that quality is reported on; nobody trains on it.
    """

    members: tuple[Member, ...]
    challenge: Path
    reference: Path

    @property
    def honest(self) -> tuple[Member, ...]:
        return tuple(member for member in self.members if not member.attack)


def choose_recipe(scenario: Scenario) -> Recipe:
    """The recipe that fits the questions of the scenario's data."""
    if scenario.data is None:
        return Recipe()
    return recipe_for(read_federation(scenario.data).sites)


def lay_out(scenario: Scenario, recipe: Recipe) -> Sites:
    """Draw phantoms, or sort out the hospitals of ``scenario.data``.

    A hospital that gives images to the challenge set trains on the rest; nothing is written into
    the folder that the user named.
    """
    if scenario.data is None:
        return _phantoms(scenario)
    found = read_federation(scenario.data)
    folders = {name: scenario.data / name for name in found.sites}
    challenge = scenario.data / "challenge"
    if found.challenge is None:
        given, kept = contribute(found.sites, recipe.challenge_rows, scenario.seed)
        challenge = write_folder(given, scenario.out / "data" / "challenge")
        folders = {
            name: write_folder(rest, scenario.out / "data" / name) for name, rest in kept.items()
        }
    wanted = _honest(scenario, len(folders))
    if wanted > len(folders):
        raise EmptySite(
            expected=f"{wanted} hospitals in {scenario.data}",
            found=f"{len(folders)}: {', '.join(folders)}",
            action="Add folders, or give fewer --nodes.",
        )
    chosen = list(folders.items())[:wanted]
    return _sites(scenario, chosen, challenge, scenario.data / "reference")


def write_folder(dataset: Dataset, folder: Path) -> Path:
    """Write a dataset as ImageFolder and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {key: f"{number:05d}.png" for number, key in enumerate(sorted(dataset.images))}
    for key, name in names.items():
        Image.fromarray(dataset.images[key]).save(folder / name)
    lines = [
        {
            "file_name": names[example.image],
            "question": example.question,
            "answer": example.answer,
            "question_type": example.kind,
            "patient": example.patient,
        }
        for example in dataset.examples
    ]
    (folder / METADATA).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def _phantoms(scenario: Scenario) -> Sites:
    honest = _honest(scenario, len(SPECIALISTS))
    hospitals = [
        replace(SPECIALISTS[i % len(SPECIALISTS)], name=_name(i))
        for i in range(honest + len(scenario.attacks))
    ]
    root = scenario.out / "data"
    write_federation(root, seed=scenario.seed, hospitals=hospitals)
    folders = [(hospital.name, root / hospital.name) for hospital in hospitals]
    return _sites(scenario, folders, root / "challenge", root / "reference")


def _name(index: int) -> str:
    name, again = SPECIALISTS[index % len(SPECIALISTS)].name, index // len(SPECIALISTS)
    return f"{name}-{again + 1}" if again else name


def _honest(scenario: Scenario, default: int) -> int:
    return default if scenario.nodes is None else scenario.nodes - len(scenario.attacks)


def _sites(
    scenario: Scenario, folders: Sequence[tuple[str, Path]], challenge: Path, reference: Path
) -> Sites:
    attacks = scenario.attacks
    honest = folders[: len(folders) - len(attacks)] if scenario.data is None else folders
    # A dishonest node holds data like anybody's: on phantoms its own, else a copy of a site's.
    spare = folders[len(honest) :] if scenario.data is None else folders
    members = [Member(name, folder) for name, folder in honest]
    members += [
        Member(_unique(attack, attacks, number), spare[number % len(spare)][1], attack)
        for number, attack in enumerate(attacks)
    ]
    return Sites(tuple(members), challenge, reference)


def _unique(attack: str, attacks: Sequence[str], number: int) -> str:
    again = attacks[:number].count(attack)
    return f"{attack}-{again + 1}" if again else attack
