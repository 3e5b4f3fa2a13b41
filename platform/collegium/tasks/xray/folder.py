"""Data folders of hospitals: pictures beside a ``metadata.jsonl``, listed in bounded time.

The form is Hugging Face's ImageFolder. Every metadata line names an image, a question and its
answer; several lines may share an image. Lines come from outside and are bounded; the pictures
are only found, not read.
"""

import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from collegium.errors import BadMetadata, EmptySite, MissingMetadata
from collegium.tasks.xray.data import Dataset, Example, is_yes_no
from collegium.tasks.xray.pictures import MAX_FILE_BYTES, Picture, image_error

METADATA = "metadata.jsonl"
MAX_METADATA_BYTES = 256_000_000  # about a million lines
MAX_LINE = 16_384
MAX_TEXT = 2_000  # characters of a question or an answer


def read_folder(folder: Path | str, limit: int | None = None) -> Dataset:
    """List the examples of an ImageFolder with ``metadata.jsonl``; no picture is decoded.

    Args:
        folder: the folder; image paths in the metadata are relative to it and must stay inside.
        limit: read at most so many metadata lines.

    Raises:
        MissingMetadata: no such folder, or no ``metadata.jsonl`` in it.
        BadMetadata: a line is not an object with ``file_name``, ``question`` and ``answer``.
        UnreadableImage: an image is missing, or too large in bytes.
        EmptySite: there is no line at all.
    """
    listing = _Listing(Path(folder))
    examples = tuple(listing.examples(limit))
    if not examples:
        raise EmptySite(
            expected=f"at least one line in {listing.path}",
            found="none",
            action="Add one JSON line for each question on each image.",
        )
    return Dataset(listing.folder.name, examples, listing.pictures)


def write_folder(dataset: Dataset, folder: Path) -> Path:
    """Write a dataset as ImageFolder, one picture at a time, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    names = {key: f"{number:05d}.png" for number, key in enumerate(sorted(dataset.images))}
    for key, name in names.items():
        Image.fromarray(dataset.images[key].pixels()).save(folder / name)
    lines = [
        {
            "file_name": names[example.image],
            "question": example.question,
            "answer": example.answer,
            "question_type": example.kind,
            "patient": example.patient,
        }
        for example in dataset.examples
    ]
    (folder / METADATA).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


class _Listing:
    """One pass over a metadata file.

    Attributes:
        pictures: found so far, by their names in the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / METADATA
        self.pictures: dict[str, Picture] = {}
        self._root = os.path.realpath(folder)
        self._inside: dict[str, bool] = {}  # by the folder part of a name
        self._number = 0

    def examples(self, limit: int | None) -> Iterator[Example]:
        if not self.path.is_file():
            raise MissingMetadata(
                expected=f"a file {self.path}",
                found="no such file" if self.folder.is_dir() else "no such folder",
                action="Put a metadata.jsonl beside the images: one JSON object per line with "
                '"file_name", "question" and "answer".',
            )
        if self.path.stat().st_size > MAX_METADATA_BYTES:
            raise self._error(f"{self.path.stat().st_size:,} bytes")
        seen = 0
        with self.path.open("rb") as lines:
            for self._number, line in enumerate(lines, 1):
                if limit is not None and seen >= limit:
                    return
                if line.strip():
                    seen += 1
                    yield self._parse(line)

    def _parse(self, line: bytes) -> Example:
        if len(line) > MAX_LINE:
            raise self._error(f"{len(line):,} bytes")
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise self._error(f"invalid JSON ({error})") from error
        if not isinstance(fields, dict):
            raise self._error(f"a JSON {type(fields).__name__}")
        name, question, answer = (
            self._text(fields, key) for key in ("file_name", "question", "answer")
        )
        if name not in self.pictures:
            self.pictures[name] = self._find(name)
        kind = self._optional(fields, "question_type")
        return Example(
            image=self.pictures[name].name,
            question=sys.intern(question),  # the same few texts on many pictures
            answer=sys.intern(answer),
            kind=sys.intern(kind or ("yes/no" if is_yes_no(answer) else "open")),
            patient=self._optional(fields, "patient") or name,
        )

    def _find(self, name: str) -> Picture:
        path = os.path.join(self.folder, name)
        try:
            parent = os.path.dirname(path)
            if parent not in self._inside:
                self._inside[parent] = self._is_inside(parent)
            found = os.lstat(path) if self._inside[parent] else None
            if found is not None and stat.S_ISLNK(found.st_mode):
                found = os.stat(path) if self._is_inside(path) else None
        except FileNotFoundError as error:
            raise image_error(Path(path), "no such file") from error
        except (OSError, ValueError) as error:
            raise self._error(f"file_name {name!r} ({error})") from error
        if found is None:
            raise self._error(f"file_name {name!r}, which leaves the folder")
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:
            regular = stat.S_ISREG(found.st_mode)
            raise image_error(Path(path), f"{found.st_size:,} bytes" if regular else "no file")
        return Picture(self.folder, name, found.st_size, found.st_mtime_ns)

    def _is_inside(self, path: str) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)

    def _text(self, fields: dict[str, object], key: str) -> str:
        value = fields.get(key)
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
            raise self._error(
                f'"{key}" missing' if key not in fields else f'"{key}": {str(value)[:60]!r}'
            )
        return value.strip()

    def _optional(self, fields: dict[str, object], key: str) -> str | None:
        return None if fields.get(key) is None else self._text(fields, key)

    def _error(self, found: str) -> BadMetadata:
        return BadMetadata(
            expected='a JSON object with texts "file_name" (inside the folder), "question" and '
            f'"answer" of at most {MAX_TEXT:,} characters',
            found=f"{found} at {self.path}:{self._number}",
            action="Correct or remove this line.",
        )
