"""``collegium chain``: a local chain in the background."""

from typing import Annotated

import typer

from collegium.chain import engines
from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.options import RunDir, run_dir

app = Noun(help="Start and stop a local chain.")


@app.command(example="collegium chain up --engine hardhat --port 8545")
def up(
    engine: Annotated[str, typer.Option(help=f"One of {', '.join(engines.ENGINES)}.")] = "embedded",
    port: Annotated[int, typer.Option(help="TCP port on 127.0.0.1; 0 takes a free one.")] = (
        engines.DEFAULT_PORT
    ),
    dir: RunDir = None,
) -> None:
    """Start a local chain and wait until it answers; if it already runs, print its address."""
    with output.working(f"starting {engine}"):
        chain = engines.start(engine, run_dir(dir), port=port)
    _show(chain)


@app.command(example="collegium chain status --json")
def status(dir: RunDir = None) -> None:
    """Show whether a local chain runs from this folder, and its address."""
    _show(engines.status(run_dir(dir)))


@app.command(example="collegium chain down")
def down(dir: RunDir = None) -> None:
    """Stop the local chain that runs from this folder. The file of an embedded chain is kept."""
    chain = engines.stop(run_dir(dir))
    stopped = None if chain is None else chain.to_json()
    output.result(
        {"running": False, "stopped": stopped},
        "nothing was running" if chain is None else f"stopped {chain.engine} at {chain.url}",
    )


def _show(chain: engines.LocalChain | None) -> None:
    if chain is None:
        output.result({"running": False}, "no local chain runs from this folder")
        return
    output.result(
        {"running": True, **chain.to_json()},
        f"{chain.engine} runs at {chain.url} (process {chain.pid}, log {chain.log})",
    )
