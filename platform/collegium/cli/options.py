"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from collegium.workspace.names import RUN

RunDir = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        help="Folder of the run; default: this folder if it has a run.json, else ./collegium-run.",
        show_default=False,
    ),
]
Wallet = Annotated[
    str | None,
    typer.Option(
        "--wallet",
        metavar="FILE|dev:N",
        help="Account to send from: a wallet file (Web3 Secret Storage), or account N of a local "
        "chain; default on a local chain: dev:0.",
        show_default=False,
    ),
]


def run_dir(given: Path | None) -> Path:
    """The run folder that a command uses; see the help of ``--dir``."""
    if given is not None:
        return given
    here = Path()
    return here if (here / RUN).is_file() else Path("collegium-run")
