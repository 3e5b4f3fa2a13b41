"""The in-process grid runs unmodified Flower apps."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flwr.app import ArrayRecord, Context, Message, RecordDict
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg

from collegium.flower.grid import LocalGrid

NODES = {2: {"add": 1.0}, 3: {"add": 3.0}}


@pytest.fixture(params=[0, 2], ids=["in this process", "in two processes"])
def grid(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalGrid]:
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", here + os.pathsep + os.environ.get("PYTHONPATH", ""))
    grid = LocalGrid("echo_app:app", NODES, workers=request.param)
    yield grid
    grid.close()


def run(grid: LocalGrid, rounds: int) -> np.ndarray:
    app = ServerApp()
    results = []

    @app.main()
    def main(grid: LocalGrid, context: Context) -> None:
        strategy = FedAvg(min_train_nodes=2, min_evaluate_nodes=2, min_available_nodes=2)
        start = ArrayRecord([np.zeros(3)])
        results.append(strategy.start(grid=grid, initial_arrays=start, num_rounds=rounds))

    app(grid, Context(run_id=1, node_id=1, node_config={}, state=RecordDict(), run_config={}))
    return results[0].arrays.to_numpy_ndarrays()[0]


def test_fedavg_runs_unchanged(grid: LocalGrid) -> None:
    assert run(grid, rounds=3) == pytest.approx([6.0, 6.0, 6.0])  # +2 a round


def test_node_state_survives_between_messages(grid: LocalGrid) -> None:
    def call() -> Message:
        content = RecordDict({"arrays": ArrayRecord([np.zeros(1)])})
        return next(iter(grid.send_and_receive([Message(content, 2, "train")])))

    assert [call().content["metrics"]["calls"] for _ in range(3)] == [1, 2, 3]


def test_a_failing_node_becomes_an_error_reply_and_the_others_answer() -> None:
    grid = LocalGrid("tests.flower.echo_app:app", {2: {"broken": True}, 3: {"add": 1.0}})
    content = RecordDict({"arrays": ArrayRecord([np.zeros(1)])})
    replies = list(grid.send_and_receive([Message(content, n, "train") for n in (2, 3)]))
    assert [r.has_error() for r in replies] == [True, False]
    assert "site broke" in replies[0].error.reason


def test_replies_are_reported_as_they_come() -> None:
    seen = []
    grid = LocalGrid("tests.flower.echo_app:app", NODES, on_reply=seen.append)
    grid.on_reply = seen.append
    content = RecordDict({"arrays": ArrayRecord([np.zeros(1)])})
    list(grid.send_and_receive([Message(content, n, "train") for n in (2, 3)]))
    assert len(seen) == 2
