"""The watcher: proves that a proposed merge is wrong, so that it never becomes the model.

The merge is exact, so anyone who has the accepted updates knows what the proposal must be. If it is
anything else, one block of 32 lanes proves it, and the contract slashes the proposer. Half of the
penalty is owed to the first to prove it; later proofs are rejected at no loss but the gas.
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
        The receipt of the dispute; None if someone else was faster.

    Raises:
        RoundFailed: no merge is proposed now.
        BadProof: ``base`` or ``proposed`` is not the state whose root is on the chain. A proposal
            whose state is unknown cannot be disproved; without attestations it is rejected.
        BlobMissing: an accepted update was not delivered to this node.
        WrongMerge: the proposal is correct, so there is nothing to prove.
    """
    view.expect("Proposed")
    return dispute(node, view, remade(node, view, base, envelopes), proposed)


def dispute(node: Node, view: RoundView, right: Remade, proposed: bytes) -> Receipt | None:
    """Like :func:`object_to`, with the correct merge already computed."""
    proof = prove(node, view, right, proposed)
    try:
        return node.federation.using(node.keys.account).dispute_merge(proof)
    except TransactionReverted:
        now = node.view()  # if the proposal is gone, someone else was faster
        if (now.id, now.phase, now.proposal) == (view.id, view.phase, view.proposal):
            raise
        return None


def prove(node: Node, view: RoundView, right: Remade, proposed: bytes) -> MergeProof:
    """The proof for the first block in which the proposal is not the correct merge.

    Errors as of :func:`object_to`.
    """
    shown = check_root(decode_state(proposed, node.layout), view.proposal)
    place = merge_proof.find(right.result, shown)
    if place is None:
        raise WrongMerge(
            expected=f"a proposal other than {view.proposal.hex()}, the merge of round {view.id}",
            found="the correct one",
            action="Attest it.",
        )
    accepted = _accepted(node, view, right.opened)
    return merge_proof.build(view.id, place, right.base, shown, accepted)


def _accepted(node: Node, view: RoundView, opened: Mapping[int, Update]) -> list[Accepted]:
    """The accepted updates in commit order, those of weight 0 included."""
    found = []
    for update, weight, median in zip(view.updates, view.weights, view.medians, strict=True):
        if not is_accepted(median, node.card.terms.min_score):
            continue
        held = require(opened, update.node)
        manifest = held.manifest.digest
        found.append(Accepted(update.node, update.digest, weight, manifest, held.encoded))
    return found
