"""Local chains start, are found again, stop, and say what is wrong when they do not."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from collegium.chain import commands, engines, processes
from collegium.chain.commands import Command
from collegium.errors import (
    ChainStopped,
    ChainUnreachable,
    PortInUse,
    UnknownChain,
    WrongChain,
)


@pytest.fixture
def run_dir(tmp_path: Path):
    yield tmp_path / "run"
    engines.stop(tmp_path / "run")


def test_an_engine_starts_is_found_and_stops(run_dir: Path) -> None:
    started = engines.start("embedded", run_dir, port=0)
    assert started.alive and engines.status(run_dir) == started
    assert engines.start("embedded", run_dir, port=0) == started  # it runs already
    with engines.connect(started.url) as chain:
        assert (chain.engine, chain.chain_id, chain.is_local) == ("rpc", 31337, True)
        assert chain.software.startswith("Collegium/")
        chain.mine()
    with pytest.raises(PortInUse, match="embedded at"):
        engines.start("hardhat", run_dir)
    with pytest.raises(ChainUnreachable, match="embedded at"):
        engines.connect("anvil", run_dir=run_dir)
    assert engines.stop(run_dir) == started
    assert engines.status(run_dir) is None and engines.stop(run_dir) is None
    assert not started.alive
    # The chain is in the file: in process it goes on where the server stopped.
    with engines.connect("embedded", run_dir=run_dir) as chain:
        assert chain.head == 1


def test_another_command_can_stop_it(run_dir: Path) -> None:
    code = (
        "from collegium.chain import engines; from pathlib import Path; import sys;"
        "print(engines.start('embedded', Path(sys.argv[1]), port=0).pid)"
    )
    made = subprocess.run(
        [sys.executable, "-c", code, str(run_dir)], capture_output=True, text=True, check=True
    )
    found = engines.status(run_dir)
    assert found is not None and found.pid == int(made.stdout)
    assert engines.stop(run_dir) == found
    assert processes.birth(found.pid) is None


def test_hardhat_is_started_for_a_connection_and_stopped_with_it(hardhat, run_dir: Path) -> None:
    with engines.connect("hardhat", run_dir=run_dir, start_engine=True) as chain:
        assert (chain.engine, chain.chain_id) == ("hardhat", 31337)
        local = engines.status(run_dir)
        assert local is not None and not local.persistent
        account = chain.dev_accounts[19].address
        assert int(chain.rpc("eth_getBalance", account, "latest"), 16) == 10_000 * 10**18
        with engines.connect("hardhat", run_dir=run_dir) as second:
            assert second.genesis_hash == chain.genesis_hash
        assert engines.status(run_dir) == local  # the second did not start it
    assert engines.status(run_dir) is None


def test_a_port_in_use(run_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUse) as caught:
            engines.start("embedded", run_dir, port=port)
        assert caught.value.code == "CG202" and str(port) in caught.value.expected
        served = subprocess.run(
            [sys.executable, "-m", "collegium.chain.embedded",
             "--db", str(run_dir / "c.sqlite"), "--port", str(port)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert served.returncode == 1 and "CG202" in served.stderr
    assert engines.status(run_dir) is None


@pytest.mark.parametrize("spec", ["geth", "", "hardhatt", "ftp://x", "chain.txt"])
def test_unknown_chains(spec: str, run_dir: Path) -> None:
    with pytest.raises(UnknownChain) as caught:
        engines.connect(spec, run_dir=run_dir)
    assert caught.value.code == "CG201" and "ganache" in caught.value.expected
    with pytest.raises(UnknownChain):
        engines.start(spec, run_dir)


def test_a_chain_that_does_not_run(tmp_path: Path) -> None:
    for run_dir in (None, tmp_path):
        with pytest.raises(ChainUnreachable, match="chain up --engine hardhat"):
            engines.connect("hardhat", run_dir=run_dir)


def test_another_chain_than_expected(run_dir: Path) -> None:
    with pytest.raises(WrongChain) as caught:
        engines.connect("embedded", expected_chain_id=1)
    assert caught.value.code == "CG208"
    engines.connect("embedded", chain_id=77, expected_chain_id=77).close()


def test_specs_of_embedded_chains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for spec in ("a.sqlite", "embedded:b", "c.db"):
        with engines.connect(spec) as chain:
            assert chain.engine == "embedded" and chain.embedded is not None
            chain.mine()
    assert all((tmp_path / name).is_file() for name in ("a.sqlite", "b", "c.db"))
    with engines.connect("embedded") as memory:
        assert memory.head == 0


# -- engines that fail: real processes that misbehave -------------------------------------------


def _engine(monkeypatch: pytest.MonkeyPatch, code: str, **options) -> None:
    """Let ``anvil`` be a Python program."""

    def command(run_dir: Path, port: int) -> Command:
        return Command((sys.executable, "-c", code, str(port)), **options)

    monkeypatch.setitem(commands.COMMANDS, "anvil", command)


def test_an_engine_that_ends_says_its_last_words(run_dir: Path, monkeypatch) -> None:
    _engine(monkeypatch, "import sys; print('line one'); sys.exit('it is broken')")
    with pytest.raises(ChainStopped) as caught:
        engines.start("anvil", run_dir, port=0)
    assert caught.value.code == "CG206"
    assert "line one" in caught.value.found and "it is broken" in caught.value.found


def test_an_engine_that_never_answers_is_stopped(run_dir: Path, monkeypatch) -> None:
    code = "import os, sys, time; print('pid', os.getpid(), flush=True); time.sleep(60)"
    _engine(monkeypatch, code)
    with pytest.raises(ChainStopped, match="no answer within 1 s") as caught:
        engines.start("anvil", run_dir, port=0, timeout=1)
    pid = int(caught.value.found.split("pid ")[1].split()[0])
    assert processes.birth(pid) is None and engines.status(run_dir) is None


def test_an_engine_that_ignores_the_request_to_stop(run_dir: Path, monkeypatch) -> None:
    code = "import signal, time; signal.signal(15, 1); print(1, flush=True); time.sleep(60)"
    log = run_dir / "log"
    run_dir.mkdir()
    pid = processes.spawn((sys.executable, "-c", code), log, None, {})
    while not log.read_text():
        time.sleep(0.02)
    processes.stop(pid, seconds=0.3)
    assert processes.birth(pid) is None
    processes.stop(pid)  # nothing is left to stop


def test_the_state_file_of_a_process_that_died(run_dir: Path) -> None:
    started = engines.start("embedded", run_dir, port=0)
    os.kill(started.pid, 9)
    while started.alive:
        time.sleep(0.01)
    assert engines.status(run_dir) is None
    # An id that was given to another process since then is not mistaken for it.
    state = run_dir / "chain.json"
    state.write_text(json.dumps(started.to_json() | {"pid": os.getpid()}))
    assert engines.status(run_dir) is None and engines.stop(run_dir) is None
    again = engines.start("embedded", run_dir, port=0)
    assert again.alive and again.pid != started.pid


def test_hardhat_without_packages_or_node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ChainStopped, match=r"hardhat\.config\.js"):
        commands.hardhat_root(tmp_path)
    (tmp_path / "hardhat.config.js").touch()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    with pytest.raises(ChainStopped, match="npm ci"):
        commands.hardhat_root(tmp_path / "deep" / "er")
    package = tmp_path / "node_modules" / "hardhat"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"bin": {"hardhat": "cli.js"}}')
    assert commands.hardhat_root(tmp_path / "deep" / "er") == tmp_path
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    for engine in ("hardhat", "ganache", "anvil"):
        with pytest.raises(ChainStopped, match="Install Node"):
            engines.start(engine, tmp_path / "run", port=0)


def test_commands_are_confined_to_this_machine(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(commands, "_require", lambda program: program)
    for engine in ("ganache", "anvil"):
        command = commands.COMMANDS[engine](tmp_path, 9999)
        line = " ".join(command.argv)
        assert "127.0.0.1" in line and "9999" in line and "shanghai" in line and "@" in line


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, collegium.chain, collegium.chain.engines;"
        "heavy = {'web3', 'eth', 'eth_account', 'torch', 'requests', 'numpy'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys, collegium.chain.federation; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
