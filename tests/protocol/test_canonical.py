"""Each document has one byte string: only canonical bytes are written and accepted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import NotCanonical
from collegium.protocol.canonical import canonical_json, parse_canonical

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
)
documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(documents)
def test_a_document_survives_writing_and_reading(document):
    data = canonical_json(document)
    assert parse_canonical(data) == document
    assert canonical_json(parse_canonical(data)) == data


def test_keys_are_sorted_and_numbers_have_one_form():
    document = {"b": 1.0, "a": [1e21, 1e20, -0.0, 0.1], "ü": "\u20ac\n"}
    assert canonical_json(document) == (
        '{"a":[1e+21,100000000000000000000,0,0.1],"b":1,"ü":"€\\n"}'.encode()
    )


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, b"bytes", {1, 2}, {1: 2}, "\ud800"]
)
def test_values_without_an_agreed_form_are_refused(value):
    with pytest.raises(NotCanonical):
        canonical_json({"value": value})


@pytest.mark.parametrize(
    "data",
    [
        b'{"b":1,"a":2}',  # order
        b'{"a": 1}',  # white space
        b'{"a":1}\n',
        b'{"a":1,"a":1}',  # duplicate key
        b'{"a":1.0}',  # another form of 1
        b'{"a":1E2}',
        b'{"a":-0}',
        b'{"a":"\\u0041"}',  # escaped letter
        b'{"a":9007199254740993}',  # beyond the exact integers of a double
        b'{"a":NaN}',
        b"\xff",
        b"\xef\xbb\xbf{}",  # byte order mark
        b"",
        b"{",
        b"[" * 5000,
        b"1" * 5000,
        b'"\\ud800"',
    ],
)
def test_bytes_of_any_other_form_are_refused(data):
    with pytest.raises(NotCanonical):
        parse_canonical(data)


def test_a_document_beyond_the_limit_is_not_parsed():
    data = canonical_json("x" * 10)
    assert parse_canonical(data, limit=len(data)) == "x" * 10
    with pytest.raises(NotCanonical, match="at most 11 bytes"):
        parse_canonical(data, limit=11)
