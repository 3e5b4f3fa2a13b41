"""Radiographs in the formats of ordinary pictures, by Pillow.

The list of formats is fixed: decoders of rare ones fail in their own ways. What a file says about
orientation and polarity is obeyed: a lung that is seen mirrored or inverted is another finding.
"""

from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps

from collegium.tasks.xray import window
from collegium.tasks.xray.bounds import MAX_EDGE, require_size

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "JPEG2000", "WEBP", "PPM")

Facts = dict[str, Any]
_PHOTOMETRIC = 262  # TIFF tag; 0: white is zero
_DEEP = ("I", "F")  # modes of more than 8 bits begin so


def read(file: BinaryIO) -> tuple[NDArray[np.uint8], Facts]:
    """Grey values uint8[height, width] as they are meant to be seen, and what was done for that.

    Raises:
        PIL.UnidentifiedImageError: the file has none of the formats.
        OSError, SyntaxError, ValueError: it is damaged, too large, or of a kind that is not read.
    """
    with Image.open(file, formats=FORMATS) as image:
        require_size(*image.size)
        facts: Facts = {
            "format": image.format,
            "width": image.width,
            "height": image.height,
            "mode": image.mode,
        }
        frames = getattr(image, "n_frames", 1)
        if frames > 1 and image.format != "MPO":  # a camera's JPEG with its own preview
            raise ValueError(f"{frames} pictures in one file")
        if _deep_colour(image):
            raise ValueError("colours of 16 bits")
        # Read before decoding: Pillow turns a TIFF upright by itself, and forgets the tag then.
        facts["orientation"] = image.getexif().get(ExifTags.Base.Orientation, 1)
        inverted = image.mode.startswith(_DEEP) and _tag(image, _PHOTOMETRIC) == 0
        if image.format == "JPEG":  # decode in reduced size: faster, and less memory
            image.draft(None, (MAX_EDGE, MAX_EDGE))
        upright = ImageOps.exif_transpose(image)
        grey = _deep(upright, inverted, facts) if upright.mode.startswith(_DEEP) else _flat(upright)
        if max(grey.size) > MAX_EDGE:
            grey.thumbnail((MAX_EDGE, MAX_EDGE), Image.Resampling.LANCZOS)
        return np.asarray(grey), facts


def _deep(image: Image.Image, inverted: bool, facts: Facts) -> Image.Image:
    """More than 8 bits a pixel: windowed."""
    values = np.asarray(image)
    low, high = window.automatic(values)
    grey = window.linear(values, low, high)
    facts |= {"window": (low, high), "window_from": "percentiles", "white_is_zero": inverted}
    return Image.fromarray(window.to_bytes(1 - grey if inverted else grey))


def _flat(image: Image.Image) -> Image.Image:
    """8 bits a channel or fewer; what is transparent is black."""
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image)
    return image.convert("L")


def _deep_colour(image: Image.Image) -> bool:
    """Whether Pillow would keep 8 of 16 bits of a colour picture, without a window."""
    decoders = [str(tile[3]) for tile in getattr(image, "tile", [])]
    return image.mode in ("RGB", "RGBA", "LA") and any(";16" in name for name in decoders)


def _tag(image: Image.Image, number: int) -> Any:
    return getattr(image, "tag_v2", {}).get(number)
