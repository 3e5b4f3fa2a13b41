"""Pictures as files: where one is, which version of it, and its grey values when it is looked at.

Files come from outside: sizes are checked before anything is decoded or allocated.
"""

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from collegium.errors import UnreadableImage
from collegium.tasks.xray import dicom, raster
from collegium.tasks.xray.bounds import MAX_FILE_BYTES, MAX_PIXELS

SUFFIXES = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".gif"),
        *(".webp", ".jp2", ".j2k", ".jpx", ".dcm", ".dicom", ".pgm", ".ppm", ".pnm"),
        *(".avif", ".heic", ".heif", ".nii", ".dds", ".tga"),
    }
)
"""Endings of the names of image files in lower case, of formats that can be read and of others."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Picture:
    """A file below a data folder, as it was when the folder was listed.

    Attributes:
        folder, name: the file is ``folder / name``.
        size: in bytes.
        changed: time of its last change, in nanoseconds.
    """

    folder: Path
    name: str
    size: int
    changed: int

    @property
    def path(self) -> Path:
        return self.folder / self.name

    def pixels(self) -> Pixels:
        """The grey values; see :func:`read_image`.

        Raises:
            UnreadableImage: as there, or the file has changed since the folder was listed.
        """
        try:
            with self.path.open("rb") as file:
                self._require_unchanged(file)
                return _decode(file, self.path)
        except OSError as error:
            raise image_error(self.path, f"{type(error).__name__}: {error}") from error

    def digest(self) -> str:
        """SHA-256 of the file's bytes; raises UnreadableImage like :meth:`pixels`."""
        try:
            with self.path.open("rb") as file:
                self._require_unchanged(file)
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise image_error(self.path, f"{type(error).__name__}: {error}") from error

    def _require_unchanged(self, file: BinaryIO) -> None:
        now = os.fstat(file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.size, self.changed):
            raise UnreadableImage(
                expected=f"the file as it was when its folder was listed: {self.path}",
                found=f"a file of {now.st_size:,} bytes that was changed since",
                action="Leave the data alone while they are in use, and start again.",
            )


def read_image(path: Path | str) -> Pixels:
    """Decode one image to grey values, uint8 of shape (height, width), at most MAX_EDGE an edge.

    It is read as it is meant to be seen: see ``raster.py`` and ``dicom.py``.

    Raises:
        UnreadableImage: missing, too large in bytes or pixels, or not decodable.
    """
    return examine(path)[0]


def examine(path: Path | str) -> tuple[Pixels, dict[str, Any]]:
    """The same grey values, and what the file says of itself and what was done with it.

    Raises:
        UnreadableImage: as :func:`read_image`.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise image_error(path, f"{size:,} bytes")
            return _read(file, path)
    except OSError as error:
        raise image_error(path, f"{type(error).__name__}: {error}") from error


def image_error(path: Path, found: str) -> UnreadableImage:
    """The error for a picture that cannot be used."""
    return UnreadableImage(
        expected=f"one picture of at most {MAX_PIXELS:,} pixels and {MAX_FILE_BYTES:,} bytes as "
        f"{', '.join(raster.FORMATS)} or DICOM at {path}",
        found=found,
        action="Export the image again as 8- or 16-bit grey PNG, or remove its lines from the "
        "metadata.",
    )


def _decode(file: BinaryIO, path: Path) -> Pixels:
    return _read(file, path)[0]


def _read(file: BinaryIO, path: Path) -> tuple[Pixels, dict[str, Any]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of decoders; the bounds are ours
            if dicom.is_dicom(file):
                return dicom.read(file)
            return raster.read(file)
    except UnidentifiedImageError as error:
        found = "a file of none of these formats"
        raise image_error(path, found) from error
    except dicom.Missing as error:
        raise UnreadableImage(
            expected=f"the package {error} to read {path}",
            found="no such package",
            action="Install it: pip install 'collegium[dicom]'.",
        ) from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise image_error(path, str(error) or "too large for the memory") from error
    except (OSError, SyntaxError, ValueError, ArithmeticError, LookupError, TypeError) as error:
        # Decoders of damaged files fail in many ways; the file is what is wrong.
        raise image_error(path, f"{type(error).__name__}: {error}") from error
