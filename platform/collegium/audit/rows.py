"""Rounds as the report shows them."""

from collegium.audit.history import RoundRecord
from collegium.audit.merges import States
from collegium.audit.report import RoundRow, UpdateRow
from collegium.audit.updates import Opened
from collegium.protocol.round import Stage
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
        gas=record.gas,
        updates=tuple(_update(record, opened, i) for i in range(len(record.updates))),
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


def _merge(record: RoundRecord, states: States | None) -> str:
    if record.settlement is None or not any(record.settlement.weights):
        return "none"
    if record.round.stage not in (Stage.PROPOSED, Stage.FINAL):
        return "none"
    merged = None if states is None else states.merged.get(record.id)
    if merged is None:
        return "unchecked"
    return "exact" if merged == record.round.proposal else "wrong"
