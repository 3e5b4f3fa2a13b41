"""Groups of copies: one player, one weight, one credit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium_incentives import InvalidGroups, exact, present, share, weights


@st.composite
def partitions(draw):
    labels = draw(st.lists(st.integers(0, 4), min_size=1, max_size=10))
    groups = {label: tuple(i for i, k in enumerate(labels) if k == label) for label in labels}
    return tuple(draw(st.permutations(list(groups.values()))))


@given(partitions())
def test_every_group_weighs_the_same_and_its_members_too(groups):
    found = weights(groups)
    totals = {sum(found[i] for i in group) for group in groups}
    assert len(totals) == 1 and min(found) >= 1
    assert all(len({found[i] for i in group}) == 1 for group in groups)
    assert sum(found) <= 65535


def test_without_copies_every_update_weighs_one():
    assert weights([(0,), (1,), (2,)]) == [1, 1, 1]
    assert weights([(0, 2), (1,)]) == [1, 2, 1]
    assert weights([(0, 1), (2, 3, 4), (5,)]) == [3, 3, 2, 2, 2, 6]


@given(partitions(), st.data())
def test_a_group_is_present_as_a_whole(groups, data):
    mask = data.draw(st.integers(0, (1 << len(groups)) - 1))
    flags = present(mask, groups)
    for i, group in enumerate(groups):
        assert all(flags[member] == bool(mask >> i & 1) for member in group)


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
        def value(mask):
            flags = np.array(present(mask, groups)) * weights(groups)
            merged = np.zeros(3)
            for owner, group in enumerate(groups):
                merged[owner] = flags[list(group)].sum() / sum(weights(groups))
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
        lambda: weights(groups),
        lambda: present(1, groups),
        lambda: share([1.0] * len(groups), groups),
    ):
        with pytest.raises(InvalidGroups):
            function()


def test_one_value_per_group_is_asked_for():
    with pytest.raises(InvalidGroups):
        share([1.0], [(0,), (1,)])
