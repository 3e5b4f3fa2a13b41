"""What a message brings to a reader of a round. This is the node's side of :mod:`.supply`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from collegium.flower import wire
from collegium.roles import inbox
from collegium.roles.node import Node
from collegium.roles.view import RoundView


class Lacking(Exception):
    """This node has not all that the message left out; the reply names what it lacks."""

    def __init__(self, *names: str) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass(frozen=True)
class Delivery:
    """What a message brings; the rest is in the journal.

    Attributes:
        base: file of the state the round builds on, if it was sent.
        envelopes: sealed updates by node id, as far as they were sent.
        proposed: file of the proposed state, if it was sent.
        left_out: names of what the sender has and did not send.
    """

    base: bytes | None
    envelopes: dict[int, bytes]
    proposed: bytes | None
    left_out: tuple[str, ...]

    @classmethod
    def read(cls, node: Node, view: RoundView, record: Mapping[str, Any]) -> Self:
        """Read a message; raises Lacking if it left out what the journal lacks too."""
        items, left_out = wire.unpack(record)
        base, proposed = items.pop(wire.BASE, None), items.pop(wire.PROPOSED, None)
        lacks = [str(n) for n in inbox.lacking(node, view) if str(n) in left_out]
        if wire.BASE in left_out and not node.home.journal(view.id).has_state(view.base):
            lacks.append(wire.BASE)
        if lacks:
            raise Lacking(*lacks)
        envelopes = {int(number): data for number, data in items.items()}
        return cls(base, envelopes, proposed, tuple(left_out))
