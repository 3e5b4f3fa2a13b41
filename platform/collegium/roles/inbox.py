"""Sealed updates as they arrive: opened, checked, and reported on."""

from collections.abc import Mapping
from dataclasses import replace

from collegium.errors import EvidenceError
from collegium.protocol import codec
from collegium.protocol.checks import Case, Finding, check_update
from collegium.protocol.container import Update, decode_update
from collegium.protocol.layout import Layout
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


def committed_updates(
    node: Node, view: RoundView, envelopes: Mapping[int, bytes]
) -> dict[int, Update]:
    """The updates that are what was committed, by node id: all that a merge asks for.

    Whether they should have been accepted is settled; to judge again here, with limits that two
    machines may round differently, would let honest nodes disagree about the merge.
    """
    found = {}
    for committed in view.updates:
        data = _open(node, view, committed, envelopes.get(committed.node))
        update = None if data is None else _committed(data, committed, node.layout)
        if update is not None:
            found[committed.node] = update
    return found


def content_limit(layout: Layout) -> int:
    """Most bytes an update file of this layout can have."""
    return layout.padded + layout.blocks + _MANIFEST_AND_HEADER


def envelope_limit(layout: Layout) -> int:
    """Most bytes a sealed update of this layout can have."""
    return content_limit(layout) + OVERHEAD


def _committed(data: bytes, committed: Committed, layout: Layout) -> Update | None:
    """The update in a file if it is the committed one, lanes and all."""
    try:
        update = decode_update(data, layout)
    except EvidenceError:
        return None
    whole = codec.lane_root(update.encoded).hex() == update.manifest.lane_root
    return update if whole and update.manifest.update_digest == committed.digest else None


def _open(node: Node, view: RoundView, update: Committed, envelope: bytes | None) -> bytes | None:
    """The update file, from the envelope or, if it is the node's own, from the journal.

    An envelope that holds what was committed is kept: whoever delivered it, and whoever passed it
    on, may be gone, or serve something else, when the round is merged.
    """
    journal = node.home.journal(view.id)
    if update.node == node.id:
        return journal.read("update.safetensors")
    kept_as = f"{update.digest.hex()}.sealed"
    kept, opened = journal.read(kept_as), None
    for candidate in (kept, envelope):
        data = None if candidate is None else _unseal(node, view, update, candidate)
        if data is not None and _committed(data, update, node.layout) is not None:
            if candidate is not None and candidate is not kept:
                journal.write(kept_as, candidate)
            return data
        opened = opened or data
    return opened


def _unseal(node: Node, view: RoundView, update: Committed, envelope: bytes) -> bytes | None:
    context = node.domain.envelope_context(view.id, update.digest)
    limit = content_limit(node.layout)
    try:
        return open_sealed(envelope, node.id, node.keys.encryption, context, limit)
    except EvidenceError:
        return None  # bytes that do not open were not delivered; the check reports it
