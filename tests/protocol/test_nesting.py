"""Deep nesting is refused before a parser recurses into it."""

import tracemalloc

import pytest

from collegium.errors import NotCanonical
from collegium.protocol.canonical import parse_canonical
from collegium.protocol.nesting import MAX_DEPTH, check_depth


def test_brackets_in_text_are_not_nesting() -> None:
    check_depth(b'["' + b"[" * 1000 + b'\\"[[[", "\\\\", {"' + b"{" * 1000 + b'": 1}]')
    check_depth(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    check_depth(b"[]" * 1000)


@pytest.mark.parametrize("start", [b"", b'"\\\\"'])
def test_deep_nesting_is_refused(start: bytes) -> None:
    with pytest.raises(ValueError, match="levels"):
        check_depth(start + b"[" * (MAX_DEPTH + 1))


def test_documents_are_checked_before_they_are_parsed() -> None:
    with pytest.raises(NotCanonical, match="levels"):
        parse_canonical(b"[" * 500_000)


def test_a_long_string_of_escapes_takes_no_memory() -> None:
    """A zip file of 256 kB can contain a line of 256 MB like this one."""
    text = b'"' + b"\\\\" * 1_000_000 + b'"'
    tracemalloc.start()
    try:
        check_depth(text)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 2 * len(text)
