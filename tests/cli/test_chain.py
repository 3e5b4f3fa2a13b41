"""``collegium chain``: up, status, down, and what keeps a chain from starting."""

import json
import os
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collegium.chain import engines, processes
from collegium.cli import federation

from .conftest import Run


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "run"
    engines.stop(tmp_path / "run")


def test_up_status_down(run: Run, place: Path) -> None:
    up = run("chain", "up", "--port", "0", "--dir", place, "--json")
    assert up.code == 0 and up.json["engine"] == "embedded" and up.json["running"]
    assert up.json["url"] == f"http://127.0.0.1:{up.json['port']}"
    again = run("chain", "up", "--port", "0", "--dir", place, "--json")
    assert again.json == up.json, "a chain that runs is not started twice"
    assert run("chain", "status", "--dir", place, "--json").json == up.json
    assert str(up.json["url"]) in run("chain", "status", "--dir", place).out
    down = run("chain", "down", "--dir", place, "--json")
    assert down.code == 0 and down.json["stopped"]["pid"] == up.json["pid"]
    assert run("chain", "status", "--dir", place, "--json").json == {"running": False}
    assert run("chain", "down", "--dir", place, "--json").json["stopped"] is None


def test_unknown_engine(run: Run, place: Path) -> None:
    done = run("chain", "up", "--engine", "besu", "--dir", place, "--json")
    assert done.code == 1 and done.json["error"]["code"] == "CG201"
    assert "embedded" in done.json["error"]["expected"]
    assert run("chain", "up", "--port", "0", "--dir", place).code == 0


def test_port_in_use(run: Run, place: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run("chain", "up", "--port", port, "--dir", place, "--json")
        assert done.code == 1 and done.json["error"]["code"] == "CG202"
        assert "--port" in done.json["error"]["action"]
    assert run("chain", "up", "--port", port, "--dir", place, "--json").json["port"] == int(port)


def test_a_federation_on_the_embedded_chain_is_not_looked_for_on_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --chain embedded the chain file counts, even if another engine runs from the folder."""
    other = engines.LocalChain("hardhat", "http://127.0.0.1:1", 1, os.getpid(), "", "", False)
    other = replace(other, birth=processes.birth(os.getpid()))
    target = tmp_path / "new"
    target.mkdir()
    (target / "chain.json").write_text(json.dumps(other.to_json()))
    assert federation._chain("embedded", target).path == target / "chain.sqlite"
    assert str(federation._chain(None, target)) == "hardhat"
    (target / "chain.json").unlink()
    assert federation._chain(None, target).path == target / "chain.sqlite"
    monkeypatch.chdir(tmp_path)
    assert federation._chain("own.sqlite", target).path == tmp_path / "own.sqlite"
