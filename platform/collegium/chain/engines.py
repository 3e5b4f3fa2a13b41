"""Local chains as background processes, and connecting to any chain.

A running chain is described by ``chain.json`` in its run directory, so that another command can
find, query and stop it. Nothing here imports web3.py until a connection is made.
"""

import json
import os
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from collegium.chain import processes
from collegium.chain.commands import COMMANDS
from collegium.chain.locks import file_lock
from collegium.chain.spec import ChainSpec, Kind, unknown
from collegium.errors import ChainFile, ChainStopped, ChainUnreachable, PortInUse

if TYPE_CHECKING:
    from collegium.chain.connection import Chain
    from collegium.chain.http import Retry

ENGINES = tuple(COMMANDS)
DEFAULT_PORT = 8545  # the usual port of Ethereum nodes
HOST = "127.0.0.1"
_STATE, _LOG, _LOCK = "chain.json", "chain.log", "chain.lock"


@dataclass(frozen=True)
class LocalChain:
    """A local chain that was started in the background.

    Attributes:
        engine: one of :data:`ENGINES`.
        url: its JSON-RPC address.
        port: TCP port on 127.0.0.1.
        pid: process id.
        birth: start time of the process as the system reports it, because ids are reused.
        log: file with what it printed.
        persistent: whether its chain survives a restart.
    """

    engine: str
    url: str
    port: int
    pid: int
    birth: str
    log: str
    persistent: bool

    @property
    def alive(self) -> bool:
        """Whether the process that was started still runs."""
        return processes.birth(self.pid) == self.birth

    def to_json(self) -> dict[str, Any]:
        """The content of ``chain.json``."""
        return asdict(self)


def start(
    engine: str,
    run_dir: Path,
    *,
    port: int = DEFAULT_PORT,
    timeout: float | None = None,
    leashed: bool = False,
) -> LocalChain:
    """Start a local chain and wait until it answers. If it runs already, return it.

    Args:
        engine: one of :data:`ENGINES`.
        run_dir: folder for its state, its log and, where the engine stores it, its chain.
        port: TCP port on 127.0.0.1; 0 takes a free one.
        timeout: seconds until it must answer; the default depends on the engine.
        leashed: end it when this process ends, whatever ends it; otherwise it outlives it.

    Raises:
        UnknownChain: no such engine.
        PortInUse: another program has the port, or another engine runs from ``run_dir``.
        ChainStopped: it is not installed, ended, or did not answer in time; quotes its output.
    """
    if engine not in COMMANDS:
        raise unknown(engine)
    run_dir.mkdir(parents=True, exist_ok=True)
    with file_lock(run_dir / _LOCK):
        running = status(run_dir)
        if running is not None:
            return _same(running, engine, port, run_dir)
        port = _free_port(port)
        command = COMMANDS[engine](run_dir.resolve(), port)
        log = run_dir / _LOG
        log.write_bytes(b"")  # errors quote the output of this start only
        pid = processes.spawn(command.argv, log, command.cwd, command.env, leashed)
        chain = LocalChain(
            engine=engine,
            url=f"http://{HOST}:{port}",
            port=port,
            pid=pid,
            birth=processes.birth(pid) or "",
            log=str(log),
            persistent=command.persistent,
        )
        try:
            _wait_until_ready(chain, timeout or command.start_seconds)
        except BaseException:  # Ctrl-C as well: leave no process behind
            processes.stop(pid)
            raise
        _write_state(run_dir, chain)
        return chain


def status(run_dir: Path) -> LocalChain | None:
    """The chain that runs from ``run_dir``, or ``None``; raises ChainFile."""
    try:
        chain = LocalChain(**json.loads((run_dir / _STATE).read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ChainFile(
            expected=f"{run_dir / _STATE} as collegium chain up writes it",
            found=f"another content: {error}",
            action="End the chain's process if one runs, remove the file, and start it again.",
        ) from error
    return chain if chain.alive else None


def stop(run_dir: Path) -> LocalChain | None:
    """Stop the chain that runs from ``run_dir``; ``None`` if none runs."""
    if not run_dir.is_dir():
        return None
    with file_lock(run_dir / _LOCK):
        chain = status(run_dir)
        if chain is not None:
            processes.stop(chain.pid)
        (run_dir / _STATE).unlink(missing_ok=True)
        return chain


def connect(
    spec: str | ChainSpec,
    *,
    run_dir: Path | None = None,
    start_engine: bool = False,
    port: int = 0,
    retry: "Retry | None" = None,
    expected_chain_id: int | None = None,
    **options: Any,
) -> "Chain":
    """Connect to a chain.

    Args:
        spec: see :meth:`.spec.ChainSpec.parse`. The engine ``embedded`` is the file in
            ``run_dir``, or in memory without one; any other engine runs from ``run_dir``.
        run_dir: see :func:`start`.
        start_engine: start the engine if it does not run; closing the connection stops it, and so
            does the end of this process, whatever ends it.
        port: for an engine that is started here; 0 takes a free one.
        retry: how requests to a chain over HTTP are repeated.
        expected_chain_id: reject any other chain.
        options: ``clock``, ``genesis_time``, ``seed``, ``chain_id`` of an embedded chain.

    Raises:
        UnknownChain: ``spec`` is not the name of a chain.
        ChainUnreachable: nothing answers, or the engine does not run.
        WrongChain: the chain has another id.
        ChainFile: the embedded chain's file cannot be used.
        PortInUse, ChainStopped: see :func:`start`.
    """
    named = ChainSpec.parse(spec)
    if named.embedded:
        return _connect_embedded(named, run_dir, expected_chain_id, options)
    if named.kind is Kind.URL:
        return _connect_url(named, "rpc", retry, expected_chain_id)
    engine = named.name
    local = None if run_dir is None else status(run_dir)
    if run_dir is None or (local is not None and local.engine != engine):
        raise _not_running(engine, local)
    if local is not None:
        return _connect_url(_at(local), engine, retry, expected_chain_id)
    if not start_engine:
        raise _not_running(engine, None)
    started = start(engine, run_dir, port=port, leashed=True)
    return _connect_url(
        _at(started), engine, retry, expected_chain_id, on_close=lambda: stop(run_dir)
    )


def _at(local: LocalChain) -> ChainSpec:
    return ChainSpec(Kind.URL, local.url)


def _connect_url(
    spec: ChainSpec,
    engine: str,
    retry: "Retry | None",
    expected_chain_id: int | None,
    on_close: Any = None,
) -> "Chain":
    from collegium.chain.connection import Chain
    from collegium.chain.transport import PatientProvider

    return Chain(
        spec,
        engine,
        PatientProvider(spec.name, retry),
        expected_chain_id=expected_chain_id,
        on_close=on_close,
    )


def _connect_embedded(
    spec: ChainSpec,
    run_dir: Path | None,
    expected_chain_id: int | None,
    options: dict[str, Any],
) -> "Chain":
    from collegium.chain.connection import Chain
    from collegium.chain.embedded.chain import EmbeddedChain
    from collegium.chain.embedded.database import MEMORY
    from collegium.chain.embedded.provider import EmbeddedProvider

    if spec.kind is Kind.FILE:
        spec = spec.resolve(Path())
    elif run_dir is not None:
        run_dir.mkdir(parents=True, exist_ok=True)
        spec = spec.resolve(run_dir)
    chain = EmbeddedChain(spec.path or MEMORY, **options)
    return Chain(
        spec,
        "embedded",
        EmbeddedProvider(chain),
        expected_chain_id=expected_chain_id,
        embedded=chain,
    )


def _same(running: LocalChain, engine: str, port: int, run_dir: Path) -> LocalChain:
    if running.engine == engine and port in (0, running.port):
        return running
    raise PortInUse(
        expected=f"no other chain to run from {run_dir}",
        found=f"{running.engine} at {running.url}",
        action="Stop it with collegium chain down, or use another run directory.",
    )


def _free_port(port: int) -> int:
    with socket.socket() as probe:
        # As for a server, a port whose last connections are still closing counts as free. On
        # Windows the option would also give us a port that is in use.
        if os.name != "nt":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortInUse(
                expected=f"port {port} of {HOST} to be free",
                found=str(error.strerror or error),
                action="Stop the program that uses it, or choose another with --port.",
            ) from error
        return int(probe.getsockname()[1])


def _wait_until_ready(chain: LocalChain, seconds: float) -> None:
    deadline = monotonic() + seconds
    while monotonic() < deadline:
        if not chain.alive:
            raise _did_not_start(chain, "ended")
        if _answers(chain.url):
            return
        sleep(0.05)
    raise _did_not_start(chain, f"gave no answer within {seconds:.0f} s")


def _answers(url: str) -> bool:
    from collegium.chain.http import Client, Retry

    try:
        return "result" in Client(url, Retry(attempts=1, timeout=5)).ask("eth_chainId", [])
    except ChainUnreachable:
        return False


def _write_state(run_dir: Path, chain: LocalChain) -> None:
    # In one step: another command may be reading the file.
    temporary = run_dir / f"{_STATE}.new"
    temporary.write_text(json.dumps(chain.to_json(), indent=2) + "\n")
    temporary.replace(run_dir / _STATE)


def _did_not_start(chain: LocalChain, how: str) -> ChainStopped:
    printed = processes.tail(Path(chain.log))
    return ChainStopped(
        expected=f"{chain.engine} to answer at {chain.url}",
        found=f"that it {how}; its last output:\n{printed}\n",
        action=f"Read {chain.log}, or use --engine embedded.",
    )


def _not_running(engine: str, other: LocalChain | None) -> ChainUnreachable:
    return ChainUnreachable(
        expected=f"{engine} to run",
        found="none running" if other is None else f"{other.engine} at {other.url}",
        action=f"Start it with: collegium chain up --engine {engine}",
    )
