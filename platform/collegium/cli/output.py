"""Results go to stdout, either for people or as one JSON document; everything else to stderr."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
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

    console = Console(highlight=False, soft_wrap=True)
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


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], title: str = "") -> "Table":
    """A table; columns whose name ends in ``>`` are aligned to the right."""
    from rich.box import SIMPLE
    from rich.table import Table

    made = Table(title=title or None, box=SIMPLE, title_justify="left", pad_edge=False)
    for name in columns:
        right = name.endswith(">")
        made.add_column(name.rstrip(">"), justify="right" if right else "left", no_wrap=not right)
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


def tokens(units: int, decimals: int = 18) -> str:
    """Token units as a decimal number of tokens, exactly."""
    whole, rest = divmod(abs(units), 10**decimals)
    digits = f"{rest:0{decimals}d}".rstrip("0") if decimals else ""
    return ("-" if units < 0 else "") + f"{whole}" + (f".{digits}" if digits else "")
