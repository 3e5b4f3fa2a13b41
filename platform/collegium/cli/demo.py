"""``collegium demo``: a whole federation on one machine."""

from pathlib import Path
from typing import Annotated

import typer

from collegium.cli import output


def demo(
    task: Annotated[
        str | None,
        typer.Option(help="The task to train; default: the X-ray dialogue.", show_default=False),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with one folder per hospital and reference/; default: invented data.",
            show_default=False,
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(
            min=1, help="Nodes in all; default: one per hospital and attack.", show_default=False
        ),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Rounds; default: the recipe's.", show_default=False)
    ] = None,
    chain: Annotated[
        str, typer.Option(help="embedded, hardhat, ganache, anvil, or the URL of a local chain.")
    ] = "embedded",
    attack: Annotated[
        list[str] | None,
        typer.Option(
            help="A dishonest node; repeat for more. "
            "free-rider, poisoner, noise, liar, withhold, altered-merge, or none.",
            show_default="free-rider and poisoner",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for all output of the run.")] = Path(
        "collegium-demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Processes that train; 0: none but this one; default: one per core, at most 3.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Create a federation, train with honest and dishonest hospitals, verify, pay, merge, audit.

    Example: collegium demo --attack poisoner --attack altered-merge --rounds 3
    """
    from collegium.lab.scenario import DEFAULT_ATTACKS, Scenario
    from collegium.tasks.registry import DEFAULT

    attacks = DEFAULT_ATTACKS if attack is None else tuple(a for a in attack if a != "none")
    scenario = Scenario(out, task or DEFAULT, data, nodes, rounds, chain, attacks, seed, workers)

    from rich.console import Console

    from collegium.lab.demo import run_demo
    from collegium.lab.display import Display, summary

    with Display() as display:
        document = run_demo(scenario, display)
    if output.wants_json():
        output.print_document(document)
    else:
        Console().print(summary(document))
    if not document["audit"]["ok"]:
        raise typer.Exit(1)
