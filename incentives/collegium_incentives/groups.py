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


def weights(groups: Groups, limit: int) -> list[int]:
    """Integer weight of each update, as large as possible with a sum of at most ``limit``.

    All groups weigh the same if ``limit`` allows it. With many groups of many different sizes it
    does not; a group then weighs less than its part, by under one unit for each of its members.

    Raises:
        InvalidGroups: an update is missing, unknown or in two groups.
    """
    sizes = [len(group) for group in _partition(groups)]
    most, unit = limit // max(1, len(sizes)), lcm(*sizes)
    # A multiple of every size divides equally in every group.
    each = most - most % unit if unit <= most else most
    return _spread(groups, [each // size for size in sizes])


def spread(values: Sequence[T], groups: Groups) -> list[T]:
    """The value of its group for each update; raises InvalidGroups."""
    if len(values) != len(_partition(groups)):
        raise InvalidGroups(f"{len(values)} values for {len(groups)} groups")
    return _spread(groups, values)


def share(values: Sequence[float] | npt.NDArray[np.float64], groups: Groups) -> list[float]:
    """Value of each update when a group's value is divided equally; raises InvalidGroups."""
    parts = zip(spread(list(values), groups), spread([len(g) for g in groups], groups), strict=True)
    return [float(value) / size for value, size in parts]


def _spread(groups: Groups, per_group: Sequence[T]) -> list[T]:
    by_update = {i: value for group, value in zip(groups, per_group, strict=True) for i in group}
    return [by_update[i] for i in range(len(by_update))]


def _partition(groups: Groups) -> Groups:
    members = sorted(i for group in groups for i in group)
    # An empty group would be a player without updates.
    if members != list(range(len(members))) or not all(groups):
        raise InvalidGroups(f"groups {groups} do not contain each update exactly once")
    return groups
