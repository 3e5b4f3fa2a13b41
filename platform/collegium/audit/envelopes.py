"""Sealed updates: what can be said of an envelope without a key."""

import json

from collegium.errors import BadContainer
from collegium.protocol.nesting import check_depth

_HEADER = 64 * 1024


def readers(envelope: bytes) -> frozenset[int]:
    """Ids of the nodes that an envelope is sealed to.

    Raises:
        BadContainer: it is no envelope.
    """
    head, _, body = envelope[: _HEADER + 1].partition(b"\n")
    try:
        check_depth(head)
        keys = json.loads(head)["keys"]
        found = frozenset(int(node) for node in keys)
    except (ValueError, TypeError, LookupError) as error:
        raise _bad(f"{type(error).__name__}: {error}") from None
    if not found or not body or not all(isinstance(value, str) for value in keys.values()):
        raise _bad("no readers or no content")
    return found


def _bad(found: str) -> BadContainer:
    return BadContainer(
        expected="an envelope: a JSON line with wrapped keys, then the ciphertext",
        found=found,
        action="Ask for the evidence again.",
    )
