"""The outcome of a federation's rounds, read from its events."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from collegium.chain import history
from collegium.chain.history import Rejection, Slash
from collegium.chain.receipts import Event
from collegium.protocol.settlement import INVALID, is_accepted
from collegium.queries.labels import PLAIN, Labels, hexadecimal

Json = dict[str, Any]

_PHASES = {
    "RoundOpened": "Commit",
    "CommitteeDrawn": "Score",
    "RoundSettled": "Merge",
    "MergeProposed": "Proposed",
    "MergeRejected": "Merge",
    "RoundFinalised": "Final",
    "RoundCancelled": "Cancelled",
}
"""The phase that begins with each event."""


@dataclass(frozen=True)
class Content:
    """The content of an opened update: code width in bits, size in bytes, and codes of findings."""

    bits: int | None = None
    size: int | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ShownUpdate:
    """One update of a round.

    Attributes:
        node: id.
        digest: the committed digest, 32 bytes.
        score: median of the votes in micro-nats; None if the update is invalid or not settled.
        accepted: None before settlement.
        weight, paid: merge weight, and pay in token units.
        content: None if the update is sealed.
    """

    node: int
    digest: bytes
    score: int | None = None
    accepted: bool | None = None
    weight: int = 0
    paid: int = 0
    content: Content | None = None

    @property
    def opened(self) -> bool:
        """Whether the content was seen."""
        return self.content is not None

    @property
    def bits(self) -> int | None:
        """Code width; None if the update is sealed or cannot be read."""
        return None if self.content is None else self.content.bits

    @property
    def codes(self) -> tuple[str, ...]:
        """Findings of the checks; empty if the update passes all of them or is sealed."""
        return () if self.content is None else self.content.codes

    def to_json(self, labels: Labels = PLAIN) -> Json:
        """The update as one object; ``score`` in micro-nats."""
        return {
            "node": labels.node(self.node),
            "digest": hexadecimal(self.digest),
            "bits": self.bits,
            "bytes": None if self.content is None else self.content.size,
            "opened": self.opened,
            "accepted": self.accepted,
            "codes": list(self.codes),
            "score": self.score,
            "weight": self.weight,
            "paid": labels.amount(self.paid),
        }


@dataclass(frozen=True)
class ShownSlash:
    """Stake that a node lost.

    Attributes:
        round: the round that the offence belongs to.
        node: id.
        offence: its name in lower case.
        amount: token units.
        by: account that proved it; None if the contract noticed the offence itself.
    """

    round: int
    node: int
    offence: str
    amount: int
    by: str | None

    @classmethod
    def of(cls, round_id: int, slash: Slash) -> "ShownSlash":
        """From an event of the chain."""
        offence = slash.offence.name.lower()
        return cls(round_id, slash.node, offence, slash.amount, slash.reporter)

    def to_json(self, labels: Labels = PLAIN) -> Json:
        """The lost stake as one flat object."""
        return {
            "round": self.round,
            "node": labels.node(self.node),
            "offence": self.offence,
            "amount": labels.amount(self.amount),
            "by": None if self.by is None else labels.account(self.by),
        }


@dataclass(frozen=True)
class ShownRejection:
    """A proposed merge that was rejected.

    Attributes:
        proposer: node id.
        root: the state root that it proposed, 32 bytes.
        by: account that disproved it; None if too few members signed it in time.
        slashed: stake that the proposer and those who attested lost; empty in an audit, which
            lists lost stakes by round.
        tx: hash of the transaction; None in an audit.
        leaf, block: the 32 lanes that were proven wrong: block 0 … 7 of this leaf of the state;
            None if nothing was proven, or if another contract sent the proof.
        gas: gas of the transaction; None if it was not read.
        exact: whether it was the exact merge; None if the merge was not recomputed.
    """

    proposer: int
    root: bytes
    by: str | None
    slashed: tuple[ShownSlash, ...] = ()
    tx: str | None = None
    leaf: int | None = None
    block: int | None = None
    gas: int | None = None
    exact: bool | None = None

    @classmethod
    def of(cls, round_id: int, rejection: Rejection) -> "ShownRejection":
        """From events of the chain; place and gas are added by :mod:`.disputes`."""
        slashed = tuple(ShownSlash.of(round_id, slash) for slash in rejection.slashed)
        return cls(rejection.proposer, rejection.root, rejection.challenger, slashed, rejection.tx)

    def to_json(self, labels: Labels = PLAIN) -> Json:
        """The rejected merge as one object."""
        return {
            "proposer": labels.node(self.proposer),
            "root": hexadecimal(self.root),
            "by": None if self.by is None else labels.account(self.by),
            "leaf": self.leaf,
            "block": self.block,
            "gas": self.gas,
            "exact": self.exact,
            "slashed": [slash.to_json(labels) for slash in self.slashed],
            "tx": self.tx,
        }


@dataclass(frozen=True)
class ShownRound:
    """One round.

    Attributes:
        id: number.
        phase: Final, Cancelled, or the current phase.
        block: number of the block that opened it.
        base, root: state roots at its start and end, 32 bytes; ``root`` is None unless final.
        committee: node ids by slot.
        fees: token units by slot; empty before settlement.
        aggregator, proposer: node ids; 0 if there is none.
        bonus: token units that the proposer earned for the merge.
        earned, returned: token units that the settlement paid, and that it returned to escrow.
        updates: in commit order.
        rejected: proposed merges that were rejected, in order.
        slashed: lost stakes, in order.
        min_score: lowest score of an accepted update, in micro-nats; None if unknown.
        gas: total of all its transactions; None if it was not read.
        time: Unix time of ``block``; None if it was not read.
        merge: an audit's result for the merge (see :mod:`.from_audit`); None without an audit.
    """

    id: int
    phase: str
    block: int
    base: bytes
    root: bytes | None
    committee: tuple[int, ...]
    fees: tuple[int, ...]
    aggregator: int
    proposer: int
    bonus: int
    earned: int
    returned: int
    updates: tuple[ShownUpdate, ...]
    rejected: tuple[ShownRejection, ...]
    slashed: tuple[ShownSlash, ...]
    min_score: int | None = None
    gas: int | None = None
    time: int | None = None
    merge: str | None = None

    @property
    def settled(self) -> bool:
        """Whether updates were accepted or rejected; False for a round without updates."""
        return any(update.accepted is not None for update in self.updates)

    @property
    def disputes(self) -> tuple[ShownRejection, ...]:
        """Rejected merges that someone proved wrong."""
        return tuple(one for one in self.rejected if one.by is not None)

    def with_contents(self, contents: Mapping[int, Content]) -> "ShownRound":
        """The same round, with the contents of updates added; ``contents`` is by node id."""
        updates = (replace(one, content=contents.get(one.node)) for one in self.updates)
        return replace(self, updates=tuple(updates))

    def to_json(self, labels: Labels = PLAIN) -> Json:
        """The round as one object, with its updates, disputes, rejections and lost stakes."""
        fees = self.fees or (0,) * len(self.committee)
        paid = zip(self.committee, fees, strict=True)
        return {
            "round": self.id,
            "phase": self.phase,
            "block": self.block,
            "time": self.time,
            "base": hexadecimal(self.base),
            "state_root": None if self.root is None else hexadecimal(self.root),
            "updates": [update.to_json(labels) for update in self.updates],
            "min_score": self.min_score,
            "committee": [labels.node(node) for node in self.committee],
            "fees": {labels.node(node): labels.amount(fee) for node, fee in paid},
            "aggregator": labels.node(self.aggregator) if self.aggregator else None,
            "proposer": labels.node(self.proposer) if self.proposer else None,
            "bonus": labels.amount(self.bonus),
            "earned": labels.amount(self.earned),
            "returned": labels.amount(self.returned),
            "merge": self.merge,
            "gas": self.gas,
            "disputes": [one.to_json(labels) for one in self.disputes],
            "rejected": [one.to_json(labels) for one in self.rejected],
            "slashed": [slash.to_json(labels) for slash in self.slashed],
        }


def read_rounds(events: Sequence[Event], min_score: int) -> list[ShownRound]:
    """All rounds, in order.

    Args:
        events: events of the federation and its vault, in chain order.
        min_score: lowest score of an accepted update, in micro-nats (from the terms).
    """
    numbers = [event["round"] for event in events if event.name == "RoundOpened"]
    return [read_round(events, number, min_score) for number in numbers]


def read_round(events: Sequence[Event], round_id: int, min_score: int) -> ShownRound:
    """One round that was opened; arguments as of :func:`read_rounds`."""
    mine = history.of_round(events, round_id)
    opened = next(event for event in mine if event.name == "RoundOpened")
    final = next((event for event in mine if event.name == "RoundFinalised"), None)
    drawn, settled = history.drawn(mine, round_id), history.settled(mine, round_id)
    return ShownRound(
        id=round_id,
        phase=[_PHASES[event.name] for event in mine if event.name in _PHASES][-1],
        block=opened.block,
        base=opened["base"],
        root=None if final is None else final["root"],
        committee=drawn.committee if drawn else (),
        fees=settled.fees if settled else (),
        aggregator=drawn.aggregator if drawn else 0,
        proposer=_proposer(mine),
        bonus=_bonus(events, final),
        earned=settled.earned if settled else 0,
        returned=settled.released if settled else 0,
        updates=_updates(mine, round_id, min_score),
        rejected=tuple(
            ShownRejection.of(round_id, one) for one in history.rejections(mine, round_id)
        ),
        slashed=tuple(ShownSlash.of(round_id, one) for one in history.slashes(mine, round_id)),
        min_score=min_score,
    )


def slashes(events: Sequence[Event]) -> list[ShownSlash]:
    """All lost stakes, by round."""
    numbers = dict.fromkeys(event["round"] for event in events if event.name == "NodeSlashed")
    return [
        ShownSlash.of(number, slash)
        for number in numbers
        for slash in history.slashes(events, number)
    ]


def _updates(mine: Sequence[Event], round_id: int, min_score: int) -> tuple[ShownUpdate, ...]:
    committed, settled = history.updates(mine, round_id), history.settled(mine, round_id)
    if settled is None:
        return tuple(ShownUpdate(node, digest) for node, digest in committed)
    results = zip(committed, settled.medians, settled.weights, settled.pays, strict=True)
    return tuple(
        ShownUpdate(
            node=node,
            digest=digest,
            score=None if median == INVALID else median,
            accepted=is_accepted(median, min_score),
            weight=weight,
            paid=pay,
        )
        for (node, digest), median, weight, pay in results
    )


def _proposer(mine: Iterable[Event]) -> int:
    """Id of the node whose proposed merge was not rejected; 0 if there is none."""
    proposer = 0
    for event in mine:
        if event.name == "MergeProposed":
            proposer = event["proposer"]
        elif event.name == "MergeRejected":
            proposer = 0
    return proposer


def _bonus(events: Iterable[Event], final: Event | None) -> int:
    """Token units that the proposer earned, credited in the transaction that ends the round."""
    # ``Credited`` does not name its round, so the transaction tells which round it belongs to.
    if final is None:
        return 0
    return sum(e["amount"] for e in events if e.name == "Credited" and e.tx == final.tx)
