"""A scenario that cannot be played is refused before anything is started."""

from pathlib import Path

import pytest

from collegium.errors import BadCard
from collegium.lab.scenario import Scenario


def test_the_default_is_the_usual_story() -> None:
    scenario = Scenario(Path("out"))
    assert scenario.attacks == ("free-rider", "poisoner") and scenario.chain == "embedded"
    assert 1 <= scenario.processes <= 3
    assert Scenario(Path("out"), workers=7).processes == 7


@pytest.mark.parametrize("name", ["", "freerider", "none"])
def test_an_unknown_attack_is_named(name: str) -> None:
    with pytest.raises(BadCard, match=r"free-rider, poisoner, noise, liar, withhold, altered"):
        Scenario(Path("out"), attacks=("noise", name))


@pytest.mark.parametrize(("nodes", "attacks"), [(1, ()), (3, ("noise", "liar")), (0, ())])
def test_there_have_to_be_two_honest_nodes(nodes: int, attacks: tuple[str, ...]) -> None:
    with pytest.raises(BadCard, match=f"at least {len(attacks) + 2} nodes"):
        Scenario(Path("out"), nodes=nodes, attacks=attacks)
