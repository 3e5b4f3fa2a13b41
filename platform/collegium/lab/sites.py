"""The members of a demonstration, and the folder of each node's data."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from collegium.errors import EmptySite
from collegium.lab.scenario import Scenario
from collegium.tasks.task import Recipe, Unused


@dataclass(frozen=True)
class Member:
    """One node of the demonstration: its name, its data folder, and its attack if dishonest."""

    name: str
    data: Path
    attack: str = ""


@dataclass(frozen=True)
class Sites:
    """All data of the demonstration.

    Attributes:
        members: honest hospitals first, then the dishonest ones.
        challenge: folder of the challenge set, with which committees score.
        reference: folder of the test set, on which quality is reported; no one trains on it.
        unused, notices: of the user's folder; see :class:`collegium.tasks.task.SiteFolders`.
    """

    members: tuple[Member, ...]
    challenge: Path
    reference: Path
    unused: tuple[Unused, ...] = ()
    notices: tuple[str, ...] = ()

    @property
    def honest(self) -> tuple[Member, ...]:
        """The members without an attack."""
        return tuple(member for member in self.members if not member.attack)

    def sentences(self) -> list[str]:
        """What is not used of the user's folder, and what people should know of the rest."""
        unused = [f"not used: {one.path} ({one.reason})" for one in self.unused]
        return [*unused, *(f"note: {notice}" for notice in self.notices)]

    def to_json(self) -> dict[str, Any]:
        """The honest hospitals, and what :meth:`sentences` says."""
        return {
            "hospitals": [member.name for member in self.honest],
            "unused": [asdict(one) for one in self.unused],
            "notices": list(self.notices),
        }


def choose_recipe(scenario: Scenario) -> Recipe:
    """The recipe that suits the scenario's data."""
    return scenario.recipe or scenario.kind.recipe_for(scenario.data)


def lay_out(scenario: Scenario, recipe: Recipe) -> Sites:
    """Let the task draw invented data, or find the hospitals in ``scenario.data``.

    Nothing is written into ``scenario.data``.

    Raises:
        EmptySite: there are fewer hospitals than honest nodes.
        DataError: the task cannot use the folder.
    """
    kind, root, attacks = scenario.kind, scenario.out / "data", scenario.attacks
    if scenario.data is None:
        honest = _honest(scenario, kind.hospitals)
        found = kind.draw(root, seed=scenario.seed, hospitals=honest + len(attacks))
        spare = list(found.hospitals.values())[honest:]
    else:
        found = kind.arrange(scenario.data, root, recipe=recipe, seed=scenario.seed)
        honest = _honest(scenario, len(found.hospitals))
        spare = list(found.hospitals.values())[:honest]
    if honest > len(found.hospitals):
        raise EmptySite(
            expected=f"{honest} hospitals in {scenario.data}",
            found=f"{len(found.hospitals)}: {', '.join(found.hospitals)}",
            action="Add folders, or pass a smaller --nodes.",
        )
    members = [Member(name, folder) for name, folder in list(found.hospitals.items())[:honest]]
    # A dishonest node has data, too: invented data of its own, or the data of an honest hospital.
    names = {member.name for member in members}
    for number, attack in enumerate(attacks):
        name = _unused_name(attack, names)
        names.add(name)
        members.append(Member(name, spare[number % len(spare)], attack))
    left_out = [
        Unused(name, f"only {honest} honest nodes take part")
        for name in list(found.hospitals)[honest:]
        if scenario.data is not None
    ]
    unused = (*found.unused, *left_out)
    return Sites(tuple(members), found.challenge, found.reference, unused, found.notices)


def _honest(scenario: Scenario, default: int) -> int:
    return default if scenario.nodes is None else scenario.nodes - len(scenario.attacks)


def _unused_name(attack: str, names: Collection[str]) -> str:
    """A dishonest node's name: its attack, with a number if another node is called so."""
    number, name = 1, attack
    while name in names:
        number += 1
        name = f"{attack}-{number}"
    return name
