"""Data folders of hospitals: pictures beside a metadata file, listed in bounded time.

The form is Hugging Face's ImageFolder (see ``metadata.py``). Every line names an image, a question
and its answer; several lines may share an image. The pictures are only found, not read.
"""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from collegium.errors import BadMetadata, EmptySite
from collegium.tasks.xray import metadata
from collegium.tasks.xray.bounds import MAX_FILE_BYTES
from collegium.tasks.xray.data import Dataset, Example, is_yes_no
from collegium.tasks.xray.metadata import Line
from collegium.tasks.xray.pictures import Picture, image_error


def read_folder(folder: Path | str, limit: int | None = None) -> Dataset:
    """List the examples of an ImageFolder; no picture is decoded.

    Args:
        folder: the folder; image paths in the metadata are relative to it and must stay inside.
        limit: read at most so many metadata lines.

    Raises:
        MissingMetadata: no such folder, or no metadata file in it.
        BadMetadata: a line is malformed, or a text cannot be used.
        UnreadableImage: an image is missing, or too large in bytes.
        EmptySite: there is no line at all.
    """
    listing = _Listing(Path(folder))
    examples = tuple(listing.examples(limit))
    if not examples:
        raise EmptySite(
            expected=f"at least one line in {listing.path}",
            found="none",
            action="Add one line for each question on each image.",
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
    (folder / metadata.JSONL).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


class _Listing:
    """One pass over a metadata file.

    Attributes:
        pictures: found so far, by their names in the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, metadata.find(folder)
        self.pictures: dict[str, Picture] = {}
        self._root = os.path.realpath(folder)
        self._inside: dict[str, bool] = {}  # by the folder part of a name

    def examples(self, limit: int | None) -> Iterator[Example]:
        for seen, line in enumerate(metadata.lines(self.path)):
            if limit is not None and seen >= limit:
                return
            if line.image not in self.pictures:
                self.pictures[line.image] = self._find(line)
            yield Example(
                image=self.pictures[line.image].name,
                question=line.question,
                answer=line.answer,
                kind=line.kind or ("yes/no" if is_yes_no(line.answer) else "open"),
                patient=line.patient or line.image,
                line=line.number,
            )

    def _find(self, line: Line) -> Picture:
        name = line.image
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
            raise self._error(line, str(error)) from error
        if found is None:
            raise self._error(line, "which leaves the folder")
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_FILE_BYTES:
            regular = stat.S_ISREG(found.st_mode)
            raise image_error(Path(path), f"{found.st_size:,} bytes" if regular else "no file")
        return Picture(self.folder, name, found.st_size, found.st_mtime_ns)

    def _is_inside(self, path: str) -> bool:
        return Path(os.path.realpath(path)).is_relative_to(self._root)

    def _error(self, line: Line, why: str) -> BadMetadata:
        return BadMetadata(
            expected="an image inside the folder",
            found=f"file_name {line.image!r}, {why} at {self.path}:{line.number}",
            action="Correct or remove this line.",
        )
