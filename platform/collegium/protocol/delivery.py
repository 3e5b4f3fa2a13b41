"""Files in transit: the largest sizes accepted, and the form of a sealed update.

A sealed update is one JSON line, ``{"version": 1, "keys": {…}}`` with the content key wrapped for
each reader (hex, by node id), then the ciphertext. This module splits it into its parts;
``collegium.store.sealed`` opens it.
"""

import json
from typing import Any

from collegium.errors import BadContainer
from collegium.protocol.layout import Layout
from collegium.protocol.nesting import check_depth

MAX_HEADER = 64 * 1024
"""Most bytes of the JSON line: a wrapped key is 200 bytes per reader, 256 readers at most."""
_BESIDES_LANES = 64 * 1024  # manifest, signature and tensor names, generously


def update_limit(layout: Layout) -> int:
    """Largest accepted size of an update file of this layout, in bytes."""
    # At 8 bits, one byte for each lane and one for the exponent of each block.
    return layout.padded + layout.blocks + _BESIDES_LANES


def envelope_limit(layout: Layout) -> int:
    """Largest accepted size of a sealed update of this layout, in bytes."""
    return update_limit(layout) + MAX_HEADER


def state_limit(layout: Layout) -> int:
    """Largest accepted size of a state file of this layout, in bytes."""
    return 4 * layout.padded + _BESIDES_LANES


def split_envelope(envelope: bytes) -> tuple[dict[str, Any], bytes]:
    """The wrapped keys (hex text, by node id as text) and the ciphertext.

    Raises:
        BadContainer: it has another form.
    """
    # One byte more than the header, for its line end.
    head, line_end, _ = envelope[: MAX_HEADER + 1].partition(b"\n")
    body = envelope[len(head) + 1 :]
    try:
        check_depth(head)
        keys = json.loads(head)["keys"]
    except (ValueError, TypeError, LookupError) as error:
        raise _bad(f"{type(error).__name__}: {error}") from None
    if not isinstance(keys, dict) or not line_end or not body:
        raise _bad("no readers or no content")
    return keys, body


def readers(envelope: bytes) -> frozenset[int]:
    """Ids of the nodes that an envelope is sealed to.

    Raises:
        BadContainer: it is not an envelope.
    """
    keys, _ = split_envelope(envelope)
    try:
        found = frozenset(int(node) for node in keys)
    except ValueError as error:
        raise _bad(f"{type(error).__name__}: {error}") from None
    if not found or not all(isinstance(value, str) for value in keys.values()):
        raise _bad("no readers")
    return found


def _bad(found: str) -> BadContainer:
    return BadContainer(
        expected="an envelope: a JSON line with wrapped keys, then the ciphertext",
        found=found,
        action="Score the update as invalid, or ask for the evidence again.",
    )
