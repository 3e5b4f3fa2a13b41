"""Which stored values of a radiograph become black and white.

A file with more than 8 bits a pixel says so itself (DICOM), or the window is chosen here. The
smallest and the largest value are left out first: they are what collimators, padding and burnt-in
markers have in common, and no tissue. Of the rest the window leaves half a percent on each side, so
that a few broken pixels do not set it (docs/decisions/0019).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_TAILS = (0.5, 99.5)  # percent
_SAMPLE = 1_000_000  # pixels that the percentiles are taken of

Values = NDArray[Any]


def automatic(values: Values) -> tuple[float, float]:
    """The window of pixels for which the file names none.

    Args:
        values: stored values without padding, of any shape; integers or finite floats.

    Returns:
        The values that become black and white; equal if all pixels are.

    Raises:
        ValueError: there are no values, or some are not finite.
    """
    if values.size == 0:
        raise ValueError("padding only, and no picture")
    low, high = float(values.min()), float(values.max())
    if not np.isfinite(high - low):
        raise ValueError("pixel values that are not finite")
    inner = values[(values > low) & (values < high)]
    if inner.size == 0:
        return low, high
    lower, upper = np.percentile(inner[:: -(-inner.size // _SAMPLE)], _TAILS)
    return (float(lower), float(upper)) if upper > lower else (low, high)


def linear(values: Values, low: float, high: float) -> NDArray[np.float32]:
    """Grey values from 0 to 1, float32 of the same shape; clipped outside the window."""
    width = high - low
    if width <= 0:
        return np.zeros(values.shape, np.float32)
    grey = (values.astype(np.float32) - np.float32(low)) / np.float32(width)
    return np.asarray(np.clip(grey, 0, 1), np.float32)


def to_bytes(grey: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Grey values from 0 to 1 as uint8."""
    return np.rint(255 * grey).astype(np.uint8)
