"""The result of an audit, as data: verdict, checks, findings, rounds, money, what is unchecked."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from collegium.audit.money import Money
from collegium.audit.timeline import Penalty, RoundRecord
from collegium.audit.trail import CODES, Finding, Note, Unchecked


@dataclass(frozen=True)
class AuditedRound:
    """A round as the replay computed it, with the results for its updates and its merge.

    ``collegium.queries.from_audit`` converts it to the form that people see.

    Attributes:
        record: the round according to the rules.
        codes: findings about each update that could be opened, by node id; empty if it passes.
        bits: code width of each readable update, by node id.
        merged: root of the recomputed merge, 32 bytes; None if it could not be recomputed, or there
            was nothing to merge.
    """

    record: RoundRecord
    codes: Mapping[int, tuple[str, ...]]
    bits: Mapping[int, int]
    merged: bytes | None


@dataclass(frozen=True)
class Subject:
    """What was audited.

    Attributes:
        source: path of the bundle.
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
    """The result of an audit.

    Attributes:
        subject: what was audited.
        by_check: number of comparisons by the code of the check (see ``trail.CODES``).
        findings: violations; the evidence is valid if there are none.
        notes: facts worth knowing that break no rule.
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
    rounds: tuple[AuditedRound, ...] = ()
    penalties: tuple[Penalty, ...] = ()
    money: Money | None = None
    state_root: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there are no findings. Unchecked points do not count."""
        return not self.findings

    @property
    def checks(self) -> int:
        """Number of comparisons."""
        return sum(self.by_check.values())

    def failed(self) -> dict[str, int]:
        """Number of findings by code, without zeros."""
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
            "money": None if self.money is None else self.money.to_json(),
            "state_root": self.state_root,
        }
