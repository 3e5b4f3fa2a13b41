"""One federation with its evidence, shared by all tests of the auditor; see ``story.py``."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.audit.builder import CARD, LAYOUT, PASSPHRASE
from tests.audit.forging import Forger
from tests.audit.story import Played, play

from collegium import evidence
from collegium.chain import engines


@pytest.fixture(scope="session", autouse=True)
def passphrase() -> Iterator[None]:
    """What opens the nodes' keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLEGIUM_PASSPHRASE", PASSPHRASE)
        yield


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The federation's folder, made once."""
    run = tmp_path_factory.mktemp("run")
    with engines.connect(str(run / "chain.sqlite"), clock="virtual") as chain:
        played = play(chain, run)
    (run / "card.json").write_bytes(CARD.encode())
    (run / "layout.json").write_bytes(LAYOUT.encode())
    description = {
        "version": 1, "chain": "chain.sqlite", "federation": played.federation,
        "card": "card.json", "layout": "layout.json", "store": "store",
        "nodes": [f"nodes/site{number}" for number in range(1, 5)],
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(description))
    return played


@pytest.fixture(scope="session")
def bundle(world: Played, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its evidence, with every update opened."""
    return evidence.export(world.run, tmp_path_factory.mktemp("evidence") / "bundle")


@pytest.fixture
def forger(bundle: Path, tmp_path: Path) -> Forger:
    """A copy of the evidence to tamper with."""
    return Forger(bundle, tmp_path / "forged")
