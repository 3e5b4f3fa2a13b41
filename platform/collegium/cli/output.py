"""Results go to stdout, either for people or as one JSON document; everything else to stderr."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

_json: ContextVar[bool] = ContextVar("json", default=False)


def use_json(wanted: bool) -> None:
    """Whether the command that runs now prints JSON."""
    _json.set(wanted)


def wants_json() -> bool:
    return _json.get()


def result(document: Mapping[str, Any], *shown: "RenderableType") -> None:
    """Print what a command found.

    Args:
        document: all of it, as JSON.
        shown: the same for people.
    """
    if wants_json():
        print_document(document)
        return
    from rich.console import Console

    width = None if sys.stdout.isatty() else 160  # a file or a pipe has no edge to wrap at
    console = Console(highlight=False, width=width)
    for part in shown:
        console.print(part)


def print_document(document: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def note(sentence: str) -> None:
    """Tell a person at the terminal what happens."""
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def working(sentence: str) -> Iterator[None]:
    """Show that something takes a while, if there is a terminal to show it on."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(sentence):
        yield


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """A progress bar on stderr, or lines where there is no terminal.

    Yields a function of how much is done and a note.
    """
    if not sys.stderr.isatty():
        yield lambda done, line: note(line)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}"))
    with Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=total, note="")
        yield lambda done, line: progress.update(task, completed=done, note=line)


def table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> "Table":
    """A table; columns whose name ends in ``>`` are aligned to the right."""
    from rich.box import SIMPLE
    from rich.table import Table

    made = Table(box=SIMPLE, pad_edge=False)
    for name in columns:
        right = name.endswith(">")
        made.add_column(name.rstrip(">"), justify="right" if right else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(str(cell) for cell in row))
    return made


def facts(pairs: Mapping[str, object]) -> "Table":
    """Names and values, one pair a line."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        made.add_row(f"[dim]{name}[/]", str(value))
    return made


def short(hexadecimal: str) -> str:
    """An address or a digest by its ends."""
    return f"{hexadecimal[:6]}…{hexadecimal[-4:]}"
