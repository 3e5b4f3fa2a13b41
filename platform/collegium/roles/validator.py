"""The validator: check, score, vote under seal, reveal, and attest the merge.

The sealed vote is in the journal before its seal is on the chain: a validator that crashes in
between still can reveal, and never seals two different votes.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from eth_utils.crypto import keccak

from collegium.chain.receipts import Receipt
from collegium.errors import RoundFailed, WrongMerge
from collegium.protocol import signing, similarity, state, verdict
from collegium.protocol.checks import Finding
from collegium.protocol.container import Update
from collegium.protocol.rules.merging import Coalitions
from collegium.protocol.settlement import INVALID
from collegium.protocol.state import State
from collegium.roles.aggregator import merged, read_base
from collegium.roles.inbox import open_updates
from collegium.roles.node import Node
from collegium.roles.view import RoundView
from collegium.roles.watcher import object_to
from collegium_incentives import exact, present, share, to_micro, weights

Loss = Callable[[npt.NDArray[np.float32]], float]
"""Mean loss of an adapter (float32 ``[padded]``) on the validator's own data."""

_VOTE = "vote.json"
_LARGEST = 1_000.0  # nats; micro-nats in int32 end at 2147


@dataclass(frozen=True)
class Vote:
    """What a validator found and scored.

    Attributes:
        scores: micro-nats per update in commit order; INVALID for what cannot be used.
        findings: by node id.
        salt: 32 bytes that keep the sealed vote from being guessed.
    """

    scores: tuple[int, ...]
    findings: dict[int, list[Finding]]
    salt: bytes

    @property
    def encoded(self) -> bytes:
        return verdict.encode_scores(self.scores)


@dataclass(frozen=True)
class Judgement:
    """What a validator says to a proposed merge.

    Attributes:
        signature: EIP-712 signature over ``Merge`` (65 bytes), if it is right.
        dispute: receipt of the dispute, if it is wrong and this node was the first to show it.
    """

    signature: bytes | None = None
    dispute: Receipt | None = None


def vote(
    node: Node, view: RoundView, base: bytes, envelopes: Mapping[int, bytes], loss: Loss
) -> Vote:
    """Score the round's updates, once.

    Args:
        base: file of the state the round builds on.
        envelopes: sealed updates by node id.
        loss: of an adapter on this validator's own data; small is good.

    Raises:
        RoundFailed: the round is not in its Score phase, or the node not in its committee.
        BadProof: ``base`` is not the state of the round.
    """
    _slot(node, view)
    with node.home.journal(view.id).locked():
        return _kept(node, view) or _score(node, view, base, envelopes, loss)


def _score(
    node: Node, view: RoundView, base: bytes, envelopes: Mapping[int, bytes], loss: Loss
) -> Vote:
    view.expect("Score")
    node.home.forget_envelopes(before=view.id)
    start = read_base(node, view, base)
    usable, findings = open_updates(node, view, envelopes)
    scores = contributions(start, usable, node.card.limits.cosine, loss)
    made = Vote(
        tuple(0 if u.node == node.id else scores.get(u.node, INVALID) for u in view.updates),
        findings,
        _salt(node, view.id),
    )
    node.home.journal(view.id).write_json(_VOTE, _to_json(made) | {"updates": _listed(view)})
    return made


def contributions(
    base: State, updates: Mapping[int, Update], cosine: float, loss: Loss
) -> dict[int, int]:
    """Shapley value of each update in micro-nats of mean loss, by node id.

    An absent update counts as zero delta. Updates that resemble each other from ``cosine`` on are
    one player and share its credit. A state after which the loss is not finite is worth
    the least that a score can say: one such update must not keep a committee from voting.
    """
    if not updates:
        return {}
    order = sorted(updates)  # by node, so that the order of commitments changes nothing
    encoded = [updates[number].encoded for number in order]
    groups = similarity.groups(encoded, cosine)
    game = Coalitions(base, list(zip(weights(groups), encoded, strict=True)))

    def utility(mask: int) -> float:
        found = loss(state.to_float(game.merged(present(mask, groups))))
        return -_LARGEST if math.isnan(found) else -min(max(found, -_LARGEST), _LARGEST)

    values = share(exact(utility, len(groups)), groups)
    return dict(zip(order, to_micro(values), strict=True))


def seal(node: Node, view: RoundView, made: Vote) -> None:
    """Put the sealed vote on the chain, unless it is there."""
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
    """Open the sealed vote, unless that is done."""
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
    node: Node, view: RoundView, base: bytes, envelopes: Mapping[int, bytes]
) -> tuple[int, bytes]:
    """Recompute the merge and sign the proposed root if it is the right one.

    Returns:
        The committee slot and an EIP-712 signature over ``Merge`` (65 bytes).

    Raises:
        WrongMerge: the proposal is not the merge of what was accepted.
    """
    view.expect("Proposed")
    root = state.root(merged(node, view, base, envelopes))
    if root != view.proposal:
        raise WrongMerge(
            expected=f"a proposal of {root.hex()}, the merge of round {view.id}",
            found=view.proposal.hex(),
            action="Do not attest it; dispute it.",
        )
    message = node.domain.merge_digest(view.id, root)
    return _slot(node, view), signing.sign(message, node.keys.signer.key)


def judge(
    node: Node,
    view: RoundView,
    base: bytes,
    envelopes: Mapping[int, bytes],
    proposed: bytes | None,
) -> Judgement:
    """Sign the proposal if it is the merge; if it is not, prove that to the contract.

    Args:
        base: file of the state the round builds on.
        envelopes: sealed updates by node id.
        proposed: file of the state behind the proposal, if anybody showed it.

    Returns:
        Neither a signature nor a dispute if somebody else has just had the proposal rejected.

    Raises:
        WrongMerge: the proposal is not the merge, and nobody showed the state behind it.
        BadProof: what was shown is another state.
    """
    if view.phase == "Merge" and view.barred:
        return Judgement()
    try:
        return Judgement(signature=attest(node, view, base, envelopes)[1])
    except WrongMerge:
        if proposed is None:
            raise
        return Judgement(dispute=object_to(node, view, base, envelopes, proposed))


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
    """The vote in the journal, if it is on these very updates.

    On a chain that was reorganised the same round can hold other updates, in another order.
    """
    kept = node.home.journal(view.id).read_json(_VOTE)
    return None if kept is None or kept["updates"] != _listed(view) else _from_json(kept)


def _listed(view: RoundView) -> list[str]:
    return [update.digest.hex() for update in view.updates]


def _salt(node: Node, round_id: int) -> bytes:
    """Unguessable without the signer's key, and the same after a crash."""
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
