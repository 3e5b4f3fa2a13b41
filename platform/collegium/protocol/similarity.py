"""How alike updates are: norms and cosines of their lanes, and groups of near-duplicates.

Copies of one update under several names are one contribution; the groups found here are
evaluated as one player and share one credit.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from collegium.protocol.codec import Encoded, dequantise, ranges
from collegium.protocol.state import UNITS


def norm(update: Encoded) -> float:
    """L2 norm in parameter units."""
    return float(np.sqrt(_gram([update])[0, 0])) / UNITS


def cosines(updates: Sequence[Encoded]) -> npt.NDArray[np.float64]:
    """Cosine of every pair, float64 ``[n, n]``; an empty update is like nothing, not even itself.

    All updates must be of one layout.
    """
    gram = _gram(updates)
    norms = np.sqrt(np.diagonal(gram))
    scale = np.outer(norms, norms)
    table: npt.NDArray[np.float64] = np.zeros_like(gram)
    np.divide(gram, scale, out=table, where=scale > 0)
    return table


def groups(updates: Sequence[Encoded], threshold: float) -> tuple[tuple[int, ...], ...]:
    """Partition the updates: alike from ``threshold`` on, directly or through others.

    Groups are ordered by their first member. Links are transitive, so a chain of small changes
    does not escape.
    """
    alike = cosines(updates) >= threshold
    leader = list(range(len(updates)))
    for i in range(len(updates)):
        for j in range(i):
            if alike[i, j] and leader[i] != leader[j]:
                first, second = sorted((leader[i], leader[j]))
                leader = [first if k == second else k for k in leader]
    return tuple(
        tuple(i for i, k in enumerate(leader) if k == first) for first in sorted(set(leader))
    )


def _gram(updates: Sequence[Encoded]) -> npt.NDArray[np.float64]:
    gram = np.zeros((len(updates), len(updates)))
    for blocks, _ in ranges(updates[0].codes.size if updates else 0):
        lanes = np.stack([dequantise(update, blocks) for update in updates]).astype(np.float64)
        gram += lanes @ lanes.T
    return gram
