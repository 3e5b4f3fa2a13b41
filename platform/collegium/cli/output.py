"""Results go to stdout, as readable text or as one JSON document; everything else to stderr."""

import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

# A context variable, so that commands in different threads do not change each other's output.
_json: ContextVar[bool] = ContextVar("json", default=False)


def use_json(wanted: bool) -> None:
    """Set whether the current command prints JSON."""
    _json.set(wanted)


def wants_json() -> bool:
    """Whether the current command prints JSON."""
    return _json.get()


def degrade() -> None:
    """Print characters that the terminal's encoding lacks as ``?``, instead of failing.

    JSON keeps them as escapes. A stream that was closed before the command started swallows what
    is printed.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper) and stream.errors in (
            "strict",
            "surrogateescape",
        ):
            stream.reconfigure(errors="replace")


def result(document: Mapping[str, Any], *shown: "RenderableType") -> None:
    """Print the result of a command.

    Args:
        document: the whole result, as JSON.
        shown: the parts to print without ``--json``; texts are printed as they are, without markup.
    """
    if wants_json():
        print_document(document)
        return
    from rich.console import Console

    # A file or a pipe has no width, and rich would wrap at 80, in the middle of addresses.
    width = None if sys.stdout.isatty() else 160
    console = Console(highlight=False, width=width)
    for part in shown:
        console.print(part, markup=False)


def print_document(document: Mapping[str, Any]) -> None:
    """Print one JSON document to stdout."""
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=not unicode) + "\n")
    sys.stdout.flush()


def note(sentence: str) -> None:
    """Print a sentence about progress to stderr."""
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def working(sentence: str) -> Iterator[None]:
    """Show a spinner while the block runs, if stderr is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(sentence):
        yield


@contextmanager
def bar(title: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Show a progress bar on stderr, or plain lines if stderr is not a terminal.

    Yields a function that takes the amount done and a note.
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
    from rich.text import Text

    made = Table(box=SIMPLE, pad_edge=False)
    for name in columns:
        right = name.endswith(">")
        made.add_column(name.rstrip(">"), justify="right" if right else "left", no_wrap=True)
    for row in rows:
        made.add_row(*(Text(str(cell)) for cell in row))
    return made


def facts(pairs: Mapping[str, object]) -> "Table":
    """A table of names and values, one pair per line."""
    from rich.table import Table
    from rich.text import Text

    made = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        made.add_row(Text(name, style="dim"), Text(str(value)))
    return made


def short(hexadecimal: str) -> str:
    """The first six and last four characters of an address or a digest."""
    return f"{hexadecimal[:6]}…{hexadecimal[-4:]}"
