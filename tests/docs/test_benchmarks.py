"""Benchmarks write their figures in one form, and the documented gas is that of gas.json."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks import __main__ as command
from benchmarks import demo, runs

from collegium.tasks.xray.metric import AUC

ROOT = Path(__file__).resolve().parents[2]
PARTS = {"base": 0.71, "hospital": 0.9638, "federated": 0.9738, "centralised": 0.9813}


def document(root: str = "0x01") -> dict[str, Any]:
    """What a demonstration prints, as far as benchmarks read it."""
    updates = [
        {"node": "hospital", "accepted": True, "paid": 1.0},
        {"node": "free-rider-1", "accepted": False, "paid": 0.0},
    ]
    quality = {"base": 0.5, "local": {"hospital": 0.7}, "federated": 0.8, "centralised": 0.85}
    return {
        "quality": quality | {"parts": {name: {AUC: auc} for name, auc in PARTS.items()}},
        "rounds": [{"state_root": root, "committee": ["hospital"], "updates": updates}],
        "money": {"earned_by_node": {"hospital": 1.0}, "ledger_root": root},
        "timing_s": {"trust_share": 0.033},
        "audit": {"findings": []},
    }


@pytest.fixture
def roots(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """State roots that the coming demonstrations end with; 0x01 once it is empty."""
    coming: list[str] = []

    def run(arguments: list[str], *, json_output: bool = True) -> runs.Run:
        return runs.Run("", 100.0, 2048.0, document(coming.pop(0) if coming else "0x01"))

    monkeypatch.setattr(runs, "run", run)
    return coming


@pytest.mark.parametrize("name", ["phantoms", "pneumonia", "repeat"])
def test_a_demonstration_benchmark_writes_figures(
    name: str, roots: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLEGIUM_DATA", str(tmp_path))
    written = tmp_path / "figures.json"
    monkeypatch.setattr(sys, "argv", ["benchmarks", name, "--json", str(written)])
    assert command.main() == 0
    figures = json.loads(written.read_text())
    assert figures
    assert all(set(figure) == {"measure", "value", "target", "ok"} for figure in figures)
    assert len({figure["measure"] for figure in figures}) == len(figures)


def test_runs_that_differ_miss_the_target(roots: list[str], tmp_path: Path) -> None:
    roots += ["0x01", "0x02"]
    kept = {figure["measure"]: figure["ok"] for figure in demo.repeat(tmp_path)}
    assert kept["differing state roots of two runs with one seed"] is False
    assert kept["differing payouts of two runs with one seed"] is True


def test_missing_data_give_no_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLLEGIUM_DATA", raising=False)
    assert demo.pneumonia(tmp_path) == []


def test_the_documented_gas_is_that_of_the_snapshot() -> None:
    text = (ROOT / "docs" / "benchmarks.md").read_text()
    gas = json.loads((ROOT / "gas.json").read_text())
    shown = (
        "commit", "batch100_per_update", "settle_per_update", "settle_equal_per_update",
        "claim128", "claim128_new_holder", "dispute10", "dispute10_trimmed", "round16_batched",
        "round16",
    )  # fmt: skip
    missing = [name for name in shown if f"| {gas[name]:,} |" not in text]
    assert not missing
