"""What an image may be at most, checked before it is decoded, because files come from outside."""

MAX_PIXELS = 50_000_000  # a full-field digital radiograph has 9 to 20 million
MAX_FILE_BYTES = 200_000_000
MAX_EDGE = 1_024  # longer images are reduced on reading; no model here looks at more


def require_size(width: int, height: int) -> None:
    """Raise ValueError if an image has too many pixels, or none."""
    if not 0 < width * height <= MAX_PIXELS:
        raise ValueError(f"{width:,} x {height:,} pixels")
