"""How each local chain is started: one command per engine.

All of them get the chain id, the prefunded accounts and the fork of :mod:`.local`.
"""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from collegium.chain import local
from collegium.errors import ChainStopped

# Pinned: npx would otherwise run the newest version, with other forks and error texts.
GANACHE = "ganache@7.9.2"
ANVIL = "@foundry-rs/anvil@1.7.1"
_HARDHAT_CONFIGS = ("hardhat.config.js", "hardhat.config.cjs", "hardhat.config.ts")


@dataclass(frozen=True)
class Command:
    """A program to run in the background.

    Attributes:
        argv: program and arguments.
        cwd: working directory, or ``None`` for the caller's.
        env: additions to the environment.
        start_seconds: longest time until it answers.
        persistent: whether its chain survives a restart.
    """

    argv: tuple[str, ...]
    cwd: Path | None = None
    env: dict[str, str] = field(default_factory=dict)
    start_seconds: float = 30.0
    persistent: bool = True


def embedded(run_dir: Path, port: int) -> Command:
    """The chain of this package, in a file in ``run_dir``."""
    database = str(run_dir / local.CHAIN_FILE)
    return Command(
        (
            sys.executable,
            "-m",
            "collegium.chain.embedded",
            "--db",
            database,
            "--port",
            str(port),
        )
    )


def hardhat(run_dir: Path, port: int) -> Command:
    """The Hardhat network of the nearest project folder; its chain is in memory only.

    Raises:
        ChainStopped: Node.js or Hardhat is not installed.
    """
    root = hardhat_root(Path.cwd())
    package = root / "node_modules" / "hardhat"
    program = json.loads((package / "package.json").read_text())["bin"]["hardhat"]
    return Command(
        (
            _require("node"),
            str(package / program),
            "node",
            "--hostname",
            "127.0.0.1",
            "--port",
            str(port),
        ),
        cwd=root,
        # Without a terminal, its question would wait forever.
        env={"HARDHAT_DISABLE_TELEMETRY_PROMPT": "true"},
        start_seconds=60.0,
        persistent=False,
    )


def ganache(run_dir: Path, port: int) -> Command:
    """Ganache through npx, with its database in ``run_dir``.

    Raises:
        ChainStopped: Node.js is not installed.
    """
    return Command(
        (
            _require("npx"),
            "-y",
            "-p",
            GANACHE,
            "--",
            "ganache",
            "--server.host",
            "127.0.0.1",
            "--server.port",
            str(port),
            "--chain.chainId",
            str(local.CHAIN_ID),
            "--chain.hardfork",
            local.HARDFORK,
            "--wallet.mnemonic",
            local.MNEMONIC,
            "--wallet.totalAccounts",
            str(local.ACCOUNTS),
            "--wallet.defaultBalance",
            str(local.BALANCE),
            "--miner.blockGasLimit",
            str(local.GAS_LIMIT),
            "--database.dbPath",
            str(run_dir / "ganache"),
        ),
        start_seconds=240.0,  # the first start downloads the package
    )


def anvil(run_dir: Path, port: int) -> Command:
    """Foundry's anvil through npx, with its state in a file in ``run_dir``.

    Raises:
        ChainStopped: Node.js is not installed.
    """
    return Command(
        (
            _require("npx"),
            "-y",
            "-p",
            ANVIL,
            "--",
            "anvil",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--chain-id",
            str(local.CHAIN_ID),
            "--hardfork",
            local.HARDFORK,
            "--mnemonic",
            local.MNEMONIC,
            "--accounts",
            str(local.ACCOUNTS),
            "--balance",
            str(local.BALANCE),
            "--gas-limit",
            str(local.GAS_LIMIT),
            "--state",
            str(run_dir / "anvil.json"),
        ),
        start_seconds=240.0,  # as above
    )


COMMANDS: dict[str, Callable[[Path, int], Command]] = {
    "embedded": embedded,
    "hardhat": hardhat,
    "ganache": ganache,
    "anvil": anvil,
}


def hardhat_root(start: Path) -> Path:
    """The nearest folder at or above ``start`` with a Hardhat configuration and its packages.

    Raises:
        ChainStopped: there is none, or its packages are not installed.
    """
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in _HARDHAT_CONFIGS):
            if (folder / "node_modules" / "hardhat" / "package.json").is_file():
                return folder
            raise ChainStopped(
                expected=f"Hardhat in {folder / 'node_modules'}",
                found="packages that are not installed",
                action=f"Run npm ci in {folder}, or use --engine embedded.",
            )
    raise ChainStopped(
        expected=f"a hardhat.config.js in {start} or a folder above it",
        found="none",
        action="Run from a checkout of the project, or use --engine embedded.",
    )


def _require(program: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise ChainStopped(
            expected=f"{program} on the PATH (Node.js 20 or newer)",
            found="no such program",
            action="Install Node.js, or use --engine embedded, which does not need it.",
        )
    return path
