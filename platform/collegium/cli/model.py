"""``collegium model``: export a federation's model, and the commands of each kind of task."""

import inspect
import re
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from collegium.cli import output
from collegium.cli.command import Noun
from collegium.cli.options import RunDir
from collegium.tasks.commands import ModelCommand
from collegium.tasks.registry import KINDS, task_kind

app = Noun(help="Pre-train, use and export models.")


@app.command(example="collegium model export --out adapter")
def export(
    out: Annotated[Path, typer.Option(help="Folder to create.")],
    root: Annotated[
        str | None,
        typer.Option(help="State root in hex; default: the newest final one.", show_default=False),
    ] = None,
    dir: RunDir = None,
) -> None:
    """Write a federation's adapter as a plain PEFT folder."""
    with _filling(out):
        with output.working("loading the model"):
            task, vector, state_root = _federated(dir, root)
        task.save_adapter(vector, out)
    document = {
        "folder": str(out),
        "state_root": "0x" + state_root.hex(),
        "base_model": task.layout.base_model,
    }
    output.result(document, output.facts(document))


class Terminal:
    """See :class:`collegium.tasks.commands.Host`."""

    working = staticmethod(output.working)
    bar = staticmethod(output.bar)

    def filling(self, folder: Path) -> AbstractContextManager[None]:
        return _filling(folder)

    def writing(self, path: Path) -> AbstractContextManager[BinaryIO]:
        from collegium.workspace.owned import new_file

        return new_file(path)

    def __init__(self, dir: Path | None) -> None:
        self.dir = dir

    def federated(self) -> tuple[Any, Any]:
        return _federated(self.dir, None)[:2]


def _filling(folder: Path) -> AbstractContextManager[None]:
    from collegium.workspace.owned import OwnedFolder

    return OwnedFolder(folder).filling(output.note)


def _add(command: ModelCommand) -> None:
    """Add a command of a task; Typer reads its options from the signature made here."""

    def run(*, dir: Path | None = None, **given: Any) -> None:
        shown = command.run(Terminal(dir), **given)
        output.result(shown.document, *(shown.lines or [output.facts(shown.document)]))

    _, *own = inspect.signature(command.run).parameters.values()  # without the host
    if command.reads_run:
        keyword = inspect.Parameter.KEYWORD_ONLY
        own.append(inspect.Parameter("dir", keyword, default=None, annotation=RunDir))
    run.__signature__ = inspect.Signature(own)  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in own}
    run.__doc__ = command.run.__doc__
    app.command(command.run.__name__, example=command.example)(run)


for _name in KINDS:
    for _command in task_kind(_name).commands():
        _add(_command)


def _federated(dir: Path | None, root: str | None) -> tuple[Any, Any, bytes]:
    """Task, vector and state root of a federation's model."""
    from collegium.cli.session import opened
    from collegium.workspace.checkpoint import load_federated

    if root is not None and not re.fullmatch(r"(0x)?[0-9a-fA-F]{64}", root):
        raise typer.BadParameter("64 hexadecimal digits are needed", param_hint="--root")
    with opened(dir) as session:
        if root is None:
            wanted = session.federation.state_root()
        else:
            wanted = bytes.fromhex(root.removeprefix("0x"))
        return *load_federated(session.run, wanted), wanted
