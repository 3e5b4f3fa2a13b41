"""What a message delivers to a reader of the updates: the node's side of :mod:`.supply`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from collegium.flower import wire
from collegium.roles import inbox
from collegium.roles.node import Node
from collegium.roles.view import RoundView


class Lacking(Exception):
    """The node lacks some of what the message left out; the reply lists the missing names."""

    def __init__(self, *names: str) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass(frozen=True)
class Delivery:
    """The content of a message; the rest is in the journal.

    Attributes:
        base: file of the state that the round builds on, if it was sent.
        envelopes: those sealed updates that were sent, by node id.
        proposed: file of the proposed state, if it was sent.
        left_out: names of items that the sender has and did not send.
    """

    base: bytes | None
    envelopes: dict[int, bytes]
    proposed: bytes | None
    left_out: tuple[str, ...]

    @classmethod
    def read(cls, node: Node, view: RoundView, record: Mapping[str, Any]) -> Self:
        """Read a message; raises Lacking if it left out something that the journal lacks too."""
        items, left_out = wire.unpack(record)
        base, proposed = items.pop(wire.BASE, None), items.pop(wire.PROPOSED, None)
        lacks = [str(n) for n in inbox.lacking(node, view) if str(n) in left_out]
        if wire.BASE in left_out and not node.home.journal(view.id).has_state(view.base):
            lacks.append(wire.BASE)
        if lacks:
            raise Lacking(*lacks)
        envelopes = {int(number): data for number, data in items.items()}
        return cls(base, envelopes, proposed, tuple(left_out))
