"""The app of all tasks: what one process loads, it loads once for all nodes in it."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.terms import LIMITS, terms

from collegium.consortium.card_file import CardFile
from collegium.consortium.creation import Agreement, agree
from collegium.errors import ModelMismatch
from collegium.flower import apps
from collegium.protocol.card import Scoring
from collegium.tasks.xray.hospitals import write_federation
from collegium.tasks.xray.pictures import Picture
from collegium.tasks.xray.recipe import Recipe
from collegium.workspace.home import NodeHome, NodeSettings

NODES = ("cardiac", "pulmonary", "trauma", "oncology")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_federation(folder, seed=77, images=6, challenge=9, reference=2)
    return folder


@pytest.fixture(scope="module")
def agreement(data: Path) -> Agreement:
    recipe = Recipe(local_steps=4, batch=8, shard_rows=4, challenge_rows=40)
    file = CardFile(
        name="Test",
        task="xray-dialogue",
        version=1,
        challenge=data / "challenge",
        token="",
        deposit=0,
        recipe=recipe,
        limits=LIMITS,
        scoring=Scoring(),
        terms=terms(),
    )
    return agree(file)


@pytest.fixture
def homes(data: Path, agreement: Agreement, tmp_path: Path) -> Iterator[list[NodeHome]]:
    """Folders of four nodes that share a challenge set."""
    found = []
    for name in NODES:
        home = NodeHome(tmp_path / name)
        settings = NodeSettings(name, "", f"0x{1:040x}", str(data / name), str(data / "challenge"))
        home.write_settings(settings, agreement.card.encode(), agreement.layout.encode())
        found.append(home)
    yield found
    for cache in (apps._read_site, apps._challenge, apps._task):
        cache.cache_clear()


def test_the_challenge_set_is_decoded_once_per_process(
    homes: list[NodeHome], monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: Counter[Path] = Counter()
    pixels = Picture.pixels

    def counted(picture: Picture):  # type: ignore[no-untyped-def]
        decoded[picture.path] += 1
        return pixels(picture)

    monkeypatch.setattr(Picture, "pixels", counted)
    for home in homes:
        site = apps._site(str(home.path))
        site.task.loss(site.task.zeros(), site.held_out)
        site.task.train(site.task.zeros(), site.train, round=0, seed=1)
    challenge = [count for path, count in decoded.items() if path.parent.name == "challenge"]
    assert challenge == [1] * 9, "for four nodes that score with it"
    assert set(decoded.values()) == {1}


def test_another_challenge_set_is_refused_where_it_is_used(
    homes: list[NodeHome], data: Path, tmp_path: Path
) -> None:
    """Not only when a node registers: the files may change after that."""
    other = data / "reference"
    home = homes[0]
    settings = NodeSettings("cardiac", "", f"0x{1:040x}", str(data / "cardiac"), str(other))
    home.write_settings(settings, home.card(), home.layout())
    with pytest.raises(ModelMismatch, match="challenge set"):
        apps._site(str(home.path))
