"""The folder of a demonstration, on the small second task."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from collegium.errors import DataError, PathsOverlap, RunExists
from collegium.lab.demo import _ENTRIES, RESULT, run_demo
from collegium.lab.display import Display
from collegium.lab.scenario import Scenario
from collegium.tasks import registry
from collegium.workspace.owned import MARKER

NAME = "regression"


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.KINDS, NAME, "tests.support.regression.kind:KIND")
        yield


def demo(out: Path, data: Path | None = None, seed: int = 1) -> None:
    scenario = Scenario(out, NAME, data, rounds=1, attacks=(), seed=seed, workers=0)
    with Display(Console(quiet=True)) as display:
        run_demo(scenario, display)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("folder") / "out"
    demo(out)
    return out


def test_all_it_writes_is_listed(first: Path) -> None:
    written = {path.name for path in first.iterdir()} - {MARKER}
    assert written <= set(_ENTRIES) and {"data", "report.html", RESULT} <= written
    listed = json.loads((first / MARKER).read_text())["files"]
    there = {p.relative_to(first).as_posix() for p in first.rglob("*") if p.is_file()}
    assert set(listed) == there - {MARKER}


def test_it_can_be_run_again_beside_a_users_files(first: Path) -> None:
    (first / "thesis.txt").write_text("mine")
    demo(first, seed=2)
    assert (first / "thesis.txt").read_text() == "mine"
    (first / "data" / "notes.txt").write_text("mine")
    with pytest.raises(RunExists, match=r"data/notes\.txt"):
        demo(first)
    (first / "data" / "notes.txt").unlink()
    assert (first / "report.html").exists()


def test_data_inside_the_output_are_not_touched(first: Path, tmp_path: Path) -> None:
    """They would be removed with it, before they are read."""
    own = first / "mydata"
    (first / "data").rename(own)
    kept = {path: path.read_bytes() for path in own.rglob("*") if path.is_file()}
    assert kept
    with pytest.raises(PathsOverlap, match="CG509"):
        demo(first, own)
    (tmp_path / "link").symlink_to(own)
    with pytest.raises(PathsOverlap):
        demo(first, tmp_path / "link")
    with pytest.raises(PathsOverlap):
        demo(own / "out", own)
    assert {path: path.read_bytes() for path in kept} == kept and not (own / "out").exists()
    own.rename(first / "data")


def test_unusable_data_do_not_cost_the_last_results(first: Path, tmp_path: Path) -> None:
    report = (first / "report.html").read_bytes()
    with pytest.raises(DataError):
        demo(first, tmp_path / "nothing")
    assert (first / "report.html").read_bytes() == report
