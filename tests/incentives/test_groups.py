"""Groups of copies: one player, one weight, one credit."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium_incentives import InvalidGroups, exact, share, spread, weights

LIMIT = 65535


@st.composite
def partitions(draw):
    labels = draw(st.lists(st.integers(0, 4), min_size=1, max_size=10))
    groups = {label: tuple(i for i, k in enumerate(labels) if k == label) for label in labels}
    return tuple(draw(st.permutations(list(groups.values()))))


@given(partitions())
def test_every_group_weighs_the_same_and_its_members_too(groups):
    found = weights(groups, LIMIT)
    totals = {sum(found[i] for i in group) for group in groups}
    assert len(totals) == 1 and min(found) >= 1
    assert all(len({found[i] for i in group}) == 1 for group in groups)
    assert sum(found) <= LIMIT


def test_weights_are_as_great_as_the_limit_allows():
    assert weights([(0,), (1,), (2,)], 10) == [3, 3, 3]
    assert weights([(0, 2), (1,)], 10) == [2, 4, 2]
    assert weights([(0, 1), (2, 3, 4), (5,)], 20) == [3, 3, 2, 2, 2, 6]
    assert weights([], 10) == []


def test_groups_of_many_sizes_weigh_the_same_but_for_rounding():
    """Their common multiple, 5040, times nine groups is more than the merge rule can take."""
    sizes = (2, 3, 5, 7, 8, 9, 11, 13, 16)
    ends = np.cumsum((0, *sizes))
    groups = [tuple(range(a, b)) for a, b in itertools.pairwise(ends)]
    found = weights(groups, LIMIT)
    totals = [sum(found[i] for i in group) for group in groups]
    most = LIMIT // len(groups)
    assert all(most - size < total <= most for size, total in zip(sizes, totals, strict=True))


@given(partitions(), st.data())
def test_what_is_said_of_a_group_is_said_of_each_member(groups, data):
    values = data.draw(st.lists(st.integers(), min_size=len(groups), max_size=len(groups)))
    found = spread(values, groups)
    for value, group in zip(values, groups, strict=True):
        assert all(found[member] == value for member in group)


@given(partitions(), st.data())
def test_sharing_creates_and_loses_nothing(groups, data):
    values = data.draw(st.lists(st.floats(-10, 10), min_size=len(groups), max_size=len(groups)))
    parts = share(values, groups)
    for value, group in zip(values, groups, strict=True):
        assert np.isclose(sum(parts[i] for i in group), value)
        assert len({parts[i] for i in group}) == 1


@given(st.integers(1, 5))
def test_splitting_into_many_identities_earns_nothing(copies):
    """The copies together get what the one would have had; the others keep theirs."""
    gains = np.array([0.5, 0.3, 0.2])

    def utility(groups):
        whole = weights(groups, LIMIT)

        def value(amounts):
            parts = np.array([float(a) for a in spread(amounts, groups)]) * whole
            merged = np.zeros(3)
            for owner, group in enumerate(groups):
                merged[owner] = parts[list(group)].sum() / sum(whole)
            return float(np.sqrt(merged @ gains))

        return value

    alone, split = [(0,), (1,), (2,)], [(0, *range(3, 2 + copies)), (1,), (2,)]
    before = share(exact(utility(alone), 3), alone)
    after = share(exact(utility(split), 3), split)
    assert np.isclose(after[0] + sum(after[3:]), before[0])
    assert np.allclose(after[1:3], before[1:])


@pytest.mark.parametrize(
    "groups", [[(0,), (2,)], [(0, 1), (1,)], [(0,), ()], [(1,)], [(0, 0)], [(-1, 0)]]
)
def test_what_is_no_partition_is_refused(groups):
    for function in (
        lambda: weights(groups, LIMIT),
        lambda: spread([1.0] * len(groups), groups),
        lambda: share([1.0] * len(groups), groups),
    ):
        with pytest.raises(InvalidGroups):
            function()


def test_one_value_per_group_is_asked_for():
    with pytest.raises(InvalidGroups):
        share([1.0], [(0,), (1,)])
    with pytest.raises(InvalidGroups):
        spread([1.0], [(0,), (1,)])
