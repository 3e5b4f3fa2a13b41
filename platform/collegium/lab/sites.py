"""The members of a demonstration, and the folder of each node's data."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from collegium.errors import EmptySite
from collegium.lab.scenario import Scenario
from collegium.tasks.task import Recipe


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
    """

    members: tuple[Member, ...]
    challenge: Path
    reference: Path

    @property
    def honest(self) -> tuple[Member, ...]:
        """The members without an attack."""
        return tuple(member for member in self.members if not member.attack)


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
    members += [
        Member(_unique(attack, attacks, number), spare[number % len(spare)], attack)
        for number, attack in enumerate(attacks)
    ]
    return Sites(tuple(members), found.challenge, found.reference)


def _honest(scenario: Scenario, default: int) -> int:
    return default if scenario.nodes is None else scenario.nodes - len(scenario.attacks)


def _unique(attack: str, attacks: Sequence[str], number: int) -> str:
    """A node's name: its attack, with a number from the second node of the same attack on."""
    again = attacks[:number].count(attack)
    return f"{attack}-{again + 1}" if again else attack
