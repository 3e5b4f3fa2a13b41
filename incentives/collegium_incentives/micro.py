"""Scores as the integers that validators vote with: micro-units in int32."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

MICRO = 1_000_000
"""Micro-units in one unit."""
LOWEST, HIGHEST = -(2**31) + 1, 2**31 - 1
"""Bounds of a score; -2^31 means "invalid", so no measurement is ever converted to it."""


def to_micro(values: Sequence[float] | npt.NDArray[np.float64]) -> list[int]:
    """Values times 10^6, rounded to nearest (ties to even) and clamped to the score's range.

    Raises:
        ValueError: a value is NaN.
    """
    scaled = np.asarray(values, np.float64) * MICRO
    if np.isnan(scaled).any():
        raise ValueError(f"scores must be numbers, not {list(values)}")
    return [int(value) for value in np.clip(np.rint(scaled), LOWEST, HIGHEST)]
