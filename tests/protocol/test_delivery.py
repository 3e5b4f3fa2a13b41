"""A sealed update has one form, the same for its readers and for everyone else."""

import json

import pytest

from collegium.errors import BadContainer
from collegium.protocol.delivery import MAX_HEADER, readers, split_envelope


def envelope(keys: object, content: bytes = b"content", fill: int = 0) -> bytes:
    head = json.dumps({"version": 1, "keys": keys, "fill": "x" * fill}).encode()
    return head + b"\n" + content


def test_readers_and_content() -> None:
    made = envelope({"7": "ab", "12": "cd"}, b"line\nline")
    assert split_envelope(made) == ({"7": "ab", "12": "cd"}, b"line\nline")
    assert readers(made) == {7, 12}


def test_the_longest_line() -> None:
    fill = MAX_HEADER - len(envelope({"1": "ab"}, b"")) + 1
    assert readers(envelope({"1": "ab"}, fill=fill)) == {1}
    with pytest.raises(BadContainer, match="CG402"):
        split_envelope(envelope({"1": "ab"}, fill=fill + 1))


@pytest.mark.parametrize(
    "data",
    [b"", b"\n", b"{}\nx", b"[1]\nx", b"\xff\nx", b"[" * 60_000 + b"\nx", envelope([]),
     envelope({"1": "ab"}, b""), envelope({"1": "ab"}).replace(b"\n", b" ")],
)  # fmt: skip
def test_other_forms_are_refused(data: bytes) -> None:
    with pytest.raises(BadContainer):
        split_envelope(data)


@pytest.mark.parametrize("keys", [{}, {"one": "ab"}, {"1": 5}, {"1": None}])
def test_keys_that_name_no_reader(keys: object) -> None:
    with pytest.raises(BadContainer):
        readers(envelope(keys))
