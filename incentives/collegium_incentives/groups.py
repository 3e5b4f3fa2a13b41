"""Groups of near-duplicate updates: one player each, one credit shared by its members.

If every copy were a player, splitting one contribution into many identities would multiply its
share. A group weighs as much as a single update and its members divide what it earns.
"""

from collections.abc import Sequence
from math import lcm
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Groups = Sequence[Sequence[int]]
T = TypeVar("T")


class InvalidGroups(ValueError):
    """The groups are not a partition of the updates."""


def weights(groups: Groups) -> list[int]:
    """Integer weight of each update, the same total for every group.

    Raises:
        InvalidGroups: an update is missing, unknown or in two groups.
    """
    total = lcm(*(len(group) for group in _partition(groups)))
    return _spread(groups, [total // len(group) for group in groups])


def present(mask: int, groups: Groups) -> list[bool]:
    """Which updates are in when the groups with a set bit in ``mask`` are; raises InvalidGroups."""
    return _spread(groups, [bool(mask >> i & 1) for i in range(len(_partition(groups)))])


def share(values: Sequence[float] | npt.NDArray[np.float64], groups: Groups) -> list[float]:
    """Value of each update when a group's value is divided equally; raises InvalidGroups."""
    if len(values) != len(_partition(groups)):
        raise InvalidGroups(f"{len(values)} values for {len(groups)} groups")
    parts = zip(values, groups, strict=True)
    return _spread(groups, [float(value) / len(group) for value, group in parts])


def _spread(groups: Groups, per_group: Sequence[T]) -> list[T]:
    by_update = {i: value for group, value in zip(groups, per_group, strict=True) for i in group}
    return [by_update[i] for i in range(len(by_update))]


def _partition(groups: Groups) -> Groups:
    members = sorted(i for group in groups for i in group)
    if members != list(range(len(members))) or not all(groups):
        raise InvalidGroups(f"groups {groups} do not hold each update exactly once")
    return groups
