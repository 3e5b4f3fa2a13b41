"""The metadata file of a data folder: its lines as checked fields.

The forms are those of Hugging Face's ImageFolder: ``metadata.jsonl`` has one JSON object per line,
``metadata.csv`` a header and one row per line. Both come from outside and are bounded.
"""

import csv
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from collegium.errors import BadMetadata, MissingMetadata
from collegium.tasks.xray import texts

JSONL, CSV = "metadata.jsonl", "metadata.csv"
MAX_METADATA_BYTES = 256_000_000  # about a million lines
MAX_LINE = 16_384

_Fault = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of metadata.

    Attributes:
        number: in the file, from 1; of the last line if a row of a CSV file has several.
        image: ``file_name``, relative to the folder; nothing else is known of it here.
        kind, patient: None if the line does not give them.
    """

    number: int
    image: str
    question: str
    answer: str
    kind: str | None
    patient: str | None


def find(folder: Path) -> Path:
    """The metadata file of a folder.

    Raises:
        MissingMetadata: there is none, or the folder is missing.
        BadMetadata: there are two, or it is too large.
    """
    found = [folder / name for name in (JSONL, CSV) if (folder / name).is_file()]
    if not found:
        raise MissingMetadata(
            expected=f"a file {JSONL} or {CSV} in {folder}",
            found=_instead(folder),
            action=f"Put a {JSONL} beside the images: one JSON object per line with "
            f'"file_name", "question" and "answer"; or a {CSV} with these columns.',
        )
    if len(found) > 1:
        raise _bad(f"both {JSONL} and {CSV} in {folder}")
    if (size := found[0].stat().st_size) > MAX_METADATA_BYTES:
        raise _bad(f"{size:,} bytes at {found[0]}")
    return found[0]


def lines(path: Path) -> Iterator[Line]:
    """The lines of a metadata file, in order; empty lines are skipped.

    Raises:
        BadMetadata: a line is malformed, or one of its texts cannot be used.
    """
    parser = _Parser(path)
    return parser.csv() if path.name == CSV else parser.jsonl()


class _Parser:
    def __init__(self, path: Path) -> None:
        self.path, self._number = path, 0
        self._usable: set[tuple[_Fault, str]] = set()  # the same few texts are on many pictures

    def jsonl(self) -> Iterator[Line]:
        with self.path.open("rb") as file:
            for self._number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                if len(line) > MAX_LINE:
                    raise self._error(f"{len(line):,} bytes")
                try:
                    fields = json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise self._error(f"invalid JSON ({error})") from error
                if not isinstance(fields, dict):
                    raise self._error(f"a JSON {type(fields).__name__}")
                yield self._line(fields)

    def csv(self) -> Iterator[Line]:
        # A byte order mark is skipped; bytes that are not UTF-8 become halves of characters, which
        # the check of texts then names with their line.
        options: dict[str, Any] = {"encoding": "utf-8-sig", "errors": "surrogateescape"}
        with self.path.open(newline="", **options) as file:
            rows = csv.reader(file, strict=True)
            try:
                header = next(rows, [])
                self._number = 1
                if len(set(header)) < len(header):
                    raise self._error("a column name that is there twice")
                for row in rows:
                    self._number = rows.line_num
                    if not any(cell.strip() for cell in row):
                        continue
                    if len(row) > len(header):
                        raise self._error(f"{len(row)} cells under {len(header)} column names")
                    if sum(map(len, row)) > MAX_LINE:
                        raise self._error(f"{sum(map(len, row)):,} characters")
                    yield self._line({k: v for k, v in zip(header, row, strict=False) if v})
            except csv.Error as error:
                self._number = rows.line_num
                raise self._error(f"invalid CSV ({error})") from error

    def _line(self, fields: dict[str, object]) -> Line:
        return Line(
            self._number,
            self._text(fields, "file_name"),
            sys.intern(self._text(fields, "question", texts.fault_for_models)),
            sys.intern(self._text(fields, "answer", texts.fault_for_models)),
            self._optional(fields, "question_type"),
            self._optional(fields, "patient"),
        )

    def _text(self, fields: dict[str, object], key: str, fault: _Fault = texts.fault) -> str:
        value = fields.get(key)
        if not isinstance(value, str):
            found = f'{json.dumps(value)[:60]} instead of a text in "{key}"'
            raise self._error(found if key in fields else f'"{key}" missing')
        if (fault, value) not in self._usable:
            if wrong := fault(value):
                raise self._error(f'{wrong} in "{key}": {value[:60]!a}')
            self._usable.add((fault, value))
        return value.strip()

    def _optional(self, fields: dict[str, object], key: str) -> str | None:
        value = fields.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool):
            fields = {key: str(value)}  # ids are often numbers
        return sys.intern(self._text(fields, key))

    def _error(self, found: str) -> BadMetadata:
        return _bad(f"{found} at {self.path}:{self._number}")


def _bad(found: str) -> BadMetadata:
    return BadMetadata(
        expected='one metadata file whose lines have the texts "file_name" (inside the folder), '
        f'"question" and "answer": valid Unicode of at most {texts.MAX_TEXT:,} characters, '
        "without special tokens",
        found=found,
        action="Correct or remove this line.",
    )


def _instead(folder: Path) -> str:
    """What a folder has in place of a metadata file."""
    if not folder.is_dir():
        return "no such folder"
    near = [path.name for path in sorted(folder.iterdir()) if "metadata" in path.name.casefold()]
    return f"{near[0]}" if near else "no such file"
