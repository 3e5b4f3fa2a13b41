"""The trimmed mean: exact, free of order, and out of reach of as many liars as it leaves out."""

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadCard
from collegium.protocol.rules.merging import MEAN, Trimmed, merge_rule

LANES = 16
lane = st.integers(-(127 << 24), 127 << 24)
row = st.lists(lane, min_size=LANES, max_size=LANES)
rows = st.lists(row, min_size=1, max_size=12)
trims = st.integers(1, 7)


def moved(rule, rows, weights=None):
    return rule.moved(np.array(rows, np.int64), weights or [1] * len(rows)).tolist()


def reference(rows, trim):
    """With fractions, by taking the lowest and the highest away one after the other."""
    found = []
    for values in zip(*rows, strict=True):
        left = list(values)
        for _ in range(trim):
            if len(left) > 2:
                left.remove(min(left))
                left.remove(max(left))
        found.append(floor(Fraction(sum(left), len(left)) + Fraction(1, 2)))
    return found


@given(rows, trims)
def test_it_is_what_remains_without_the_extremes(rows, trim):
    assert moved(Trimmed(trim), rows) == reference(rows, trim)


@given(rows, trims)
def test_the_judge_computes_the_same_apart(rows, trim):
    assert Trimmed(trim).block(rows, [1] * len(rows)) == moved(Trimmed(trim), rows)


@given(rows, trims, st.randoms())
def test_order_does_not_matter(rows, trim, random):
    assert moved(Trimmed(trim), random.sample(rows, len(rows))) == moved(Trimmed(trim), rows)


@given(rows, trims, st.data())
def test_all_that_weigh_something_count_alike_and_the_others_not_at_all(rows, trim, data):
    weights = data.draw(
        st.lists(st.integers(0, 9), min_size=len(rows), max_size=len(rows)).filter(any)
    )
    there = [row for row, weight in zip(rows, weights, strict=True) if weight]
    rule = Trimmed(trim)
    assert moved(rule, rows, weights) == moved(rule, there) == rule.block(rows, weights)


@given(st.integers(1, 4), st.data())
def test_as_many_liars_as_are_left_out_cannot_leave_the_range_of_the_honest(trim, data):
    honest = data.draw(st.lists(row, min_size=trim + 1, max_size=8))
    liars = data.draw(st.lists(row, min_size=0, max_size=trim))
    found = moved(Trimmed(trim), honest + liars)
    if len(honest + liars) > 2 * trim:
        for value, values in zip(found, zip(*honest, strict=True), strict=True):
            assert min(values) <= value <= max(values)


def test_where_too_few_are_there_one_or_two_remain():
    """The median, then: three rows leave the middle one, four the middle two."""
    assert moved(Trimmed(5), [[7]]) == [7]
    assert moved(Trimmed(5), [[7], [10]]) == [9]
    assert moved(Trimmed(5), [[7], [10], [-900]]) == [7]
    assert moved(Trimmed(5), [[7], [10], [-900], [900]]) == [9]


def test_halves_round_up():
    assert moved(Trimmed(1), [[-9], [-2], [-1], [9]]) == [-1]
    assert moved(Trimmed(1), [[-9], [1], [2], [9]]) == [2]


def test_the_largest_round_stays_inside_int64():
    extreme = [[127 << 24], [-(127 << 24)]] * 128
    assert moved(Trimmed(127), extreme) == [0]
    assert moved(Trimmed(1), extreme) == [0]


def test_arguments_are_left_as_they_were():
    given_ = np.arange(12, dtype=np.int64).reshape(4, 3)
    before = given_.copy()
    Trimmed(1).moved(given_, [1] * 4)
    assert np.array_equal(given_, before)


def test_it_is_not_linear():
    assert MEAN.linear and not Trimmed(1).linear
    assert merge_rule(1, 3) == Trimmed(3)


@pytest.mark.parametrize("trim", [0, 128, -1, True, "1"])
def test_a_trim_out_of_range_is_no_term(terms, trim):
    from dataclasses import replace

    assert replace(terms, merge_rule=1, merge_parameter=127).merging == Trimmed(127)
    with pytest.raises(BadCard, match="trim"):
        replace(terms, merge_rule=1, merge_parameter=trim)
