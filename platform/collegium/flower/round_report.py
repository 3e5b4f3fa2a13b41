"""What the server saw of a round: times, replies, disputes, and the final state."""

from dataclasses import dataclass, field

from collegium.chain.history import Rejection
from collegium.roles.contributor import Attestation


@dataclass
class RoundReport:
    """What the server saw of one round.

    Attributes:
        round: number of the round on the chain.
        phase_s: wall seconds by phase; phases do not overlap.
        step_s: seconds that nodes spent on a step (``update``, ``vote``), added up over them.
        app_s: the part of ``step_s`` that was the app's own training and evaluation.
        attestations: by node id.
        findings: codes that any validator reported, by node id.
        errors: a sentence for each reply that was not a result.
        bytes_up: bytes of the updates as delivered.
        bytes_down: bytes of states and updates that went out to nodes, training included.
        disputes: proposals of this round that were disproved on the chain.
        state_root: root the round ended on, or None if it was cancelled.
    """

    round: int
    phase_s: dict[str, float] = field(default_factory=dict)
    step_s: dict[str, float] = field(default_factory=dict)
    app_s: dict[str, float] = field(default_factory=dict)
    attestations: dict[int, Attestation] = field(default_factory=dict)
    findings: dict[int, set[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    disputes: list[Rejection] = field(default_factory=list)
    bytes_up: int = 0
    bytes_down: int = 0
    state_root: bytes | None = None

    def work_s(self) -> float:
        """Wall seconds of training and scoring alone: what a round would take without evidence.

        A phase's wall seconds, times the part of the nodes' seconds that was the app's.
        """
        return sum(
            self.phase_s.get(phase, 0.0) * self.app_s.get(step, 0.0) / self.step_s[step]
            for phase, step in (("Train", "update"), ("Score", "vote"))
            if self.step_s.get(step)
        )

    def trust_s(self) -> float:
        """Wall seconds of everything else: the cost of evidence."""
        return sum(self.phase_s.values()) - self.work_s()
