"""A folder that a command fills, and that the same command may fill again.

A marker file lists what the command wrote. Only that is ever removed, and only while it is as the
command left it: files that someone added or changed are kept, and the command refuses to go on.
"""

import json
import os
import stat
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from collegium.chain.locks import file_lock, lock_directory
from collegium.errors import PathsOverlap, RunExists

MARKER = ".collegium-files.json"
_VERSION = 1
_NEUTRAL = {".DS_Store", "Thumbs.db", "desktop.ini", "lost+found"}  # the system's, not the user's
_ASIDE = "interrupted-"

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds."""


class OwnedFolder:
    """One folder, its marker, and what may be removed from it.

    Args:
        folder: may be missing, a link, or a mount point; it is never removed itself.
        names: entries that the command writes into it, and the only ones that are ever looked at;
            None: all, so that the folder has to be empty at first.
        state: those among them whose files other commands change later; a change to them does not
            make them the user's.
    """

    def __init__(
        self, folder: Path, names: Collection[str] | None = None, state: Collection[str] = ()
    ) -> None:
        self.folder, self._names, self._state = folder, names, frozenset(state)
        self.marker = folder / MARKER
        self._killed = False  # whether the last command ended before it could list what it wrote

    @contextmanager
    def filling(self, notify: Callable[[str], object] = lambda sentence: None) -> Iterator[None]:
        """Remove what the command wrote before, and list what the block writes.

        What a killed command left has no list: it is moved into ``interrupted-1`` and so on.

        Args:
            notify: is told of such a move.

        Raises:
            RunExists: the folder contains something else, or another process fills it now. Nothing
                was changed.
        """
        with self._locked():
            self._empty(notify)
            self.folder.mkdir(parents=True, exist_ok=True)
            self._mark("running", {})
            try:
                yield
            finally:
                self._mark("ended", dict(self._present()))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        name = sha256(os.fsencode(os.path.realpath(self.folder))).hexdigest()[:32]
        try:
            with file_lock(lock_directory() / f"{name}.fill", wait=False):
                yield
        except BlockingIOError:
            raise self._refusal("another process that fills it now") from None

    def _empty(self, notify: Callable[[str], object]) -> None:
        written = self._read()
        if written is None:
            found = next((e for e in self._entries() if e.name not in _NEUTRAL), None)
            if found is not None:
                raise self._refusal(f"other files, such as {found.name}")
            return
        if self._killed:
            self._set_aside(notify)
            return
        present = list(self._present())  # a marker can be forged: what it lists beyond is ignored
        for path, stamp in present:
            known = written.get(path)
            changed = known is not None and known != stamp and path.split("/")[0] not in self._state
            if known is None or changed:
                why = "was changed since" if changed else "is not of an earlier run"
                raise self._refusal(f"{path}, which {why}")
        for path, _ in present:
            (self.folder / path).unlink()
        for entry in self._entries():
            if stat.S_ISDIR(entry.lstat().st_mode):
                _remove_empty(entry)

    def _read(self) -> dict[str, Stamp] | None:
        """What the marker lists; None if there is no marker."""
        try:
            document = json.loads(self.marker.read_bytes())
            if document["version"] != _VERSION:
                raise ValueError("another version")
            self._killed = document["state"] != "ended"
            return {str(path): (int(a), int(b)) for path, (a, b) in document["files"].items()}
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._refusal(f"a damaged {MARKER} ({type(error).__name__}: {error})") from None

    def _set_aside(self, notify: Callable[[str], object]) -> None:
        left = [e for e in self._entries() if e.name not in _NEUTRAL and e != self.marker]
        left = [entry for entry in left if not entry.name.startswith(_ASIDE)]
        if not left:
            return
        number = 1
        while (self.folder / f"{_ASIDE}{number}").exists():
            number += 1
        aside = self.folder / f"{_ASIDE}{number}"
        aside.mkdir()
        for entry in left:
            entry.rename(aside / entry.name)
        notify(f"an earlier run was interrupted; what it left is now in {aside}")

    def _mark(self, state: str, files: dict[str, Stamp]) -> None:
        partial = self.folder / f"{MARKER}.new"
        partial.write_text(json.dumps({"version": _VERSION, "state": state, "files": files}))
        partial.replace(self.marker)

    def _entries(self) -> list[Path]:
        """Entries of the folder that the command may write."""
        if not self.folder.is_dir():
            if self.folder.exists() or self.folder.is_symlink():
                raise self._refusal("a file, or a link that leads nowhere")
            return []
        names = sorted(os.listdir(self.folder))
        if self._names is not None and self.marker.exists():
            names = [name for name in names if name in self._names]
        return [self.folder / name for name in names]

    def _present(self) -> Iterator[tuple[str, Stamp]]:
        """Every file below the folder that the command may have written; links are not followed."""
        for entry in self._entries():
            if entry.name in _NEUTRAL or entry.name.startswith((MARKER, _ASIDE)):
                continue
            for path in _files(entry):
                found = path.lstat()
                yield path.relative_to(self.folder).as_posix(), (found.st_size, found.st_mtime_ns)

    def _refusal(self, found: str) -> RunExists:
        return RunExists(
            expected=f"an empty folder, or one that this command filled before, at {self.folder}",
            found=found,
            action="Move it away, or pass another folder with --out.",
        )


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write that is not there yet; it appears when the block ends without an error.

    Raises:
        RunExists: something is there.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    if path.exists() or path.is_symlink():
        raise RunExists(
            expected=f"nothing at {path}",
            found="a file or folder",
            action="Move it away, or pass another path with --out.",
        )
    try:
        with partial.open("xb") as file:
            yield file
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


def require_apart(output: Path, *inputs: Path) -> None:
    """Check that no input is inside the output, nor the other way round.

    Links are followed, and folders that are mounted twice are recognised.

    Raises:
        PathsOverlap: one is.
    """
    for given in inputs:
        for outer, inner in ((output, given), (given, output)):
            if _contains(outer, inner):
                raise PathsOverlap(
                    expected=f"an output folder apart from {given}",
                    found=f"{inner} inside {outer}" if inner != outer else f"{output} for both",
                    action="Pass another folder with --out. Nothing was changed.",
                )


def _contains(outer: Path, inner: Path) -> bool:
    """Whether ``inner`` is ``outer`` or below it; either may be missing."""
    whole = Path(os.path.realpath(inner))
    place = Path(os.path.realpath(outer))
    if whole.is_relative_to(place):
        return True
    if not place.exists():
        return False
    return any(each.exists() and each.samefile(place) for each in (whole, *whole.parents))


def _files(path: Path) -> Iterator[Path]:
    if not stat.S_ISDIR(path.lstat().st_mode):
        yield path
        return
    for folder, folders, files in os.walk(path):
        linked = [name for name in folders if (Path(folder) / name).is_symlink()]
        yield from (Path(folder) / name for name in sorted(files + linked))


def _remove_empty(folder: Path) -> None:
    """Remove a folder and those below it, as far as they are empty."""
    for path, _, _ in os.walk(folder, topdown=False):
        if not os.listdir(path):
            os.rmdir(path)
