"""The command lines in README, docs and error pages, as a reader would type them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROGRAMS = ("collegium", "make", "pip", "python", "pytest", "npx", "slither")
_SHELL = ("", "sh", "bash", "console")  # languages of fenced blocks that hold command lines
_INLINE = re.compile(r"`(collegium [^`]+)`")


@dataclass(frozen=True)
class Line:
    """One command line.

    Attributes:
        path: document, relative to the root of the repository.
        number: line in the document, from 1.
        words: program and arguments.
        inline: it is mentioned in a sentence, where arguments may be left out.
    """

    path: str
    number: int
    words: tuple[str, ...]
    inline: bool = False

    def __str__(self) -> str:
        return f"{self.path}:{self.number} {shlex.join(self.words)}"


def documents() -> list[Path]:
    """Everything that a reader is shown."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for pattern in ("docs/**/*.md", "platform/collegium/pages/*.md", "examples/**/*.md"):
        found += sorted(ROOT.glob(pattern))
    return found


def lines() -> list[Line]:
    """All command lines of all documents, in order."""
    return [line for path in documents() for line in lines_of(path)]


def lines_of(path: Path) -> list[Line]:
    """The command lines of one document, in order."""
    name, text = str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    found = [Line(name, number, _words(code)) for number, code in _blocks(text)]
    for match in _INLINE.finditer(text):
        number = text.count("\n", 0, match.start()) + 1
        found.append(Line(name, number, _words(match[1]), inline=True))
    kept = [line for line in found if line.words and line.words[0] in PROGRAMS]
    return sorted(kept, key=lambda line: line.number)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Number and text of every line of code; a line that goes on after a backslash is one."""
    language: str | None = None
    start, parts = 0, []
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("```"):
            language = line[3:].strip() if language is None else None
            continue
        if language in _SHELL:
            code = line
        elif language is None and line.startswith("    "):
            code = line[4:]
        else:
            continue
        start = start if parts else number
        parts.append(code.removesuffix("\\").strip())
        if not code.endswith("\\"):
            yield start, " ".join(parts)
            parts = []


def _words(code: str) -> tuple[str, ...]:
    """A line as the shell would split it; what only looks like code has no words."""
    try:
        words = shlex.split(code, comments=True)
    except ValueError:  # a lone quotation mark: no command line
        return ()
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    return tuple(words)
