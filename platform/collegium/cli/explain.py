"""``collegium explain``: show the page of an error number, which is part of the package."""

from typing import TYPE_CHECKING, Annotated

import typer

from collegium.cli import output
from collegium.errors import BLOCKS, UnknownError, catalogue

if TYPE_CHECKING:
    from rich.console import RenderableType


def explain(
    code: Annotated[
        str | None,
        typer.Argument(help="Such as CG505 or 505; default: list all.", show_default=False),
    ] = None,
) -> None:
    """Explain an error number: what it means, typical causes, and what to do.

    Example: collegium explain CG505
    """
    if code is None:
        document = [
            {"code": known, "title": kind.title, "block": BLOCKS[kind.number // 100]}
            for known, kind in catalogue().items()
        ]
        output.result({"errors": document}, *_listed(document))
        return
    known = _known(code)
    text = page(known)
    from rich.markdown import Markdown

    output.result({"code": known, "title": catalogue()[known].title, "page": text}, Markdown(text))


def page(code: str) -> str:
    """The page of an error code, in Markdown."""
    from importlib.resources import files

    return files("collegium").joinpath("pages", f"{code}.md").read_text(encoding="utf-8")


def _known(given: str) -> str:
    """The error code that was typed, in the form ``CG505``.

    Raises:
        UnknownError: no error has this number.
    """
    digits = given.strip().upper().removeprefix("CG")
    code = f"CG{digits}"
    if code in catalogue():
        return code
    block = int(digits[0]) if digits[:1] in set(map(str, BLOCKS)) else None
    numbers = [known for known in catalogue() if block in (None, int(known[2]))]
    nearest = f"{numbers[0]} to {numbers[-1]}" + (f" ({BLOCKS[block]})" if block else "")
    raise UnknownError(
        expected=f"an error number, of {nearest}",
        found=repr(given),
        action="List all numbers: collegium explain.",
    )


def _listed(document: list[dict[str, str]]) -> "list[RenderableType]":
    """A table for each block."""
    from rich.text import Text

    parts: list[RenderableType] = []
    for block in dict.fromkeys(row["block"] for row in document):
        rows = [(row["code"], row["title"]) for row in document if row["block"] == block]
        parts += [Text(block, style="bold"), output.facts(dict(rows))]
    return parts
