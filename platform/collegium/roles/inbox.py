"""Sealed updates as they arrive: this module opens, checks, compares and keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from collegium.errors import EvidenceError
from collegium.protocol import similarity
from collegium.protocol.checks import (
    Case,
    Delivered,
    Finding,
    check_update,
    near_duplicate,
    read_update,
)
from collegium.protocol.container import Update
from collegium.protocol.delivery import update_limit
from collegium.roles.node import Node
from collegium.roles.view import Committed, RoundView
from collegium.store.sealed import open_sealed
from collegium.workspace.home import UPDATE


@dataclass(frozen=True)
class Opened:
    """The updates of a round as a validator found them, each opened and compared once.

    Attributes:
        usable: those without a fatal finding, by node id.
        findings: by node id.
        groups: a partition of the node ids in ``usable``: near-duplicates together.
    """

    usable: dict[int, Update]
    findings: dict[int, list[Finding]]
    groups: tuple[tuple[int, ...], ...]


def open_updates(node: Node, view: RoundView, envelopes: Mapping[int, bytes]) -> Opened:
    """Open, check and compare the committed updates.

    Args:
        envelopes: sealed updates by node id; an update that is neither here nor in the journal
            is a finding.
    """
    usable: dict[int, Update] = {}
    findings: dict[int, list[Finding]] = {}
    for committed in view.updates:
        delivered = _open(node, view, committed, envelopes.get(committed.node))
        found = check_update(_case(node, view, committed), delivered)
        findings[committed.node] = found
        if isinstance(delivered, Update) and not any(f.fatal for f in found):
            usable[committed.node] = delivered
    numbers, limit = list(usable), node.card.limits.cosine
    table = similarity.cosines([update.encoded for update in usable.values()])
    accounts = [view.nodes[number].account for number in numbers]
    for i, number in enumerate(numbers):
        cosines = zip(accounts, map(float, table[i]), strict=True)
        others = {account: cosine for account, cosine in cosines if account != accounts[i]}
        findings[number] += near_duplicate(others, limit)
    alike = similarity.groups(table, limit)
    return Opened(usable, findings, tuple(tuple(numbers[i] for i in group) for group in alike))


def committed_updates(
    node: Node, view: RoundView, envelopes: Mapping[int, bytes]
) -> dict[int, Update]:
    """The updates that match their commitments, by node id: all that a merge needs.

    The settlement has decided which are accepted. Checking again here, against limits that two
    machines can round differently, could make honest nodes disagree about the merge.
    """
    found = {}
    for committed in view.updates:
        delivered = _open(node, view, committed, envelopes.get(committed.node))
        if _is_committed(delivered, committed):
            found[committed.node] = delivered
    return found


def lacking(node: Node, view: RoundView) -> list[int]:
    """Ids of the nodes whose committed update is not in the journal."""
    journal = node.home.journal(view.id)
    return [
        update.node
        for update in view.updates
        if not journal.has_envelope(update.digest)
        and not (update.node == node.id and journal.has(UPDATE))
    ]


def _case(node: Node, view: RoundView, update: Committed) -> Case:
    return Case(
        domain=node.domain,
        card=node.card,
        layout=node.layout,
        round=view.id,
        base=view.base,
        account=view.nodes[update.node].account,
        signer=view.nodes[update.node].signer,
        active=update.node in view.members,
        committed=update.digest,
    )


def _is_committed(delivered: Delivered, committed: Committed) -> TypeGuard[Update]:
    """Whether this is the committed update, its lanes included."""
    return (
        isinstance(delivered, Update)
        and delivered.manifest.update_digest == committed.digest
        and delivered.manifest.lane_root == delivered.lane_root.hex()
    )


def _open(node: Node, view: RoundView, update: Committed, envelope: bytes | None) -> Delivered:
    """The update from the journal, or else from the envelope.

    An envelope that contains the committed update is kept: when the round is merged, its sender or
    the relay may be gone, or may send something else.
    """
    journal = node.home.journal(view.id)
    # A node can read its own update without an envelope.
    if update.node == node.id and (own := journal.read(UPDATE)) is not None:
        return read_update(own, node.layout)
    if (kept := journal.read_envelope(update.digest)) is not None:
        delivered = _unseal(node, view, update, kept)
        if envelope is None or _is_committed(delivered, update):
            return delivered
    delivered = None if envelope is None else _unseal(node, view, update, envelope)
    if envelope is not None and _is_committed(delivered, update):
        journal.write_envelope(update.digest, envelope)
    return delivered


def _unseal(node: Node, view: RoundView, update: Committed, envelope: bytes) -> Delivered:
    context = node.domain.envelope_context(view.id, update.digest)
    limit = update_limit(node.layout)
    try:
        data = open_sealed(envelope, node.id, node.keys.encryption, context, limit)
    except EvidenceError:
        return None  # an envelope that cannot be opened counts as not delivered
    return read_update(data, node.layout)
