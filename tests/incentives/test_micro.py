"""Scores as integers: rounded, clamped, and never the mark of an invalid update."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium_incentives import to_micro
from collegium_incentives.micro import HIGHEST, LOWEST


@given(st.lists(st.floats(allow_nan=False), max_size=5))
def test_scores_fit_and_are_never_invalid(values):
    assert all(type(score) is int and -(2**31) < score < 2**31 for score in to_micro(values))


@given(st.floats(-2000, 2000))
def test_the_error_is_half_a_millionth(value):
    assert abs(to_micro([value])[0] - value * 1e6) <= 0.5


def test_rounding_and_clamping():
    assert to_micro([0.0000005, 0.0000015, -0.0000006]) == [0, 2, -1]
    assert to_micro([1e9, -1e9, float("inf"), -float("inf")]) == [HIGHEST, LOWEST] * 2
    assert LOWEST == -(2**31) + 1


def test_no_score_is_made_of_nan():
    with pytest.raises(ValueError, match="numbers"):
        to_micro([0.1, float("nan")])
