"""Another task goes through the whole platform: one folder, and one line in the table of tasks.

The metric of this one is an error, so that what is best is what is lowest.
"""

import io
import json
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from collegium.cli import main
from collegium.lab import plots, report
from collegium.lab.demo import run_demo
from collegium.lab.display import Display, summary
from collegium.lab.scenario import Scenario
from collegium.protocol.card import TaskCard
from collegium.tasks import registry
from collegium.workspace.checkpoint import load_federated
from collegium.workspace.run import Run

NAME = "regression"


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    """The one line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(registry.KINDS, NAME, "tests.support.regression.kind:KIND")
        yield


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("second") / "demo"


@pytest.fixture(scope="module")
def document(registered: None, out: Path) -> dict[str, Any]:
    """Three honest nodes and a poisoner, two rounds, all in this process."""
    scenario = Scenario(out, task=NAME, attacks=("poisoner",), rounds=2, workers=0)
    with Display(Console(quiet=True)) as display:
        return run_demo(scenario, display)


def test_the_federation_is_created_with_the_task_s_own_words(
    document: dict[str, Any], out: Path
) -> None:
    card = TaskCard.decode((out / "card.json").read_bytes())
    assert (card.task, card.metric) == (NAME, "mean squared error")
    assert card.recipe == {"rounds": 2, "held_out": 0.25, "steps": 4, "rate": 0.2, "step": 2.5}
    assert card.terms.min_score == 100


def test_rounds_end_on_merged_states_and_useful_updates_are_paid(document: dict[str, Any]) -> None:
    roots = [entry["state_root"] for entry in document["rounds"]]
    assert None not in roots and len(set(roots)) == 2
    for entry in document["rounds"]:
        paid = {update["node"]: update["paid"] for update in entry["updates"]}
        assert paid.pop("poisoner") == 0 and min(paid.values()) > 0
    assert document["money"]["paid"] > 0 and document["audit"]["ok"]


def test_lower_is_better_all_the_way(document: dict[str, Any]) -> None:
    quality = json.loads(json.dumps(document["quality"]))
    assert (quality["metric"], quality["better"], quality["form"]) == (
        "mean squared error",
        "lower",
        ".4f",
    )
    curve = quality["by_round"]
    assert curve[0] > curve[1] > curve[2] == quality["federated"]
    assert quality["federated"] < min(quality["local"].values()), "better than any alone"
    assert set(quality["parts"]["federated"]) == {"worst output"}


def test_tables_speak_of_the_error(document: dict[str, Any]) -> None:
    console = Console(record=True, file=io.StringIO(), width=140)
    console.print(summary(document))
    text = " ".join(console.export_text().split())  # titles are wrapped
    assert "mean squared error, lower is better" in text
    assert f"{document['quality']['federated']:.4f}" in text and "worst output" in text
    assert "thousandths of the squared error saved" in text
    assert "answer" not in text and "nats" not in text


def test_the_report_says_who_is_better(document: dict[str, Any]) -> None:
    page = Path(document["files"]["report"]).read_text()
    change = document["quality"]["federated"] - document["quality"]["base"]
    assert f'class="good">{change:+.4f}</b>' in " ".join(page.split())
    assert "better than the untrained base" in page and "better than the best hospital" in page
    assert "mean squared error on 80 examples" in page and "lower is better" in page
    assert "In thousandths of the squared error saved" in page


def test_a_worse_federation_is_called_worse(document: dict[str, Any]) -> None:
    from collegium.lab.quality import headline

    quality = document["quality"] | {"federated": 2 * document["quality"]["base"]}
    against = headline(quality)[1:]
    assert all(not entry["good"] and entry["says"].startswith("worse") for entry in against)
    assert all(entry["figure"].startswith("+") for entry in against)


def test_the_curve_has_the_metric_s_own_axis(document: dict[str, Any]) -> None:
    svg = plots.learning(document["quality"])
    texts = {element.text for element in ElementTree.fromstring(svg).iter() if element.text}
    assert "mean squared error (lower is better)" in texts
    assert not any("%" in text for text in texts)


def test_the_model_can_be_taken_away(document: dict[str, Any], out: Path) -> None:
    root = bytes.fromhex(document["rounds"][-1]["state_root"][2:])
    task, vector = load_federated(Run.load(out), root)
    saved = np.load(Path(document["files"]["adapter"]) / "weights.npy")
    assert np.array_equal(task.layout.unflatten(vector)["w"], saved)


def test_the_command_knows_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ["demo", "--task", NAME, "--attack", "none", "--rounds", "1", "--workers", "0"]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert printed["task"]["name"] == NAME and len(printed["rounds"][0]["updates"]) == 3


def test_its_own_command_is_below_model(
    out: Path,
    document: dict[str, Any],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "collegium.cli.model", raising=False)  # it reads the table
    np.save(tmp_path / "inputs.npy", np.eye(8))
    arguments = ["model", "predict", str(tmp_path / "inputs.npy"), "--dir", str(out), "--json"]
    assert main(arguments) == 0
    weights = np.load(Path(document["files"]["adapter"]) / "weights.npy")
    assert np.allclose(json.loads(capfd.readouterr().out)["outputs"], weights)


def test_users_data_are_found_by_the_task(document: dict[str, Any], tmp_path: Path) -> None:
    from collegium.lab.sites import lay_out

    data = Path(Path(document["files"]["report"]).parent / "data")
    scenario = Scenario(tmp_path / "out", task=NAME, data=data, attacks=())
    sites = lay_out(scenario, scenario.kind.recipe_for(data))
    assert len(sites.honest) == 4 and sites.reference == data / "test"


NASTY = "[/finding] Site [old] <script>alert(1)</script> $\\x$ "


def test_names_are_never_taken_for_markup(document: dict[str, Any], tmp_path: Path) -> None:
    """Hospitals, columns and errors have any names; a terminal and a page show them as they are."""
    text = json.dumps(document)
    for node in ("site-0", "poisoner", "worst output"):
        text = text.replace(f'"{node}', f'"{json.dumps(NASTY)[1:-1]}{node}')
    nasty = json.loads(text)
    nasty["audit"]["unchecked"] = [{"subject": NASTY, "reason": NASTY}]
    nasty["data"]["notices"] = [NASTY]
    nasty["data"]["unused"] = [{"path": NASTY, "reason": NASTY}]
    console = Console(record=True, width=500, file=io.StringIO())
    console.print(summary(nasty))
    shown = console.export_text()
    assert shown.count(f"{NASTY}site-0") >= 2 and f"{NASTY}worst output" in shown
    assert f"not checked: {NASTY} – {NASTY}" in shown
    report.write(nasty, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script>alert" not in page and "[/finding] Site [old] &lt;script&gt;" in page
