"""An evidence bundle as it is read: a directory, or a zip file of the same layout.

A bundle may be hostile. Names, number and sizes of its files are checked before anything is read,
nothing is ever extracted, and links are not followed.
"""

import hashlib
import json
import lzma
import os
import re
import stat
import struct
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

from collegium.audit.index import BLOCKS, INDEX, MAX_INDEX, blob_path
from collegium.errors import BadBundle, BundleTooLarge
from collegium.protocol.nesting import check_depth

MAX_FILES = 100_000
"""Largest number of files."""
MAX_BYTES = 64 * 2**30
"""Largest size of all files together, unpacked, in bytes."""
MAX_LINE = 256 * 2**20
"""Largest size of one block with its receipts, in bytes."""

_KNOWN = re.compile(r"bundle\.json|card\.json|layout\.json|chain/blocks\.jsonl|blobs/[0-9a-f]{64}")
_CHUNK = 1 << 20

# What the library raises for damaged files, zip directories and compressed data, and
# (NotImplementedError) for versions and methods that it does not know.
_DAMAGE = (
    OSError,
    EOFError,
    NotImplementedError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
)


class Bundle(ABC):
    """Files by name, read within bounds. Use as a context manager, or call :meth:`close`.

    Attributes:
        sizes: bytes of every file, by its path in the bundle.
    """

    sizes: dict[str, int]

    @staticmethod
    def open(path: str | Path) -> "Bundle":
        """Open a directory or zip file.

        Raises:
            BadBundle: there is no bundle at ``path``, or a zip file with duplicate names or
                encrypted files.
            BundleTooLarge: it has too many files or bytes.
        """
        path = Path(path)
        if path.is_dir():
            bundle: Bundle = _Folder(path)
        elif path.is_file() and zipfile.is_zipfile(path):
            bundle = _Zip(path)
        else:
            _refuse("a directory or a zip file", f"neither at {path}")
        bundle.check_bounds()
        return bundle

    def check_bounds(self) -> None:
        """Reject what is not a bundle, or is too large.

        Raises:
            BadBundle: ``bundle.json`` is missing.
            BundleTooLarge: there are too many files or bytes.
        """
        if INDEX not in self.sizes:
            _refuse(f"{INDEX} in the bundle", "none")
        total = sum(self.sizes.values())
        if len(self.sizes) > MAX_FILES or total > MAX_BYTES:
            _too_large(f"{MAX_FILES} files and {MAX_BYTES} bytes", f"{len(self.sizes)} and {total}")
        if self.sizes[INDEX] > MAX_INDEX:
            _too_large(f"{MAX_INDEX} bytes of {INDEX}", str(self.sizes[INDEX]))

    @abstractmethod
    def stream(self, name: str) -> IO[bytes]:
        """A file opened for reading; raises BadBundle if there is none of this name."""

    @abstractmethod
    def close(self) -> None:
        """Release the file."""

    def strays(self) -> list[str]:
        """Names of files that do not belong in a bundle."""
        return sorted(name for name in self.sizes if not _KNOWN.fullmatch(name))

    def read(self, name: str, limit: int) -> bytes:
        """A whole file of at most ``limit`` bytes; raises BadBundle or BundleTooLarge."""
        if self.sizes.get(name, 0) > limit:
            _too_large(f"{limit} bytes of {name}", str(self.sizes[name]))
        with _reading(name), self.stream(name) as file:
            data = file.read(limit + 1)  # the size in a zip directory may be false
        if len(data) > limit:
            _too_large(f"{limit} bytes of {name}", "more")
        return data

    def document(self, name: str, limit: int) -> bytes:
        """A JSON file that can be parsed safely; errors as for :meth:`read`."""
        data = self.read(name, limit)
        with _reading(name):
            check_depth(data)
        return data

    def blob(self, digest: str, limit: int) -> bytes:
        """The bytes of a blob by its SHA-256 (hex); errors as for :meth:`read`."""
        return self.read(blob_path(digest), limit)

    def digest(self, name: str) -> tuple[int, str]:
        """Bytes and SHA-256 (hex) of a file; raises BadBundle."""
        found, size = hashlib.sha256(), 0
        with _reading(name), self.stream(name) as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
                size += len(chunk)
        return size, found.hexdigest()

    def lines(self) -> Iterator[bytes]:
        """The lines of the chain file, without their ends; raises BundleTooLarge."""
        with _reading(BLOCKS), self.stream(BLOCKS) as file:
            while line := file.readline(MAX_LINE + 1):
                if len(line) > MAX_LINE:
                    _too_large(f"{MAX_LINE} bytes in a line of {BLOCKS}", "more")
                yield line.removesuffix(b"\n")

    def __enter__(self) -> "Bundle":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Folder(Bundle):
    def __init__(self, root: Path) -> None:
        self._root = root
        self.sizes = {}
        for folder, _, names in os.walk(root):
            for name in names:
                path = Path(folder) / name
                info = path.lstat()  # not stat: a link could lead out of the bundle
                relative = path.relative_to(root).as_posix()
                if not stat.S_ISREG(info.st_mode):
                    _refuse("plain files in the bundle", f"{relative} is a link or device")
                self.sizes[relative] = info.st_size
                if len(self.sizes) > MAX_FILES:
                    _too_large(f"{MAX_FILES} files", "more")

    def stream(self, name: str) -> IO[bytes]:
        if name not in self.sizes:
            _refuse(f"{name} in the bundle", "no such file")
        return (self._root / name).open("rb")

    def close(self) -> None:
        """Nothing is open."""


class _Zip(Bundle):
    def __init__(self, path: Path) -> None:
        with _reading(path.name):
            self._zip = zipfile.ZipFile(path)
        infos = [info for info in self._zip.infolist() if not info.is_dir()]
        # Readers differ in which of two files of one name they take.
        if len({info.filename for info in infos}) != len(infos):
            _refuse("one file per name", "two files of the same name")
        if any(info.flag_bits & 1 for info in infos):
            _refuse("files that are not encrypted", "encrypted ones")
        self.sizes = {info.filename: info.file_size for info in infos}

    def stream(self, name: str) -> IO[bytes]:
        if name not in self.sizes:
            _refuse(f"{name} in the bundle", "no such file")
        return self._zip.open(name)  # ends at the size in the directory, and checks the CRC

    def close(self) -> None:
        self._zip.close()


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Raise BadBundle for every error that a damaged file causes."""
    try:
        yield
    except _DAMAGE as error:
        _refuse(f"{name} in readable form", str(error) or type(error).__name__)


def parse_line(line: bytes) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Block and receipts of one line of the chain file.

    Raises:
        BadBundle: it is not one JSON object of this form, or an object in it repeats a key, which
            JSON readers interpret differently.
    """
    try:
        check_depth(line)
        entry = json.loads(line, object_pairs_hook=_unique)
    except ValueError as error:
        _refuse("one JSON object per line", str(error))
    match entry:
        case {"block": {"transactions": [*transactions]} as block, "receipts": [*receipts]} if len(
            entry
        ) == 2 and all(isinstance(item, dict) for item in (*transactions, *receipts)):
            return block, receipts
    _refuse("a block with whole transactions, and its receipts", "another object")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object with the same key twice")
    return found


def _refuse(expected: str, found: str) -> NoReturn:
    raise BadBundle(expected=expected, found=found, action="Ask for the evidence again.")


def _too_large(expected: str, found: str) -> NoReturn:
    raise BundleTooLarge(
        expected=f"at most {expected}",
        found=found,
        action="Do not read it: the evidence of one federation is smaller.",
    )
