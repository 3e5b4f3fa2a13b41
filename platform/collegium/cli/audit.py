"""``collegium audit``: independently verify a federation."""

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
            help="Hash of a block that the chain must contain, from a source you trust.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write the result as an HTML page.", show_default=False)
    ] = None,
) -> None:
    """Independently verify everything that a federation did, without keys or trust.

    The exit code is 1 if the evidence is invalid.

    Example: collegium audit evidence.zip --anchor 0x3f… --html audit.html
    """
    subject = _subject(bundle, dir, rpc, federation, store, card, layout)
    from collegium.cli.audit_tables import render
    from collegium.evidence import audit as carry_out
    from collegium.queries.from_audit import document

    if html is not None:
        from collegium.queries.audit_page import require_replaceable, write

        require_replaceable(html)  # before the work; it takes a while
    with stages() as progress:
        result = carry_out(subject, anchor=anchor, progress=progress)
    output.result(document(result), render(result))
    if html is not None:
        output.use_json(False)  # the verdict is the one document; a failed write is told on stderr
        write(result, html)
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
    """The bundle, run or chain on the command line."""
    if bundle is None:
        return source(dir, rpc, federation, store, card, layout)
    if dir is not None or rpc is not None:
        raise typer.BadParameter("pass only one of a bundle, --dir and --rpc")
    return bundle
