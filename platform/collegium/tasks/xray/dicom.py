"""Radiographs in DICOM files, by pydicom (extra ``dicom``).

The pixels go through the steps of PS3.4 N.2: stored values, modality LUT or rescale, the file's own
window or VOI LUT (the first, if there are several), polarity. A file without a window gets the
automatic one, over the pixels that are not padding. Of the words in a file only those that say how
its pixels are to be shown are read.
"""

import zlib
from importlib.util import find_spec
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from collegium.tasks.xray import codestream, window
from collegium.tasks.xray.bounds import MAX_EDGE, MAX_FILE_BYTES, require_size

Facts = dict[str, Any]
Grey = NDArray[np.float32]

_PREAMBLE, _MAGIC = 128, b"DICM"
_POLARITIES = ("MONOCHROME1", "MONOCHROME2")


class Missing(Exception):
    """A package that is needed is not installed; its name."""


def is_dicom(file: BinaryIO) -> bool:
    """Whether a file is in DICOM's format (PS3.10); its position is 0 afterwards."""
    head = file.read(_PREAMBLE + len(_MAGIC))
    file.seek(0)
    return head[_PREAMBLE:] == _MAGIC


def read(file: BinaryIO) -> tuple[NDArray[np.uint8], Facts]:
    """Grey values uint8[height, width] as they are meant to be seen, and what was done for that.

    Raises:
        Missing: pydicom is not installed.
        ValueError: the file is damaged, too large, or of a kind that is not read.
    """
    if find_spec("pydicom") is None:
        raise Missing("pydicom")
    try:
        return _read(file)
    except (ValueError, MemoryError):
        raise
    except Exception as error:  # pydicom and its decoders fail in many ways on damaged files
        raise ValueError(f"{type(error).__name__}: {error}") from error


def _read(file: BinaryIO) -> tuple[NDArray[np.uint8], Facts]:
    from pydicom import dcmread
    from pydicom.pixels.processing import apply_modality_lut
    from pydicom.pixels.utils import pixel_array

    _require_inflatable(file)
    data = dcmread(file)
    facts = _facts(data)
    _require_readable(data, facts)
    _require_same_size(data, facts)
    stored = pixel_array(data)
    colours = int(data.get("SamplesPerPixel", 1)) > 1
    if stored.ndim != (3 if colours else 2):  # pydicom takes surplus bytes for further frames
        raise ValueError("pixel data of more than one picture")
    if colours:  # colours, as RGB: a photograph of a film, or a screenshot
        flat = Image.fromarray(_eight_bits(stored, data)).convert("L")
        grey = np.asarray(flat, np.float32) / np.float32(255)
        facts["window_from"] = "none: colours"
    else:
        padding = _padding(stored, data)
        grey = _shown(apply_modality_lut(stored, data), padding, data, facts)
        if facts["photometric"] == "MONOCHROME1":
            grey = 1 - grey
        grey[padding] = 0
    image = Image.fromarray(window.to_bytes(grey))
    if max(image.size) > MAX_EDGE:
        image.thumbnail((MAX_EDGE, MAX_EDGE), Image.Resampling.LANCZOS)
    return np.asarray(image), facts


def _require_inflatable(file: BinaryIO) -> None:
    """Raise ValueError if a deflated file inflates beyond the bound; pydicom has none."""
    from pydicom.filereader import read_dataset
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    file.seek(_PREAMBLE + len(_MAGIC))
    head = read_dataset(file, False, True, stop_when=lambda tag, vr, length: tag.group != 2)
    if head.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)  # without a header, as PS3.5 A.5 has it
        if len(inflater.decompress(file.read(), MAX_FILE_BYTES + 1)) > MAX_FILE_BYTES:
            raise ValueError(f"more than {MAX_FILE_BYTES:,} bytes when inflated")
    file.seek(0)


def _facts(data: Any) -> Facts:
    syntax = getattr(data.file_meta, "TransferSyntaxUID", None)
    return {
        "format": "DICOM",
        "transfer_syntax": None if syntax is None else syntax.name,
        "width": int(data.get("Columns", 0)),
        "height": int(data.get("Rows", 0)),
        "frames": int(data.get("NumberOfFrames", 1) or 1),
        "bits_stored": int(data.get("BitsStored", 0)),
        "photometric": str(data.get("PhotometricInterpretation", "")),
        "view": str(data.get("ViewPosition", "")) or None,
    }


def _require_readable(data: Any, facts: Facts) -> None:
    if "PixelData" not in data:
        raise ValueError("no pixel data")
    require_size(facts["width"], facts["height"])
    if facts["frames"] > 1:
        raise ValueError(f"{facts['frames']} pictures in one file")
    if int(data.get("SamplesPerPixel", 1)) == 1 and facts["photometric"] not in _POLARITIES:
        raise ValueError(f"photometric interpretation {facts['photometric'] or 'missing'}")
    if (high := int(data.get("HighBit", facts["bits_stored"] - 1))) != facts["bits_stored"] - 1:
        # Retired from the standard; pydicom would take the wrong bits without a word.
        raise ValueError(f"{facts['bits_stored']} bits stored, of which the highest is bit {high}")


def _require_same_size(data: Any, facts: Facts) -> None:
    """Raise ValueError if a compressed picture has another size than the file says."""
    from pydicom.encaps import get_frame

    if data.file_meta.TransferSyntaxUID.is_encapsulated:
        inner = codestream.size(get_frame(data.PixelData, 0, number_of_frames=1))
        if inner not in (None, (facts["width"], facts["height"])):
            raise ValueError(f"{facts['width']} x {facts['height']} pixels, compressed as {inner}")


def _padding(stored: NDArray[Any], data: Any) -> NDArray[np.bool_]:
    """Where pixels are padding: the padding value, or the range from it to its limit."""
    value = data.get("PixelPaddingValue")
    if value is None:
        return np.zeros(stored.shape, np.bool_)
    limit = data.get("PixelPaddingRangeLimit", value)
    low, high = sorted((_signed(value, data), _signed(limit, data)))
    return np.asarray((stored >= low) & (stored <= high))


def _signed(value: int, data: Any) -> int:
    """A padding value in the pixels' own representation; some writers give it unsigned."""
    bits, value = int(data.BitsStored), int(value)
    if int(data.PixelRepresentation) == 1 and value >= 1 << (bits - 1):
        return value - (1 << bits)
    return value


def _shown(values: NDArray[Any], padding: NDArray[np.bool_], data: Any, facts: Facts) -> Grey:
    """Values through the file's VOI LUT or window, from 0 to 1."""
    from pydicom.pixels.processing import apply_voi

    if "VOILUTSequence" in data:
        item = data.VOILUTSequence[0]
        facts["window_from"] = "VOI LUT of the file"
        looked_up = apply_voi(np.rint(values).astype(np.int64), data, index=0)
        return window.linear(looked_up, 0, float((1 << int(item.LUTDescriptor[2])) - 1))
    centre, width = _first(data.get("WindowCenter")), _first(data.get("WindowWidth"))
    if centre is not None and width is not None and width > 0:
        function = str(data.get("VOILUTFunction", "LINEAR") or "LINEAR")
        facts |= {"window_from": f"the file ({function})"}
        return _windowed(values.astype(np.float32), centre, width, function, facts)
    low, high = window.automatic(values[~padding])
    facts |= {"window": (low, high), "window_from": "percentiles"}
    return window.linear(values, low, high)


def _windowed(values: Grey, centre: float, width: float, function: str, facts: Facts) -> Grey:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if function == "SIGMOID":
        facts["window"] = (centre - width / 2, centre + width / 2)
        return np.asarray(1 / (1 + np.exp(-4 * (values - centre) / width)), np.float32)
    if function == "LINEAR_EXACT":
        low, high = centre - width / 2, centre + width / 2
    elif function == "LINEAR":
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    else:
        raise ValueError(f"VOI LUT function {function}")
    facts["window"] = (low, high)
    if high <= low:  # a width of 1 divides black from white
        return (values > low).astype(np.float32)
    return window.linear(values, low, high)


def _first(value: Any) -> float | None:
    """The first of the values of an element that may have several."""
    if value is None or value == "":
        return None
    return float(value[0] if hasattr(value, "__len__") and not isinstance(value, str) else value)


def _eight_bits(colours: NDArray[Any], data: Any) -> NDArray[np.uint8]:
    if int(data.BitsStored) != 8:
        raise ValueError(f"colours of {data.BitsStored} bits")
    return colours.astype(np.uint8)
