"""Federations for the tests of roles, Flower seams, attacks and the lab.

Founding one takes a second, copying it a few milliseconds: every test gets a copy of its own.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:  # imported in the fixtures, so that other tests start fast
    from tests.by_hand import ByHand
    from tests.world import World


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Founded federations, each made once: ``template(nodes, terms, limits)``."""
    from tests.world import found

    made: dict[tuple[Any, ...], Path] = {}

    def make(*wanted: Any) -> Path:
        if wanted not in made:
            made[wanted] = tmp_path_factory.mktemp("federation") / "template"
            found(made[wanted], *wanted)
        return made[wanted]

    return make


@pytest.fixture
def make_world(
    template: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., "World"]]:
    """A federation: ``make_world(nodes=5, settings={…}, limits={…}, chain_id=…, **terms)``."""
    from dataclasses import replace

    from tests.world import LIMITS, PASSPHRASE, TERMS, World

    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", PASSPHRASE)
    worlds: list[World] = []

    def make(
        nodes: int = 5,
        settings: dict[str, Any] | None = None,
        limits: dict[str, Any] | None = None,
        chain_id: int | None = None,
        **terms: Any,
    ) -> World:
        agreed = replace(TERMS, **terms), replace(LIMITS, **(limits or {}))
        founded = template(nodes, *agreed, chain_id)
        world = World(founded, tmp_path / f"world{len(worlds)}", **(settings or {}))
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        world.close()


@pytest.fixture
def world(make_world: Callable[..., "World"]) -> "World":
    """Five hospitals, three of which validate."""
    return make_world()


@pytest.fixture
def hand(world: "World") -> "ByHand":
    """A round of ``world`` that is played by hand."""
    from tests.by_hand import ByHand

    return ByHand(world)
