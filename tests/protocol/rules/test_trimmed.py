"""The trimmed mean: exact, independent of order, and safe from as many liars as it leaves out."""

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
    """The mean as a fraction, after removing the lowest and highest values one by one."""
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
def test_it_is_the_mean_without_the_extremes(rows, trim):
    assert moved(Trimmed(trim), rows) == reference(rows, trim)


@given(rows, trims)
def test_the_judge_computes_the_same_independently(rows, trim):
    assert Trimmed(trim).block(rows, [1] * len(rows)) == moved(Trimmed(trim), rows)


@given(rows, trims, st.randoms())
def test_order_does_not_matter(rows, trim, random):
    assert moved(Trimmed(trim), random.sample(rows, len(rows))) == moved(Trimmed(trim), rows)


@given(rows, trims, st.data())
def test_all_updates_with_weight_count_equally_and_others_not_at_all(rows, trim, data):
    weights = data.draw(
        st.lists(st.integers(0, 9), min_size=len(rows), max_size=len(rows)).filter(any)
    )
    there = [row for row, weight in zip(rows, weights, strict=True) if weight]
    rule = Trimmed(trim)
    assert moved(rule, rows, weights) == moved(rule, there) == rule.block(rows, weights)


@given(st.integers(1, 4), st.data())
def test_as_many_liars_as_are_left_out_cannot_move_it_out_of_the_honest_range(trim, data):
    honest = data.draw(st.lists(row, min_size=trim + 1, max_size=8))
    liars = data.draw(st.lists(row, min_size=0, max_size=trim))
    found = moved(Trimmed(trim), honest + liars)
    if len(honest + liars) > 2 * trim:
        for value, values in zip(found, zip(*honest, strict=True), strict=True):
            assert min(values) <= value <= max(values)


def test_of_too_few_updates_one_or_two_remain():
    """This is the median: of three rows the middle one remains, of four the middle two."""
    assert moved(Trimmed(5), [[7]]) == [7]
    assert moved(Trimmed(5), [[7], [10]]) == [9]
    assert moved(Trimmed(5), [[7], [10], [-900]]) == [7]
    assert moved(Trimmed(5), [[7], [10], [-900], [900]]) == [9]


def test_halves_round_up():
    assert moved(Trimmed(1), [[-9], [-2], [-1], [9]]) == [-1]
    assert moved(Trimmed(1), [[-9], [1], [2], [9]]) == [2]


def test_the_largest_round_fits_int64():
    extreme = [[127 << 24], [-(127 << 24)]] * 128
    assert moved(Trimmed(127), extreme) == [0]
    assert moved(Trimmed(1), extreme) == [0]


def test_arguments_are_not_changed():
    given_ = np.arange(12, dtype=np.int64).reshape(4, 3)
    before = given_.copy()
    Trimmed(1).moved(given_, [1] * 4)
    assert np.array_equal(given_, before)


def test_it_is_not_linear():
    assert MEAN.linear and not Trimmed(1).linear
    assert merge_rule(1, 3) == Trimmed(3)


@pytest.mark.parametrize("trim", [0, 128, -1, True, "1"])
def test_a_trim_out_of_range_is_refused(terms, trim):
    from dataclasses import replace

    assert replace(terms, merge_rule=1, merge_parameter=127).merging == Trimmed(127)
    with pytest.raises(BadCard, match="trim"):
        replace(terms, merge_rule=1, merge_parameter=trim)
