"""An audit's rounds and lost stakes, in the form that all screens share."""

from typing import Any

from collegium.audit.report import AuditedRound, AuditResult
from collegium.audit.timeline import Penalty, Rejected
from collegium.protocol.model.round import Stage
from collegium.protocol.settlement import INVALID
from collegium.queries.labels import UNITS
from collegium.queries.rounds import Content, ShownRejection, ShownRound, ShownSlash, ShownUpdate


def document(result: AuditResult) -> dict[str, Any]:
    """The whole audit as one JSON object; amounts in token units, as decimal strings."""
    return result.to_json() | {
        "rounds": [one.to_json(UNITS) for one in rounds(result)],
        "penalties": [one.to_json(UNITS) for one in slashes(result)],
    }


def rounds(result: AuditResult) -> list[ShownRound]:
    """Every round, as the audit recomputed it."""
    lost = slashes(result)
    return [
        _round(one, tuple(slash for slash in lost if slash.round == one.record.id))
        for one in result.rounds
    ]


def slashes(result: AuditResult) -> list[ShownSlash]:
    """All lost stakes, in order."""
    return [_slash(one) for one in result.penalties]


def _round(audited: AuditedRound, slashed: tuple[ShownSlash, ...]) -> ShownRound:
    record = audited.record
    one, settled = record.round, record.settlement
    return ShownRound(
        id=one.id,
        phase=one.stage.name.capitalize(),
        block=record.opened_block,
        base=record.base,
        root=record.final,
        committee=tuple(one.committee),
        fees=() if settled is None else settled.validator_pays,
        aggregator=one.aggregator,
        proposer=one.proposer,
        bonus=record.credited,
        earned=0 if settled is None else settled.earned,
        returned=0 if settled is None else settled.returned,
        updates=tuple(_update(audited, position) for position in range(len(record.updates))),
        rejected=tuple(_rejection(audited, rejected) for rejected in record.rejected),
        slashed=slashed,
        gas=record.gas,
        time=record.opened_time,
        merge=_merge(audited),
    )


def _update(audited: AuditedRound, position: int) -> ShownUpdate:
    node, digest = audited.record.updates[position]
    content = None
    if node in audited.codes:
        content = Content(audited.bits.get(node), codes=audited.codes[node])
    settled = audited.record.settlement
    if settled is None:
        return ShownUpdate(node, digest, content=content)
    score = settled.phi[position]
    return ShownUpdate(
        node=node,
        digest=digest,
        score=None if score == INVALID else score,
        accepted=settled.accepted[position],
        weight=settled.weights[position],
        paid=settled.node_pays[position],
        content=content,
    )


def _rejection(audited: AuditedRound, rejected: Rejected) -> ShownRejection:
    leaf, block = rejected.place or (None, None)
    return ShownRejection(
        proposer=rejected.proposer,
        root=rejected.root,
        by=rejected.challenger,
        leaf=leaf,
        block=block,
        gas=rejected.gas,
        exact=None if audited.merged is None else audited.merged == rejected.root,
    )


def _slash(penalty: Penalty) -> ShownSlash:
    offence = penalty.offence.name.lower()
    return ShownSlash(penalty.round, penalty.node, offence, penalty.amount, penalty.reporter)


def _merge(audited: AuditedRound) -> str:
    """The audit's result for the merge.

    ``exact`` if it was recomputed and is equal, ``wrong`` if it differs, ``unchecked`` if it could
    not be recomputed, ``abandoned`` if the round ended on its base because no proposed merge was
    valid, ``none`` if there was nothing to merge.
    """
    one, settled = audited.record.round, audited.record.settlement
    if not one.proposer:  # no proposal is open, or each one was rejected
        waiting = one.stage != Stage.FINAL or settled is None or not any(settled.accepted)
        return "none" if waiting else "abandoned"
    if audited.merged is None:
        return "unchecked"
    return "exact" if audited.merged == one.proposal else "wrong"
