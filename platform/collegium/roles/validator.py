"""The validator: check, score, vote under seal, reveal, and attest the merge.

The vote is in the journal before its seal is on the chain. So a validator that crashes in between
can still reveal, and never seals two different votes.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from eth_utils.crypto import keccak

from collegium.chain.receipts import Receipt
from collegium.errors import RoundFailed, WrongMerge
from collegium.protocol import draw, signing, state, verdict
from collegium.protocol.checks import Finding
from collegium.protocol.settlement import INVALID
from collegium.roles.aggregator import Remade, read_base, remade
from collegium.roles.inbox import open_updates
from collegium.roles.node import Node
from collegium.roles.scoring import Loss, contributions
from collegium.roles.view import RoundView
from collegium.roles.watcher import dispute

_VOTE = "vote.json"


@dataclass(frozen=True)
class Vote:
    """A validator's findings and scores.

    Attributes:
        scores: micro-nats per update in commit order; INVALID for an unusable one.
        findings: what was found wrong, by node id.
        salt: 32 bytes that keep the sealed vote from being guessed.
    """

    scores: tuple[int, ...]
    findings: dict[int, list[Finding]]
    salt: bytes

    @property
    def encoded(self) -> bytes:
        """The scores as the contract takes them: int32 big-endian each."""
        return verdict.encode_scores(self.scores)


@dataclass(frozen=True)
class Judgement:
    """What a validator did about a proposed merge.

    Attributes:
        signature: EIP-712 signature over ``Merge`` (65 bytes), if the proposal is correct.
        dispute: receipt of the dispute, if it is wrong and this node was the first to prove it.
    """

    signature: bytes | None = None
    dispute: Receipt | None = None


def vote(
    node: Node, view: RoundView, base: bytes | None, envelopes: Mapping[int, bytes], loss: Loss
) -> Vote:
    """Score the round's updates, once.

    Args:
        base: file of the state the round builds on; None takes the one in the journal.
        envelopes: sealed updates by node id, where they are not in the journal.
        loss: mean loss of an adapter on this validator's own data; lower is better.

    Raises:
        RoundFailed: the round is not in phase Score, or the node is not in its committee.
        BadProof: ``base`` is not the state of the round.
    """
    _slot(node, view)
    with node.home.journal(view.id).locked():
        return _kept(node, view) or _score(node, view, base, envelopes, loss)


def _score(
    node: Node, view: RoundView, base: bytes | None, envelopes: Mapping[int, bytes], loss: Loss
) -> Vote:
    view.expect("Score")
    node.home.forget_deliveries(before=view.id)
    start = read_base(node, view, base)
    opened = open_updates(node, view, envelopes)
    scores = contributions(
        node.card.terms.merging,
        start,
        opened.usable,
        opened.groups,
        loss,
        node.card.scoring,
        draw.scoring_seed(view.seed, view.id),
    )
    made = Vote(
        # The contract ignores a vote on the validator's own update.
        tuple(0 if u.node == node.id else scores.get(u.node, INVALID) for u in view.updates),
        opened.findings,
        _salt(node, view.id),
    )
    node.home.journal(view.id).write_json(_VOTE, _to_json(made) | {"updates": _listed(view)})
    return made


def seal(node: Node, view: RoundView, made: Vote) -> None:
    """Put the sealed vote on the chain, unless it is there already."""
    slot = _slot(node, view)
    if slot not in view.sealed:
        domain = node.domain
        digest = verdict.seal(
            domain.chain_id,
            domain.federation,
            view.id,
            node.keys.account.address,
            made.encoded,
            made.salt,
        )
        node.federation.commit_verdict(view.id, slot, digest)


def reveal(node: Node, view: RoundView) -> None:
    """Open the sealed vote, unless that is done already.

    Raises:
        RoundFailed: the round is not in phase Reveal, the node is not in its committee, or the vote
            is not in the journal.
    """
    slot = _slot(node, view)
    if slot in view.revealed or slot not in view.sealed:
        return
    view.expect("Reveal")
    made = _kept(node, view)
    if made is None:
        raise RoundFailed(
            expected=f"the vote of round {view.id} in the journal of node {node.id}",
            found="none: it was sealed from another folder, or the folder was lost",
            action="Run the node from the folder that it voted from.",
        )
    node.federation.reveal_verdict(view.id, slot, made.encoded, made.salt)


def attest(
    node: Node, view: RoundView, base: bytes | None, envelopes: Mapping[int, bytes]
) -> tuple[int, bytes]:
    """Recompute the merge and sign the proposed root if it is correct.

    Returns:
        The committee slot and an EIP-712 signature over ``Merge`` (65 bytes).

    Raises:
        WrongMerge: the proposal is not the merge of what was accepted.
    """
    view.expect("Proposed")
    return _slot(node, view), _sign(node, view, remade(node, view, base, envelopes))


def judge(
    node: Node,
    view: RoundView,
    base: bytes | None,
    envelopes: Mapping[int, bytes],
    proposed: bytes | None,
) -> Judgement:
    """Sign the proposal if it is the correct merge; otherwise prove to the contract that it is not.

    Args:
        base: file of the state the round builds on; None takes the one in the journal.
        envelopes: sealed updates by node id, where they are not in the journal.
        proposed: file of the proposed state, if anyone has provided it.

    Returns:
        Neither a signature nor a dispute if someone else has just disproved the proposal.

    Raises:
        WrongMerge: the proposal is not the merge, and no one provided the proposed state.
        BadProof: ``proposed`` is another state.
    """
    if view.phase == "Merge" and view.barred:
        return Judgement()
    view.expect("Proposed")
    right = remade(node, view, base, envelopes)
    try:
        return Judgement(signature=_sign(node, view, right))
    except WrongMerge:
        if proposed is None:
            raise
        return Judgement(dispute=dispute(node, view, right, proposed))


def _sign(node: Node, view: RoundView, right: Remade) -> bytes:
    """Sign the proposed root; raises WrongMerge if it is not the correct one."""
    root = state.root(right.result)
    if root != view.proposal:
        raise WrongMerge(
            expected=f"a proposal of {root.hex()}, the merge of round {view.id}",
            found=view.proposal.hex(),
            action="Do not attest it; dispute it.",
        )
    _slot(node, view)
    return signing.sign(node.domain.merge_digest(view.id, root), node.keys.signer.key)


def _slot(node: Node, view: RoundView) -> int:
    slot = view.slot(node.id)
    if slot is None:
        raise RoundFailed(
            expected=f"node {node.id} in the committee of round {view.id}",
            found=f"committee {view.committee}",
            action="Nothing to do in this round: the draw chose others.",
        )
    return slot


def _kept(node: Node, view: RoundView) -> Vote | None:
    """The vote in the journal, if it is on exactly these updates.

    After a reorganisation of the chain, the same round can have other updates or another order.
    """
    kept = node.home.journal(view.id).read_json(_VOTE)
    return None if kept is None or kept["updates"] != _listed(view) else _from_json(kept)


def _listed(view: RoundView) -> list[str]:
    return [update.digest.hex() for update in view.updates]


def _salt(node: Node, round_id: int) -> bytes:
    """A salt that no one can guess without the signer's key, and that is the same after a crash."""
    domain = node.domain.separator
    return keccak(b"salt" + node.keys.signer.key + domain + round_id.to_bytes(8))


def _to_json(made: Vote) -> dict[str, object]:
    return {
        "scores": list(made.scores),
        "findings": {
            str(n): [[f.code, f.message, f.fatal] for f in found]
            for n, found in made.findings.items()
        },
        "salt": made.salt.hex(),
    }


def _from_json(kept: dict[str, object]) -> Vote:
    findings = {int(n): [Finding(*f) for f in found] for n, found in kept["findings"].items()}  # type: ignore[attr-defined]
    return Vote(tuple(kept["scores"]), findings, bytes.fromhex(str(kept["salt"])))  # type: ignore[arg-type]
