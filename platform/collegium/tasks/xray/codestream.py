"""The size that a compressed picture inside a DICOM file has by its own words.

Decoders allocate what the compressed picture says, and not what the file around it says. So both
are compared before anything is decoded.
"""

import struct

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f\xff\x51"
_TABLES = (0xC4, 0xC8, 0xCC)  # markers among those of frame headers that are none
_JPEG_LS_FRAME = 0xF7


def size(frame: bytes) -> tuple[int, int] | None:
    """Width and height by the header of a JPEG, JPEG-LS or JPEG 2000 picture; None for others.

    Raises:
        ValueError: the header is damaged or cut off.
    """
    try:
        if (start := frame.find(_JPEG_2000, 0, 1_024)) >= 0:  # behind boxes, if there are some
            right, bottom, left, top = struct.unpack_from(">4I", frame, start + 8)
            return right - left, bottom - top
        return _jpeg(frame) if frame.startswith(_JPEG) else None
    except (struct.error, IndexError) as error:
        raise ValueError("a compressed picture without a whole header") from error


def _jpeg(frame: bytes) -> tuple[int, int]:
    place = 2
    while True:
        while frame[place + 1] == 0xFF:  # fill bytes
            place += 1
        if frame[place] != 0xFF:
            raise IndexError
        marker = frame[place + 1]
        if marker == _JPEG_LS_FRAME or (0xC0 <= marker <= 0xCF and marker not in _TABLES):
            height, width = struct.unpack_from(">2H", frame, place + 5)
            return width, height
        place += 2 + struct.unpack_from(">H", frame, place + 2)[0]
