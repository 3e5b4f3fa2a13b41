"""What a role reads from the chain before it acts: one call and one look at the events."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from collegium.chain import history
from collegium.chain.federation import Federation
from collegium.chain.receipts import Event
from collegium.chain.views import Node as Registered
from collegium.errors import RoundFailed

FOREVER = 2**32 - 1  # as the contract writes it for nodes that are not revoked


@dataclass(frozen=True)
class Committed:
    """One update of a round: the id of its node and the digest it committed to (32 bytes)."""

    node: int
    digest: bytes


@dataclass(frozen=True)
class RoundView:
    """The newest round at one moment.

    Attributes:
        id: number of the round.
        phase: name of its phase, as in the contract.
        cancellable: the phase is over and too few took part.
        deadline: Unix time at which the phase ends, 0 if nothing is waited for.
        base: state root that updates build on (32 bytes).
        members: ids of the nodes that may commit.
        updates: what was committed, in order.
        weights: merge weight of each update, in the same order; empty before settlement.
        committee: node ids by slot; empty before the draw.
        aggregator: node id; 0 before the draw.
        proposal: state root proposed as the merge (32 bytes); zero before it.
        sealed, revealed, attested: slots that have done so.
        nodes: all nodes ever registered, by id.
    """

    id: int
    phase: str
    cancellable: bool
    deadline: int
    base: bytes
    members: tuple[int, ...]
    updates: tuple[Committed, ...]
    weights: tuple[int, ...]
    committee: tuple[int, ...]
    aggregator: int
    proposal: bytes
    sealed: frozenset[int]
    revealed: frozenset[int]
    attested: frozenset[int]
    nodes: dict[int, Registered] = field(repr=False)

    @property
    def live(self) -> bool:
        return self.phase not in ("Idle", "Final", "Cancelled")

    def slot(self, node: int) -> int | None:
        """The committee slot of a node, if it was drawn."""
        return self.committee.index(node) if node in self.committee else None

    def committed(self, node: int) -> Committed | None:
        """What a node committed to, if anything."""
        return next((update for update in self.updates if update.node == node), None)

    def readers(self) -> frozenset[int]:
        """Nodes that may see the updates: the committee, and the aggregator that merges them."""
        return frozenset((*self.committee, self.aggregator))

    def expect(self, *phases: str) -> None:
        """Raise RoundFailed unless the round is in one of ``phases``."""
        if self.phase not in phases:
            raise RoundFailed(
                expected=f"round {self.id} in phase {' or '.join(phases)}",
                found=f"phase {self.phase}",
                action="Look at `collegium round status`; the step is too early or too late.",
            )


def read_round(federation: Federation) -> RoundView:
    """The newest round as it stands now."""
    found, events = federation.round(), federation.events()
    drawn = history.drawn(events, found.id)
    settled = history.settled(events, found.id)
    committee = drawn.committee if drawn else ()
    nodes = registry(events)

    def slots(bitmap: int) -> frozenset[int]:
        return frozenset(i for i in range(len(committee)) if bitmap >> i & 1)

    return RoundView(
        id=found.id,
        phase=found.phase.name.title(),
        cancellable=found.cancellable,
        deadline=found.deadline,
        base=history.base_of(events, found.id) or federation.state_root(),
        members=tuple(n.id for n in nodes.values() if n.active_in(found.id)),
        updates=tuple(Committed(*update) for update in history.updates(events, found.id)),
        weights=settled.weights if settled else (),
        committee=committee,
        aggregator=found.aggregator,
        proposal=found.proposal,
        sealed=slots(found.sealed_slots),
        revealed=slots(found.revealed_slots),
        attested=slots(found.attested_slots),
        nodes=nodes,
    )


def registry(events: Iterable[Event]) -> dict[int, Registered]:
    """All nodes ever registered, by id, from the federation's events."""
    nodes: dict[int, Registered] = {}
    for event in events:
        if event.name == "NodeRegistered":
            nodes[event["id"]] = Registered(
                id=event["id"],
                account=event["account"],
                signer=event["signer"],
                seat=event["seat"],
                active_from=event["activeFrom"],
                active_until=FOREVER,
                encryption_key=event["encryptionKey"],
                transport_key=event["transportKey"],
            )
        elif event.name == "NodeRevoked":
            revoked = nodes[event["id"]]
            nodes[event["id"]] = replace(revoked, active_until=event["activeUntil"])
    return nodes
