"""Which folders below a data folder are hospitals, and what is not used. Nothing is left out in
silence: whatever is no hospital and no shared set is named with the reason, and a folder with
images that cannot be used is an error.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from collegium.errors import EmptySite, MissingMetadata
from collegium.tasks.task import Unused
from collegium.tasks.xray import metadata
from collegium.tasks.xray.data import Dataset
from collegium.tasks.xray.pictures import SUFFIXES

SHARED = ("challenge", "reference")
_SYSTEMS = {"__MACOSX", "lost+found", "System Volume Information", "$RECYCLE.BIN", "__pycache__"}


@dataclass(frozen=True)
class Found:
    """Folders of hospitals by name, the shared ones by theirs, and what is not used."""

    hospitals: dict[str, Path]
    shared: dict[str, Path]
    unused: tuple[Unused, ...]


def discover(root: Path) -> Found:
    """Sort the entries of a data folder.

    Raises:
        MissingMetadata: ``root`` is no folder, there is no ``reference``, or a folder has images
            or the name of a shared set, but no metadata.
        EmptySite: there is no hospital, or one is there twice.
    """
    if not (root / "reference").is_dir():
        raise MissingMetadata(
            expected=f"a folder of folders with a test set at {root / 'reference'}",
            found="no such folder",
            action="Give one folder per hospital and one called reference, each with a "
            f"{metadata.JSONL}.",
        )
    hospitals: dict[str, Path] = {}
    shared: dict[str, Path] = {}
    unused: list[Unused] = []
    for path in sorted(root.iterdir()):
        if reason := _reason(path):
            unused.append(Unused(path.name, reason))
        elif path.name in SHARED:
            metadata.find(path)
            shared[path.name] = path
        else:
            hospitals[path.name] = path
    _require_distinct(hospitals, root)
    return Found(hospitals, shared, tuple(unused))


def unlisted(dataset: Dataset, folder: Path) -> list[str]:
    """Images in a hospital's folder that no line of its metadata names, by their paths in it."""
    named = {os.path.normpath(picture.name) for picture in dataset.images.values()}
    return sorted(name for name in _images(folder) if name not in named)


def _reason(path: Path) -> str | None:
    """Why an entry is not used; None if it is."""
    if path.name.startswith("."):
        return "its name begins with a dot"
    if path.name in _SYSTEMS:
        return "a folder of the operating system"
    if not path.is_dir():
        return "a link that leads nowhere" if not path.exists() else "a file, not a folder"
    try:
        metadata.find(path)
    except MissingMetadata:
        if path.name in SHARED or next(_images(path), None) is not None:
            raise
        return "it has no metadata and no images"
    return None


def _images(folder: Path) -> Iterator[str]:
    """Relative paths of image files below a folder; links to folders are not followed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        inside = os.path.relpath(place, folder)
        for name in sorted(files):
            if not name.startswith(".") and os.path.splitext(name)[1].lower() in SUFFIXES:
                yield os.path.normpath(os.path.join(inside, name))


def _require_distinct(hospitals: dict[str, Path], root: Path) -> None:
    if not hospitals:
        raise EmptySite(
            expected=f"at least one folder of a hospital with a {metadata.JSONL} in {root}",
            found="only shared folders",
            action="Add one folder per hospital.",
        )
    places: dict[str, str] = {}
    names = {name.casefold(): name for name in SHARED}
    for name, path in hospitals.items():
        place = os.path.realpath(path)
        if other := names.get(name.casefold()):
            raise _twice(root, f"{name} and {other}, which differ in upper and lower case only")
        if place in places:
            raise _twice(root, f"{name} and {places[place]}, which are one folder")
        names[name.casefold()] = places[place] = name


def _twice(root: Path, found: str) -> EmptySite:
    return EmptySite(
        expected=f"folders of different hospitals in {root}",
        found=found,
        action="Rename or remove one of them.",
    )
