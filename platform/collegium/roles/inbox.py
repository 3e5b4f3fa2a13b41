"""Sealed updates as they arrive: opened, checked, and reported on."""

from collections.abc import Mapping
from dataclasses import replace

from collegium.errors import EvidenceError
from collegium.protocol.checks import Case, Finding, check_update
from collegium.protocol.container import Update
from collegium.roles.node import Node
from collegium.roles.view import Committed, RoundView
from collegium.store.sealed import OVERHEAD, open_sealed

_MANIFEST_AND_HEADER = 64 * 1024


def open_updates(
    node: Node, view: RoundView, envelopes: Mapping[int, bytes]
) -> tuple[dict[int, Update], dict[int, list[Finding]]]:
    """Open and check every committed update.

    Args:
        envelopes: sealed updates by node id; what is missing is a finding.

    Returns:
        The usable updates and all findings, both by node id.
    """
    files = {u.node: _open(node, view, u, envelopes.get(u.node)) for u in view.updates}
    cases = {
        update.node: Case(
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
        for update in view.updates
    }
    checked = {number: check_update(case, files[number]) for number, case in cases.items()}
    usable = {n: u for n, (u, found) in checked.items() if u and not any(f.fatal for f in found)}
    findings = {number: found for number, (_, found) in checked.items()}
    for number in usable:  # resemblance shows only once all updates are open
        others = {cases[n].account: u.encoded for n, u in usable.items() if n != number}
        case = replace(cases[number], others=others)
        findings[number] = check_update(case, files[number])[1]
    return usable, findings


def content_limit(node: Node) -> int:
    """Most bytes an update file of this layout can have."""
    return node.layout.padded + node.layout.blocks + _MANIFEST_AND_HEADER


def _open(node: Node, view: RoundView, update: Committed, envelope: bytes | None) -> bytes | None:
    """The update file, from the envelope or, if it is the node's own, from the journal."""
    if update.node == node.id:
        return node.home.journal(view.id).read("update.safetensors")
    if envelope is None:
        return None
    context = node.envelope_context(view.id, update.digest)
    try:
        return open_sealed(envelope, node.id, node.keys.encryption, context, content_limit(node))
    except EvidenceError:
        return None  # bytes that do not open were not delivered; the check reports it
