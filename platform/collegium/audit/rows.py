"""Rounds as the report shows them."""

from collegium.audit.merges import States
from collegium.audit.report import PenaltyRow, RejectedRow, RoundRow, UpdateRow
from collegium.audit.timeline import History, Rejected, RoundRecord
from collegium.audit.updates import Opened
from collegium.protocol.model.round import Stage
from collegium.protocol.settlement import INVALID


def round_row(record: RoundRecord, opened: Opened, states: States | None) -> RoundRow:
    """One round with its updates."""
    one, settled = record.round, record.settlement
    return RoundRow(
        id=one.id,
        phase=one.stage.name.capitalize(),
        opened=record.opened_block,
        time=record.opened_time,
        base=record.base.hex(),
        root=None if record.final is None else record.final.hex(),
        committee=tuple(one.committee),
        validator_pays=() if settled is None else settled.validator_pays,
        aggregator=one.aggregator,
        proposer=one.proposer,
        aggregator_paid=record.credited,
        merge=_merge(record, states),
        rejected=tuple(_rejected(record, fallen, states) for fallen in record.rejected),
        gas=record.gas,
        updates=tuple(_update(record, opened, i) for i in range(len(record.updates))),
    )


def penalty_rows(history: History) -> tuple[PenaltyRow, ...]:
    """All stake that was lost."""
    return tuple(
        PenaltyRow(one.round, one.node, one.offence.name.lower(), one.amount, one.reporter)
        for one in history.penalties
    )


def _update(record: RoundRecord, opened: Opened, position: int) -> UpdateRow:
    node, digest = record.updates[position]
    settled, phi = record.settlement, record.phi(position)
    return UpdateRow(
        node=node,
        digest=digest.hex(),
        phi=None if phi == INVALID else phi,
        accepted=None if settled is None else settled.accepted[position],
        weight=0 if settled is None else settled.weights[position],
        paid=0 if settled is None else settled.node_pays[position],
        codes=tuple(opened.codes.get(node, ())),
        opened=node in opened.codes,
        bits=opened.bits.get(node),
    )


def _rejected(record: RoundRecord, fallen: Rejected, states: States | None) -> RejectedRow:
    merged = None if states is None else states.merged.get(record.id)
    leaf, block = fallen.place or (None, None)
    return RejectedRow(
        proposer=fallen.proposer,
        root=fallen.root.hex(),
        exact=None if merged is None else merged == fallen.root,
        challenger=fallen.challenger,
        leaf=leaf,
        block=block,
        gas=fallen.gas,
    )


def _merge(record: RoundRecord, states: States | None) -> str:
    if record.round.stage == Stage.FINAL and not record.round.proposer:
        return "abandoned" if record.settlement and any(record.settlement.accepted) else "none"
    if not record.round.proposer:
        return "none"
    merged = None if states is None else states.merged.get(record.id)
    if merged is None:
        return "unchecked"
    return "exact" if merged == record.round.proposal else "wrong"
