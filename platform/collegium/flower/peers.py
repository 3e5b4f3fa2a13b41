"""The registered nodes behind a Flower grid, and their replies.

A reply counts as that of the node that was asked, whatever it says about itself. A reply that
cannot be read is an error of that node alone: no node can reply for another or stop the round.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flwr.app import ConfigRecord, Message
from flwr.serverapp import Grid

from collegium.errors import CollegiumError
from collegium.flower import wire
from collegium.protocol.signing import Domain
from collegium.roles import greeting
from collegium.roles.view import RoundView

T = TypeVar("T")
Read = Callable[[ConfigRecord], T]
"""Makes a value of an untrusted record; can raise what :data:`UNREADABLE` lists."""

UNREADABLE = (CollegiumError, LookupError, TypeError, ValueError, ArithmeticError)
"""Errors that an untrusted record can cause; any other one is a fault of the server itself."""
_GREETING_S = 60.0  # a greeting needs no work; a node that takes longer is asked again later


@dataclass
class Peers:
    """Which registered node is behind which Flower node of a grid.

    Attributes:
        domain: chain and contract that the nodes are registered with.
        on_error: called with a sentence for every reply that cannot be read.
        addresses: Flower node id by registered node id.
    """

    domain: Domain
    on_error: Callable[[str], None]
    addresses: dict[int, int] = field(default_factory=dict)

    def greet(self, grid: Grid, view: RoundView) -> None:
        """Let every Flower node that is not known yet prove which registered node it is."""
        unknown = sorted(set(grid.get_node_ids()) - set(self.addresses.values()))
        asked = {peer: greeting.challenge() for peer in unknown}
        requests = [wire.request(wire.HELLO, p, view.id, challenge=c) for p, c in asked.items()]
        if not requests:
            return
        for message in grid.send_and_receive(messages=requests, timeout=_GREETING_S):
            peer = message.metadata.src_node_id

            # The default binds this peer: a later one must not change an earlier reader.
            def read(record: ConfigRecord, peer: int = peer) -> int:
                number, signature = int(record["node"]), wire.data(record, "signature")  # type: ignore[arg-type]
                greeting.verify(self.domain, view, number, asked[peer], peer, signature)
                return number

            for number in self._values(message, f"Flower node {peer}", read):
                self.addresses[number] = peer

    def ask(
        self,
        grid: Grid,
        step: str,
        view: RoundView,
        nodes: Iterable[int],
        read: Read[T],
        fields: Callable[[int], Mapping[str, Any]],
        timeout: float | None,
    ) -> list[tuple[int, T]]:
        """Ask some nodes for one step.

        Args:
            read: makes a value of a reply.
            fields: of the request to each node, by its id.
            timeout: seconds to wait for all of them.

        Returns:
            Values by the id of the node that was asked, in the order of the replies.
        """
        present = [node for node in nodes if node in self.addresses]
        requests = [
            wire.request(step, self.addresses[node], view.id, **fields(node)) for node in present
        ]
        return list(self.read(grid.send_and_receive(messages=requests, timeout=timeout), read))

    def read(self, replies: Iterable[Message], read: Read[T]) -> Iterator[tuple[int, T]]:
        """The values of replies that can be read, by node id; the others go to ``on_error``."""
        numbers = {peer: number for number, peer in self.addresses.items()}
        for message in replies:
            number = numbers.get(message.metadata.src_node_id)
            if number is not None:
                for value in self._values(message, f"node {number}", read):
                    yield number, value

    def _values(self, message: Message, who: str, read: Read[T]) -> Iterator[T]:
        """The value of one reply, or none."""
        record = wire.fields(message)
        if record is None:
            reason = message.error.reason if message.has_error() else "no attestation"
            self.on_error(f"{who}: {reason}")
            return
        try:
            yield read(record)
        except UNREADABLE as error:
            self.on_error(f"{who}: unreadable reply: {type(error).__name__}: {error}")
