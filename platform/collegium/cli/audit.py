"""``collegium audit``: derive everything again from the evidence, and compare."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collegium.cli import output
from collegium.cli.evidence import Federation, Layout, Rpc, Store, TaskCard, source, stages
from collegium.cli.options import RunDir

if TYPE_CHECKING:
    from collegium.evidence import Source


def audit(
    bundle: Annotated[
        Path | None,
        typer.Argument(help="Evidence bundle: a directory or zip file.", show_default=False),
    ] = None,
    dir: RunDir = None,
    rpc: Rpc = None,
    federation: Federation = None,
    store: Store = None,
    card: TaskCard = None,
    layout: Layout = None,
    anchor: Annotated[
        str | None,
        typer.Option(
            metavar="HASH",
            help="Hash of a block, from a source you trust, that the chain must contain.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write a page for people here.", show_default=False)
    ] = None,
) -> None:
    """Check everything that a federation did, without keys and without trusting anybody.

    Ends with exit code 1 if anything does not hold.

    Example: collegium audit evidence.zip --anchor 0x3f… --html audit.html
    """
    subject = _subject(bundle, dir, rpc, federation, store, card, layout)
    from collegium.cli.audit_tables import render
    from collegium.evidence import audit as carry_out
    from collegium.queries.from_audit import document

    with stages() as progress:
        result = carry_out(subject, anchor=anchor, progress=progress)
    if html is not None:
        from collegium.queries.audit_page import write

        write(result, html)
    output.result(document(result), render(result))
    if not result.ok:
        raise typer.Exit(1)


def _subject(
    bundle: Path | None,
    dir: Path | None,
    rpc: str | None,
    federation: str | None,
    store: str | None,
    card: Path | None,
    layout: Path | None,
) -> "Source | Path":
    """The bundle, run or chain that the command line gives."""
    if bundle is None:
        return source(dir, rpc, federation, store, card, layout)
    if dir is not None or rpc is not None:
        raise typer.BadParameter("give one of a bundle, --dir and --rpc")
    return bundle
