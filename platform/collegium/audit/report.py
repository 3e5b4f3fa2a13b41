"""The result of an audit, as data: verdict, checks, findings, rounds, money, what is unchecked."""

from dataclasses import asdict, dataclass
from typing import Any

from collegium.audit.money import Money
from collegium.audit.trail import CODES, Finding, Note, Unchecked


@dataclass(frozen=True)
class UpdateRow:
    """One update of a round.

    Attributes:
        node: id.
        digest: what was committed (hex).
        phi: contribution in micro-nats; None if it is INVALID or not settled.
        accepted: None before settlement.
        weight, paid: merge weight and token units.
        codes: findings of the checks; empty if there are none or it is sealed.
        opened: whether its content was checked.
        bits: code width; None if it is sealed.
    """

    node: int
    digest: str
    phi: int | None
    accepted: bool | None
    weight: int
    paid: int
    codes: tuple[str, ...]
    opened: bool
    bits: int | None


@dataclass(frozen=True)
class RejectedRow:
    """A proposed merge that fell.

    Attributes:
        proposer: node id.
        root: what it proposed (hex).
        exact: whether it was the exact merge; None if that could not be recomputed.
        challenger: address of who disproved it; None if too few had signed it in time.
        leaf, block: where it was shown to be wrong; None if it was not disproved.
        gas: of the transaction that ended it.
    """

    proposer: int
    root: str
    exact: bool | None
    challenger: str | None
    leaf: int | None
    block: int | None
    gas: int


@dataclass(frozen=True)
class PenaltyRow:
    """Stake that a node lost: for what, how much (token units), and who proved it, if anybody."""

    round: int
    node: int
    offence: str
    amount: int
    reporter: str | None

    def to_json(self) -> dict[str, Any]:
        return asdict(self) | {"amount": str(self.amount)}


@dataclass(frozen=True)
class RoundRow:
    """One round.

    Attributes:
        id: number.
        phase: how the round stands: Final, Cancelled, or the stage it is in.
        opened: block that opened it.
        time: Unix time of that block.
        base, root: state roots at its start and end (hex); root is None unless final.
        committee: node ids by slot.
        validator_pays: token units by slot.
        aggregator, proposer: node ids; 0 if there is none.
        aggregator_paid: token units.
        merge: ``exact`` if it was recomputed and is equal, ``wrong`` if it differs, ``unchecked``
            if it could not be recomputed, ``abandoned`` if the round ended on its base for want of
            a merge that stood, ``none`` if there was nothing to merge.
        rejected: proposals that fell.
        gas: of all its transactions.
        updates: in commit order.
    """

    id: int
    phase: str
    opened: int
    time: int
    base: str
    root: str | None
    committee: tuple[int, ...]
    validator_pays: tuple[int, ...]
    aggregator: int
    proposer: int
    aggregator_paid: int
    merge: str
    rejected: tuple[RejectedRow, ...]
    gas: int
    updates: tuple[UpdateRow, ...]

    def to_json(self) -> dict[str, Any]:
        """Amounts as decimal strings."""
        fields = asdict(self)
        fields["aggregator_paid"] = str(self.aggregator_paid)
        fields["validator_pays"] = [str(pay) for pay in self.validator_pays]
        for row in fields["updates"]:
            row["paid"] = str(row["paid"])
        return fields


@dataclass(frozen=True)
class Subject:
    """What was audited.

    Attributes:
        source: where the evidence came from.
        name: title on the task card; None if the card cannot be read.
        chain_id, federation, vault, disputes, token: identify the contracts; None if unknown.
        first, head: first and last block.
        head_hash: of the last block (0x hex).
        anchor: block hash that the auditor supplied (0x hex).
    """

    source: str
    name: str | None = None
    chain_id: int | None = None
    federation: str | None = None
    vault: str | None = None
    disputes: str | None = None
    token: str | None = None
    first: int | None = None
    head: int | None = None
    head_hash: str | None = None
    anchor: str | None = None


@dataclass(frozen=True)
class AuditResult:
    """What an audit came to.

    Attributes:
        subject: what was audited.
        by_check: number of comparisons by the code of the check (see ``trail.CODES``).
        findings: violations; the audit holds if there are none.
        notes: what breaks no rule and is worth knowing.
        unchecked: what could not or cannot be checked.
        rounds: every round.
        penalties: all stake that was lost, in order.
        money: the vault's books; None if the history could not be replayed.
        state_root: root of the last final state (hex).
    """

    subject: Subject
    by_check: dict[str, int]
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
    unchecked: tuple[Unchecked, ...]
    rounds: tuple[RoundRow, ...] = ()
    penalties: tuple[PenaltyRow, ...] = ()
    money: Money | None = None
    state_root: str | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing was found. What is unchecked does not count against it."""
        return not self.findings

    @property
    def checks(self) -> int:
        """Comparisons made."""
        return sum(self.by_check.values())

    def failed(self) -> dict[str, int]:
        """Findings by code."""
        found = {code: sum(f.code == code for f in self.findings) for code in CODES}
        return {code: count for code, count in found.items() if count}

    def to_json(self) -> dict[str, Any]:
        """One JSON object, for ``--json``."""
        return {
            "ok": self.ok,
            "checks": self.checks,
            "findings": [finding.to_json() for finding in self.findings],
            "unchecked": [item.to_json() for item in self.unchecked],
            "notes": [note.to_json() for note in self.notes],
            "by_check": self.by_check,
            "subject": asdict(self.subject),
            "rounds": [row.to_json() for row in self.rounds],
            "penalties": [row.to_json() for row in self.penalties],
            "money": None if self.money is None else self.money.to_json(),
            "state_root": self.state_root,
        }
