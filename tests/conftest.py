"""What all tests share: the order they run in, and federations that stand where a test begins.

Creating a federation takes a second, a round half a second, copying either a few milliseconds, so
every test gets a copy of its own. ``pytest --shuffle SEED`` runs files, and the tests in each, in
another order; ``make test`` runs the longest files first, on all cores.
"""

import os
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from tests.support import leftovers
from tests.support.once import once
from tests.support.passphrase import PASSPHRASE

if TYPE_CHECKING:  # imported in the fixtures, so that other tests start fast
    from tests.support.by_hand import ByHand
    from tests.support.forging import Forger
    from tests.support.story import Played
    from tests.support.world import World

os.environ["COLLEGIUM_PASSPHRASE"] = PASSPHRASE  # of the processes that tests start, too
leftovers.mark()
# The same examples in each run, so that a failure is there again in the next.
settings.register_profile("tests", derandomize=True, deadline=None, max_examples=40)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run the tests in another order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    seed = config.getoption("shuffle")
    if seed is None:
        items.sort(key=lambda item: "e2e" not in item.path.parts)
        return
    random = Random(seed)
    random.shuffle(items)
    place = {path: random.random() for path in sorted({item.path for item in items})}
    items.sort(key=lambda item: place[item.path])


@pytest.fixture(scope="session", autouse=True)
def no_process_stays() -> Iterator[None]:
    """Chain servers, workers and nodes that tests start have ended when the tests have."""
    yield
    still = leftovers.end(leftovers.leftovers())
    assert not still, "still running after the last test: " + "; ".join(still)


@pytest.fixture(autouse=True)
def the_passphrase_stays() -> Iterator[None]:
    """A test that changes the environment changes it back, or the next ones cannot open keys."""
    yield
    assert os.environ.get("COLLEGIUM_PASSPHRASE") == PASSPHRASE


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Founded federations, each once: ``templates(nodes, terms, limits, chain_id, token)``."""
    from tests.support.world import found

    @cache
    def make(*wanted: Any) -> Path:
        def template(folder: Path) -> Path:
            found(folder, *wanted)
            return folder

        name = f"federation-{sha256(repr(wanted).encode()).hexdigest()[:16]}"
        return Path(once(tmp_path_factory, name, template))

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
        world = World.copy(founded, tmp_path / f"world{len(worlds)}", **(settings or {}))
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
        copies.append(World.copy(folder, tmp_path / f"played{len(copies)}"))
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
    from tests.support.story import Played, tell

    played = once(tmp_path_factory, "story", tell)
    assert isinstance(played, Played)
    return played


@pytest.fixture(scope="session")
def bundle(story: "Played", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of ``story``, with every update opened."""
    from collegium import evidence

    def export(folder: Path) -> Path:
        return evidence.export(story.run, folder / "bundle")

    return Path(once(tmp_path_factory, "evidence", export))


@pytest.fixture
def forger(bundle: Path, tmp_path: Path) -> "Forger":
    """A copy of that evidence to tamper with."""
    from tests.support.forging import Forger

    return Forger(bundle, tmp_path / "forged")
