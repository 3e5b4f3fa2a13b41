"""The newest round: what has been received, and the phase as a pure function of that and time.

No round can get stuck: every phase has a deadline, and after it anyone can carry out the pending
step. At the second of a deadline the next phase has begun.
"""

from dataclasses import dataclass, field
from enum import IntEnum

from collegium.protocol.digest import keccak
from collegium.protocol.packed import bitmap
from collegium.protocol.terms import Terms


class Phase(IntEnum):
    """Phase of a round; Draw and Settle mean that this step can be carried out now."""

    IDLE = 0
    COMMIT = 1
    DRAW = 2
    SCORE = 3
    REVEAL = 4
    SETTLE = 5
    MERGE = 6
    PROPOSED = 7
    FINAL = 8
    CANCELLED = 9


class Stage(IntEnum):
    """What has happened in a round; the phase depends on the time as well.

    The order matters: a round is live between IDLE and FINAL.
    """

    IDLE = 0
    COMMIT = 1
    SCORE = 2
    MERGE = 3
    PROPOSED = 4
    FINAL = 5
    CANCELLED = 6


@dataclass(frozen=True)
class Status:
    """Phase at a time.

    Attributes:
        deadline: Unix time at which the phase ends; 0 if it has no end.
        cancellable: the deadline has passed and too few took part: ``advance`` cancels.
    """

    phase: Phase
    deadline: int = 0
    cancellable: bool = False


@dataclass
class Round:
    """One round as the chain records it.

    Attributes:
        deadline: end of the stage; of SCORE the end of scoring, not of revealing.
        members: node id by seat, of all that take part.
        updates: (node id, digest) in commit order.
        committee: node id by slot.
        aggregator, proposer: node ids; 0 before there is one.
        seals, scores: by slot, what was sealed and what was revealed.
        attested: slots that signed the proposed merge.
        rejected: ids of the nodes whose proposals were rejected, in order.
        outcome: hash over the accepted (uint16 id, bytes32 digest, uint16 weight).
        proposal: proposed state root.
    """

    id: int = 0
    stage: Stage = Stage.IDLE
    deadline: int = 0
    members: dict[int, int] = field(default_factory=dict)
    updates: list[tuple[int, bytes]] = field(default_factory=list)
    committee: list[int] = field(default_factory=list)
    aggregator: int = 0
    seals: dict[int, bytes] = field(default_factory=dict)
    scores: dict[int, bytes] = field(default_factory=dict)
    attested: set[int] = field(default_factory=set)
    outcome: bytes = bytes(32)
    proposer: int = 0
    proposal: bytes = bytes(32)
    rejected: list[int] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Whether the round is under way, even if it can be cancelled now."""
        return Stage.IDLE < self.stage < Stage.FINAL

    @property
    def accumulator(self) -> bytes:
        """Hash chain over the commitments: ``a' = keccak256(a ‖ uint16 id ‖ digest)``."""
        value = self.id.to_bytes(32, "big")
        for node, digest in self.updates:
            value = keccak(value + node.to_bytes(2, "big") + digest)
        return value

    def committed(self, node: int) -> bool:
        """Whether the node has committed to an update."""
        return any(node == id for id, _ in self.updates)

    def status(self, terms: Terms, time: int) -> Status:
        """The phase at ``time``."""
        match self.stage:
            case Stage.COMMIT:
                return self._committing(terms, time)
            case Stage.SCORE:
                return self._scoring(terms, time)
            case Stage.MERGE:
                return Status(Phase.MERGE, self.deadline)
            case Stage.PROPOSED:
                return Status(Phase.PROPOSED, self.deadline)
            case _:
                return Status(Phase[self.stage.name])

    def view(self, terms: Terms, time: int) -> dict[str, int | bytes | bool]:
        """What ``round()`` of the contract returns in a block at ``time``."""
        status = self.status(terms, time)
        seats = {node: seat for seat, node in self.members.items()}
        return {
            "id": self.id,
            "phase": int(status.phase),
            "cancellable": status.cancellable,
            "deadline": status.deadline,
            "members": bitmap(self.members),
            "committed": bitmap(seats[node] for node, _ in self.updates),
            "updates": len(self.updates),
            "accumulator": self.accumulator if self.id else bytes(32),
            "aggregator": self.aggregator,
            "sealedSlots": bitmap(self.seals),
            "revealedSlots": bitmap(self.scores),
            "attestedSlots": bitmap(self.attested),
            "outcome": self.outcome,
            "proposer": self.proposer,
            "proposal": self.proposal,
            "rejected": len(self.rejected),
        }

    def _committing(self, terms: Terms, time: int) -> Status:
        over = time >= self.deadline
        if over and len(self.updates) >= terms.min_updates:
            return Status(Phase.DRAW)
        return Status(Phase.COMMIT, self.deadline, cancellable=over)

    def _scoring(self, terms: Terms, time: int) -> Status:
        if time < self.deadline:
            return Status(Phase.SCORE, self.deadline)
        if len(self.seals) < terms.quorum:
            return Status(Phase.SCORE, self.deadline, cancellable=True)
        end = self.deadline + terms.reveal_window
        over, enough = time >= end, len(self.scores) >= terms.quorum
        if len(self.scores) == len(self.seals) or (over and enough):
            return Status(Phase.SETTLE)
        return Status(Phase.REVEAL, end, cancellable=over)
