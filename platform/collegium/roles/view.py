"""What a role reads from the chain before it acts: one call, and the events."""

from dataclasses import dataclass, field

from collegium.chain import history
from collegium.chain.federation import Federation
from collegium.chain.views import Node as Registered
from collegium.errors import RoundFailed


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
        cancellable: the deadline has passed and too few took part.
        deadline: Unix time at which the phase ends; 0 if it has no end.
        base: state root that updates build on (32 bytes).
        members: ids of the nodes that can commit.
        updates: the commitments, in order.
        medians, weights: micro-nats and merge weight of each update, in the same order; empty
            before settlement.
        committee: node ids by slot; empty before the draw.
        seed: of the draw of this committee (32 bytes); empty before it.
        aggregator: node id; 0 before the draw.
        proposer: node id; 0 if there is no proposal.
        proposal: state root proposed as the merge (32 bytes); zero if there is none.
        barred: ids of nodes whose proposal was rejected in this round.
        bonded: ids of nodes whose stake covers the penalty for a disproved merge.
        sealed, revealed, attested: slots that have done so.
        nodes: all nodes ever registered, by id, with the keys that are valid in this round.
    """

    id: int
    phase: str
    cancellable: bool
    deadline: int
    base: bytes
    members: tuple[int, ...]
    updates: tuple[Committed, ...]
    medians: tuple[int, ...]
    weights: tuple[int, ...]
    committee: tuple[int, ...]
    seed: bytes
    aggregator: int
    proposer: int
    proposal: bytes
    barred: frozenset[int]
    bonded: frozenset[int]
    sealed: frozenset[int]
    revealed: frozenset[int]
    attested: frozenset[int]
    nodes: dict[int, Registered] = field(repr=False)

    @property
    def live(self) -> bool:
        """Whether the round is under way."""
        return self.phase not in ("Idle", "Final", "Cancelled")

    def slot(self, node: int) -> int | None:
        """The committee slot of a node, if it was drawn."""
        return self.committee.index(node) if node in self.committee else None

    def committed(self, node: int) -> Committed | None:
        """The commitment of a node, if there is one."""
        return next((update for update in self.updates if update.node == node), None)

    def readers(self) -> frozenset[int]:
        """Nodes that can open the updates: the committee, and the aggregator that merges them."""
        return frozenset((*self.committee, self.aggregator))

    def candidates(self) -> tuple[int, ...]:
        """Nodes that have the updates and are allowed to propose a merge, the aggregator first."""
        able = dict.fromkeys((self.aggregator, *self.committee))
        return tuple(n for n in able if n in self.bonded and n not in self.barred)

    def expect(self, *phases: str) -> None:
        """Raise RoundFailed unless the round is in one of ``phases``."""
        if self.phase not in phases:
            raise RoundFailed(
                expected=f"round {self.id} in phase {' or '.join(phases)}",
                found=f"phase {self.phase}",
                action="Look at `collegium round status`; the step is too early or too late.",
            )


def read_round(federation: Federation) -> RoundView:
    """The newest round as it is on the chain now."""
    newest, events = federation.round(), federation.events()
    drawn = history.drawn(events, newest.id)
    settled = history.settled(events, newest.id)
    committee = drawn.committee if drawn else ()
    nodes = history.nodes(events, max(newest.id, 1))  # before any round, as of the first one
    stakes, bond = history.stakes(events), federation.bond

    def slots(bitmap: int) -> frozenset[int]:
        return frozenset(i for i in range(len(committee)) if bitmap >> i & 1)

    return RoundView(
        id=newest.id,
        phase=newest.phase.name.title(),
        cancellable=newest.cancellable,
        deadline=newest.deadline,
        base=history.base_of(events, newest.id) or federation.state_root(),
        members=tuple(n.id for n in nodes.values() if n.active_in(newest.id)),
        updates=tuple(Committed(*update) for update in history.updates(events, newest.id)),
        medians=settled.medians if settled else (),
        weights=settled.weights if settled else (),
        committee=committee,
        seed=drawn.seed if drawn else b"",
        aggregator=newest.aggregator,
        proposer=newest.proposer,
        proposal=newest.proposal,
        barred=frozenset(r.proposer for r in history.rejections(events, newest.id)),
        bonded=frozenset(n for n in nodes if stakes.get(n, 0) >= bond),
        sealed=slots(newest.sealed_slots),
        revealed=slots(newest.revealed_slots),
        attested=slots(newest.attested_slots),
        nodes=nodes,
    )
