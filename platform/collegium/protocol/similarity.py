"""How similar updates are: norms and cosines of their lanes, and groups of near-duplicates.

Copies of one update by several nodes are one contribution: each group is scored as one player, and
its members share the credit. All updates of a round are compared in one pass.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from collegium.protocol.codec import Encoded, dequantise, ranges
from collegium.protocol.state import UNITS

Cosines = npt.NDArray[np.float64]


def norm(update: Encoded) -> float:
    """L2 norm in parameter units."""
    parts = (dequantise(update, blocks).astype(np.float64) for blocks, _ in _ranges([update]))
    return float(np.sqrt(sum(float(lanes @ lanes) for lanes in parts))) / UNITS


def cosines(updates: Sequence[Encoded]) -> Cosines:
    """Cosine of every pair, float64 ``[n, n]``; 0 for an empty update, even with itself.

    All updates must be of one layout.
    """
    gram = _gram(updates)
    norms = np.sqrt(np.diagonal(gram))
    scale = np.outer(norms, norms)
    table: Cosines = np.zeros_like(gram)
    np.divide(gram, scale, out=table, where=scale > 0)
    return table


def groups(table: Cosines, threshold: float) -> tuple[tuple[int, ...], ...]:
    """Partition the updates into groups with cosines of at least ``threshold``.

    Two updates are also in one group if others link them, so that a chain of small changes does
    not separate copies. Groups are ordered by their first member.

    Args:
        table: the return value of :func:`cosines`.
    """
    alike = table >= threshold
    leader = list(range(len(table)))
    for i in range(len(table)):
        for j in range(i):
            if alike[i, j] and leader[i] != leader[j]:
                first, second = sorted((leader[i], leader[j]))
                leader = [first if k == second else k for k in leader]
    return tuple(
        tuple(i for i, k in enumerate(leader) if k == first) for first in sorted(set(leader))
    )


def _gram(updates: Sequence[Encoded]) -> npt.NDArray[np.float64]:
    # All inner products, part by part: memory stays bounded, and float64 cannot overflow.
    gram = np.zeros((len(updates), len(updates)))
    for blocks, _ in _ranges(updates):
        lanes = np.stack([dequantise(update, blocks) for update in updates]).astype(np.float64)
        gram += lanes @ lanes.T
    return gram


def _ranges(updates: Sequence[Encoded]) -> list[tuple[slice, slice]]:
    return ranges(updates[0].codes.size if updates else 0)
