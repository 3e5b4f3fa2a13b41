"""Replies of nodes, read as untrusted input.

Each function makes a value of one kind of reply. What it raises (:data:`.peers.UNREADABLE`) is an
error of the node that replied. Bytes are checked, not converted: ``bytes(n)`` of a number would
allocate as many zeros as a dishonest node likes.
"""

from typing import Any

from flwr.app import ConfigRecord

from collegium.errors import Oversized
from collegium.flower.peers import Read, T
from collegium.flower.supply import Lacks
from collegium.flower.wire import data
from collegium.protocol.container import decode_state
from collegium.protocol.delivery import envelope_limit
from collegium.protocol.layout import Layout
from collegium.protocol.state import State
from collegium.roles.contributor import Attestation

Seconds = tuple[float, float]
"""Seconds that a step took, and how many of them the app took."""


def attestation(record: ConfigRecord) -> Attestation:
    """A signed commitment; the coordinator verifies it before it relays it."""
    return Attestation(
        node=str(record["node"]),
        digest=data(record, "digest"),
        signature=data(record, "signature"),
        bits=int(record["bits"]),  # type: ignore[arg-type]
        size=int(record["size"]),  # type: ignore[arg-type]
    )


def findings(record: ConfigRecord) -> list[tuple[int, str]]:
    """A validator's findings: node id and code of each."""
    nodes: list[Any] = list(record["nodes"])  # type: ignore[arg-type]
    codes: list[Any] = list(record["codes"])  # type: ignore[arg-type]
    return [(int(node), str(code)) for node, code in zip(nodes, codes, strict=True)]


def signature(record: ConfigRecord) -> bytes:
    """A signature over the merge, empty from a node that objects; verified before it is relayed."""
    return data(record, "signature")


def envelope(layout: Layout) -> Read[bytes]:
    """A reader of sealed updates; it raises Oversized beyond the limit of the layout."""
    limit = envelope_limit(layout)

    def read(record: ConfigRecord) -> bytes:
        sealed = data(record, "envelope")
        if len(sealed) > limit:
            raise Oversized(
                expected=f"an envelope of at most {limit} bytes",
                found=f"{len(sealed)} bytes",
                action="Nothing to do: the update counts as not delivered.",
            )
        return sealed

    return read


def state(layout: Layout) -> Read[State]:
    """A reader of merged states, int32 ``[padded]``."""
    return lambda record: decode_state(data(record, "state"), layout)


def or_lacks(read: Read[T]) -> Read[T | Lacks]:
    """A reader of what ``read`` returns, or of the names that the node says it lacks."""

    def either(record: ConfigRecord) -> T | Lacks:
        if "lacks" not in record:
            return read(record)
        names: list[Any] = list(record["lacks"])  # type: ignore[arg-type]
        return Lacks(tuple(map(str, names)))

    return either


def timed(read: Read[T]) -> Read[tuple[T, Seconds]]:
    """A reader of what ``read`` returns, and of the times that the node declares."""

    def both(record: ConfigRecord) -> tuple[T, Seconds]:
        return read(record), (float(record["step_s"]), float(record["app_s"]))  # type: ignore[arg-type]

    return both
