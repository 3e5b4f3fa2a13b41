"""``collegium evidence``: export a bundle with which anyone can audit a federation offline."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.options import RunDir, run_dir

if TYPE_CHECKING:
    from rich.progress import TaskID

    from collegium.evidence import Source

Rpc = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="A chain instead of a run's folder; with --federation.",
        show_default=False,
    ),
]
Federation = Annotated[
    str | None, typer.Option(metavar="ADDR", help="Address of the contract.", show_default=False)
]
Store = Annotated[
    str | None,
    typer.Option(metavar="DIR|URL", help="Artifact store with --rpc.", show_default=False),
]
TaskCard = Annotated[
    Path | None,
    typer.Option(help="Task card, if the store does not contain it.", show_default=False),
]
Layout = Annotated[
    Path | None,
    typer.Option(help="Adapter layout, if the store does not contain it.", show_default=False),
]

_TITLES = {
    "chain": "reading blocks",
    "blobs": "sorting blobs",
    "files": "files",
    "blocks": "blocks",
    "rounds": "rounds",
}

app = Noun(help="Export a bundle that anyone can audit.")


@app.callback()
def _noun() -> None:
    """Export a bundle that anyone can audit."""


@app.command(example="collegium evidence export --dir collegium-demo --out evidence.zip")
def export(
    out: Annotated[Path, typer.Option(help="Folder to create, or a file ending in .zip.")],
    dir: RunDir = None,
    rpc: Rpc = None,
    federation: Federation = None,
    store: Store = None,
    card: TaskCard = None,
    layout: Layout = None,
    home: Annotated[
        list[Path] | None,
        typer.Option(
            "--home",
            help="Folder of a node whose key opens sealed updates; repeat for more. "
            "Its passphrase is in COLLEGIUM_PASSPHRASE.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write chain, task card, layout, updates and states into one bundle.

    Updates that none of the given nodes can open stay sealed; an audit lists them as unchecked.
    """
    given = source(dir, rpc, federation, store, card, layout)
    from collegium.audit.bundle import Bundle
    from collegium.audit.index import INDEX, MAX_INDEX, Index
    from collegium.evidence import export as carry_out

    with stages() as progress:
        made = carry_out(given, out, keys=tuple(home or ()), progress=progress)
    with Bundle.open(made) as bundle:
        index = Index.decode(bundle.read(INDEX, MAX_INDEX))
    opened = sum(update.opened for update in index.updates)
    document = {
        "bundle": str(made),
        "federation": index.federation,
        "head": {"number": index.head_number, "hash": f"0x{index.head_hash}"},
        "files": len(index.files) + 1,
        "bytes": sum(file.size for file in index.files),
        "updates": {"opened": opened, "sealed": len(index.sealed)},
        "states": len(index.states),
    }
    facts = {
        "bundle": made,
        "federation": index.federation,
        "head": f"block {index.head_number}, 0x{index.head_hash}",
        "content": f"{document['files']} files, {document['bytes']} bytes",
        "updates": f"{opened} opened, {len(index.sealed)} sealed",
    }
    output.result(document, output.facts(facts), f"Check it with: collegium audit {made}")


def source(
    dir: Path | None,
    rpc: str | None,
    federation: str | None,
    store: str | None,
    card: Path | None,
    layout: Path | None,
) -> "Source":
    """The source of the evidence: the chain at ``rpc``, or else the folder of a run.

    Raises:
        typer.BadParameter: the options contradict each other.
    """
    if dir is not None and rpc is not None:
        raise typer.BadParameter("pass only one of --dir and --rpc")
    if rpc is not None and federation is None:
        raise typer.BadParameter("--rpc needs --federation")
    if rpc is None and (federation, store, card, layout) != (None, None, None, None):
        raise typer.BadParameter("--federation, --store, --card and --layout need --rpc")
    from collegium.evidence import from_chain, from_run

    if rpc is None:
        return from_run(run_dir(dir))
    from collegium.protocol.addresses import checked

    named = checked(federation, "--federation")
    return from_chain(str(rpc), named, store, card=card, layout=layout)


@contextmanager
def stages() -> Iterator[Callable[[str, int, int], None]]:
    """Show progress bars on stderr, one per stage; nothing if stderr is not a terminal.

    Yields a function that takes a stage, what is done and the total.
    """
    if not sys.stderr.isatty():
        yield lambda stage, done, total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(_TITLES.get(stage, stage), total=total)
            progress.update(tasks[stage], completed=done, total=total)

        yield report
