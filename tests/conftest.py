"""Federations for the tests of roles, Flower seams, attacks and the lab.

Founding one takes a second, playing a round half a second, copying either a few milliseconds:
every test gets a copy of its own of a federation that stands where the test begins.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.support.passphrase import PASSPHRASE

if TYPE_CHECKING:  # imported in the fixtures, so that other tests start fast
    from tests.support.by_hand import ByHand
    from tests.support.forging import Forger
    from tests.support.story import Played
    from tests.support.world import World

os.environ["COLLEGIUM_PASSPHRASE"] = PASSPHRASE  # of the processes that tests start, too


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Founded federations, each once: ``templates(nodes, terms, limits, chain_id, token)``."""
    from tests.support.world import found

    made: dict[tuple[Any, ...], Path] = {}

    def make(*wanted: Any) -> Path:
        if wanted not in made:
            made[wanted] = tmp_path_factory.mktemp("federation") / "template"
            found(made[wanted], *wanted)
        return made[wanted]

    return make


@pytest.fixture
def make_world(
    templates: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., "World"]]:
    """A federation before its first round.

    ``make_world(nodes=5, settings={…}, limits={…}, chain_id=…, token=…, **terms)``
    """
    from dataclasses import replace

    from tests.support.terms import LIMITS, terms
    from tests.support.world import World

    monkeypatch.setattr("os.fsync", lambda file: None)  # no power cuts here, and disks are slow
    worlds: list[World] = []

    def make(
        nodes: int = 5,
        settings: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        chain_id: int | None = None,
        token: Any = None,
        **changes: Any,
    ) -> World:
        agreed = terms(**changes), replace(LIMITS, **(limits or {}))
        founded = templates(nodes, *agreed, chain_id, token)
        world = World(founded, tmp_path / f"world{len(worlds)}", **(settings or {}))
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        world.close()


@pytest.fixture(scope="session")
def snapshots() -> dict[Any, Any]:
    """Rounds that were played to some step, by how they were made."""
    return {}


@pytest.fixture
def played(
    make_world: Callable[..., "World"],
    snapshots: dict[Any, Any],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> Iterator[Callable[..., "ByHand"]]:
    """A round that honest nodes have taken to some step: ``played("vote", nodes=5, **terms)``."""
    from tests.support.by_hand import ByHand
    from tests.support.world import World

    copies: list[World] = []

    def play(last: str, **options: Any) -> ByHand:
        key = (last, *sorted(options.items()))
        if key not in snapshots:
            hand = ByHand(make_world(**options)).play(last)
            hand.world.close()
            folder = hand.world.folder.rename(tmp_path_factory.mktemp("played") / "template")
            snapshots[key] = folder, hand
        folder, before = snapshots[key]
        copies.append(World(folder, tmp_path / f"played{len(copies)}"))
        return ByHand(copies[-1], before.base).resume(before)

    yield play
    for world in copies:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., "World"]) -> "World":
    """Five hospitals, three of which validate."""
    return make_world()


@pytest.fixture
def hand(world: "World") -> "ByHand":
    """A round of ``world`` that is to be played by hand."""
    from tests.support.by_hand import ByHand

    return ByHand(world)


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> "Played":
    """A finished federation that no test changes."""
    from tests.support.story import tell

    return tell(tmp_path_factory.mktemp("story"))


@pytest.fixture(scope="session")
def bundle(story: "Played", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of ``story``, with every update opened."""
    from collegium import evidence

    return evidence.export(story.run, tmp_path_factory.mktemp("evidence") / "bundle")


@pytest.fixture
def forger(bundle: Path, tmp_path: Path) -> "Forger":
    """A copy of that evidence to tamper with."""
    from tests.support.forging import Forger

    return Forger(bundle, tmp_path / "forged")
