"""Canonical JSON: one byte string per document, so that a digest names its meaning.

Every document that is hashed (layout, manifest, task card) is written by RFC 8785, the JSON
Canonicalization Scheme. Reading is strict: bytes that differ from the canonical form of what
they say are rejected, because two spellings of one manifest would be two updates.
"""

import json
from typing import Any

import rfc8785

from collegium.errors import NotCanonical
from collegium.protocol.nesting import check_depth

MAX_DOCUMENT = 1 << 20
"""Longest document that is parsed, in bytes."""

SAFE_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader takes exactly (RFC 8785)."""


def canonical_json(document: object) -> bytes:
    """The RFC 8785 form of ``document`` in UTF-8.

    Raises:
        NotCanonical: a value has no JSON form that every reader agrees on (NaN, an infinity,
            an integer beyond ±(2^53 - 1), a lone surrogate, a type that JSON does not have).
    """
    try:
        return rfc8785.dumps(document)  # type: ignore[arg-type]  # dumps checks the types itself
    except (ValueError, RecursionError) as error:
        raise NotCanonical(
            expected="strings, finite numbers, booleans, null, lists and objects (RFC 8785)",
            found=str(error),
            action="Write integers beyond 2^53 as decimal strings and leave out NaN.",
        ) from error


def parse_canonical(data: bytes, limit: int = MAX_DOCUMENT) -> Any:
    """Read a document of at most ``limit`` bytes that must already be canonical.

    Raises:
        NotCanonical: too long, not JSON, or not byte-identical to its own canonical form
            (which also catches duplicate keys, white space and other spellings of a number).
    """
    if len(data) > limit:
        raise NotCanonical(
            expected=f"a document of at most {limit} bytes",
            found=f"{len(data)} bytes",
            action="Reject the document; its writer does not follow the format.",
        )
    try:
        check_depth(data)
        document = json.loads(data.decode("utf-8"), parse_int=_parse_int)
    except ValueError as error:
        raise NotCanonical(
            expected="one JSON document in UTF-8",
            found=str(error),
            action="Reject the document; it was damaged or never was JSON.",
        ) from error
    if canonical_json(document) != data:
        raise NotCanonical(
            expected="the canonical form of the document (RFC 8785)",
            found="other bytes with the same meaning",
            action="Have its writer serialise it canonically before signing.",
        )
    return document


def _parse_int(digits: str) -> int | float:
    # To RFC 8785 every number is a double; Python would read 1e20, written without an exponent,
    # as an integer that the scheme then rejects. Its longest integers have 21 digits.
    if len(digits) > 32:
        raise ValueError(f"a number of {len(digits)} digits")
    value = int(digits)
    return value if abs(value) <= SAFE_INTEGER else float(value)
