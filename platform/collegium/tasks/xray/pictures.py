"""Pictures as files: where one is, which version of it, and its grey values when it is looked at.

Files come from outside: sizes are checked before anything is decoded or allocated.
"""

import hashlib
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from collegium.errors import UnreadableImage

MAX_PIXELS = 50_000_000  # a full-field digital radiograph has 9 to 20 million
MAX_FILE_BYTES = 200_000_000
MAX_EDGE = 1_024  # longer images are reduced on reading; no model here looks at more

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

    Pictures with more than 8 bits per pixel are windowed from their darkest to their lightest
    value, as radiographs are usually exported with 12 of 16 bits in use.

    Raises:
        UnreadableImage: missing, too large in bytes or pixels, or not decodable.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE_BYTES:
                raise image_error(path, f"{size:,} bytes")
            return _decode(file, path)
    except OSError as error:
        raise image_error(path, f"{type(error).__name__}: {error}") from error


def image_error(path: Path, found: str) -> UnreadableImage:
    """The error for a picture that cannot be used."""
    return UnreadableImage(
        expected=f"an image of at most {MAX_PIXELS:,} pixels, {MAX_FILE_BYTES:,} bytes: {path}",
        found=found,
        action="Export the image again as PNG or JPEG, or remove its lines from the metadata.",
    )


def _decode(file: BinaryIO, path: Path) -> Pixels:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the bound is ours
            with Image.open(file) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise image_error(path, f"{width:,} x {height:,} pixels")
                return _grey(image)
    except Image.DecompressionBombError as error:
        raise image_error(path, str(error)) from error
    except UnidentifiedImageError as error:
        raise image_error(path, "a file that is no image") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise image_error(path, f"{type(error).__name__}: {error}") from error


def _grey(image: Image.Image) -> Pixels:
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        low, high = float(values.min()), float(values.max())
        if not np.isfinite(high - low):
            raise ValueError("pixel values that are not finite")
        window = (values - low) / (high - low) if high > low else np.zeros_like(values)
        image = Image.fromarray(np.rint(255 * window).astype(np.uint8))
    image = image.convert("L")
    if max(image.size) > MAX_EDGE:
        image.thumbnail((MAX_EDGE, MAX_EDGE), Image.Resampling.LANCZOS)
    return np.asarray(image)
