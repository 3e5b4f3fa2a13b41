"""Amounts are exact in both directions and have one written form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.protocol.amounts import TOKEN, parse, tokens


@given(st.integers(0, 10**38 - 1))
def test_a_written_amount_is_read_back(units: int) -> None:
    assert parse(tokens(units)) == units


@pytest.mark.parametrize(
    ("text", "units"),
    [("12.5", 12 * TOKEN + TOKEN // 2), ("0", 0), ("007", 7 * TOKEN), ("0.000000000000000001", 1)],
)
def test_amounts_as_people_write_them(text: str, units: int) -> None:
    assert parse(text) == units


@pytest.mark.parametrize(
    "text",
    ["", "-1", "+1", "1e3", "1.", ".5", "1,5", "0x1", "1_000", " 1", "²", "1\n", "0." + "1" * 19],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an amount"):
        parse(text)


def test_losses_have_a_sign() -> None:
    assert tokens(-3 * TOKEN // 2) == "-1.5"
