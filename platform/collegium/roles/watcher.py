"""The watcher: proves a wrong merge wrong, so that it never becomes the model.

The merge is exact, so whoever has the accepted updates knows what the proposal must be. If it is
anything else, one block of 32 lanes shows it, and the contract takes the proposer's bond. Half of
that is owed to whoever showed it first; the others have lost nothing.
"""

from collections.abc import Mapping

from collegium.chain.receipts import Receipt
from collegium.errors import TransactionReverted, WrongMerge
from collegium.protocol import merge_proof
from collegium.protocol.container import Update, decode_state
from collegium.protocol.merge_proof import Accepted, MergeProof
from collegium.protocol.settlement import is_accepted
from collegium.roles.aggregator import Remade, check_root, remade, require
from collegium.roles.node import Node
from collegium.roles.view import RoundView


def object_to(
    node: Node,
    view: RoundView,
    base: bytes | None,
    envelopes: Mapping[int, bytes],
    proposed: bytes,
) -> Receipt | None:
    """Prove on the chain that the proposal is not the merge, from the node's own account.

    Args:
        base: file of the state the round builds on; None takes the one in the journal.
        envelopes: sealed updates by node id, where they are not in the journal.
        proposed: file of the state that was proposed.

    Returns:
        The receipt of the dispute; ``None`` if somebody else was faster.

    Raises:
        RoundFailed: no merge is proposed now.
        BadProof: ``base`` or ``proposed`` is not the state that the chain names; a proposal that
            nobody can show cannot be disproved, and becomes nothing without attestations.
        BlobMissing: an accepted update was not delivered to this node.
        WrongMerge: the proposal is right, so there is nothing to prove.
    """
    view.expect("Proposed")
    return dispute(node, view, remade(node, view, base, envelopes), proposed)


def dispute(node: Node, view: RoundView, right: Remade, proposed: bytes) -> Receipt | None:
    """The same with the right merge at hand."""
    proof = prove(node, view, right, proposed)
    try:
        return node.federation.using(node.keys.account).dispute_merge(proof)
    except TransactionReverted:
        now = node.view()
        if (now.id, now.phase, now.proposal) == (view.id, view.phase, view.proposal):
            raise
        return None


def prove(node: Node, view: RoundView, right: Remade, proposed: bytes) -> MergeProof:
    """The first block in which the proposal is not the merge, with all that shows it.

    Errors as of :func:`object_to`.
    """
    shown = check_root(decode_state(proposed, node.layout), view.proposal)
    place = merge_proof.find(right.result, shown)
    if place is None:
        raise WrongMerge(
            expected=f"a proposal other than {view.proposal.hex()}, the merge of round {view.id}",
            found="the right one",
            action="Attest it.",
        )
    accepted = _accepted(node, view, right.opened)
    return merge_proof.build(view.id, place, right.base, shown, accepted)


def _accepted(node: Node, view: RoundView, opened: Mapping[int, Update]) -> list[Accepted]:
    """The accepted updates in commit order, those that the merge weighs with nothing included."""
    found = []
    for update, weight, median in zip(view.updates, view.weights, view.medians, strict=True):
        if not is_accepted(median, node.card.terms.min_score):
            continue
        held = require(opened, update.node)
        manifest = held.manifest.digest
        found.append(Accepted(update.node, update.digest, weight, manifest, held.encoded))
    return found
