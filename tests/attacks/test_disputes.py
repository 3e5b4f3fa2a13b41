"""A dishonest merge before the contract, and dishonest disputes of an honest one.

An altered merge is disproved by one watcher, whoever signed it; a root that nobody can show is
signed by nobody and falls; a dispute that shows nothing costs its sender the gas and nobody else
anything.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.attacks.offences import (
    ATTESTATION,
    MERGE,
    NOBODY,
    Slash,
    check_books,
    equivocate,
    owed,
    report,
    slashes,
    stake,
)
from tests.attacks.test_aggregator import MERGES, altered_lane
from tests.by_hand import ByHand
from tests.world import LAYOUT, TERMS, World

from collegium.errors import RoundFailed, TransactionReverted
from collegium.protocol import codec, dispute, signing, state
from collegium.protocol.container import decode_update, encode_state
from collegium.protocol.dispute import Accepted, Leaf, MergeProof
from collegium.protocol.packed import pack_attestation
from collegium.protocol.signing import compact
from collegium.protocol.state import State
from collegium.protocol.terms import EQUAL, SCORE
from collegium.roles import aggregator, watcher

POOL = TERMS.reward * TERMS.aggregator_share // 10_000


@pytest.fixture
def settled(played: Callable[..., ByHand]) -> ByHand:
    return played("settle")


def members(hand: ByHand) -> list[int]:
    """Committee members other than the aggregator."""
    return [number for number in hand.view.committee if number != hand.view.aggregator]


def propose(hand: ByHand, wrong: State) -> int:
    """The aggregator proposes whatever it likes; returns who that is."""
    number = hand.view.aggregator
    aggregator.propose(hand.nodes[number], hand.view, wrong)
    return number


def proof(hand: ByHand, wrong: State) -> MergeProof:
    """What an honest member makes of a wrong proposal."""
    node = hand.nodes[members(hand)[0]]
    return watcher.prove(node, hand.view, hand.file, hand.envelopes, encode_state(wrong))


def disprove(hand: ByHand, wrong: State) -> str:
    """An honest member disputes; returns the account that is rewarded."""
    challenger = hand.nodes[members(hand)[0]].federation
    challenger.dispute_merge(proof(hand, wrong))
    return challenger.sender.address


def sign(hand: ByHand, root: bytes, *numbers: int) -> None:
    """These members sign whatever was proposed."""
    message, view = hand.world.domain.merge_digest(hand.view.id, root), hand.view
    items = [
        pack_attestation(
            view.committee.index(number),
            compact(signing.sign(message, hand.nodes[number].keys.signer.key)),
        )
        for number in numbers
    ]
    hand.world.federation.attest_merge(view.id, items)


def conclude(hand: ByHand, number: int) -> bytes:
    """Another node proposes the right merge, the committee signs it, and the round ends."""
    node = hand.nodes[number]
    hand.merged = aggregator.merged(node, hand.view, hand.file, hand.envelopes)
    aggregator.propose(node, hand.view, hand.merged)
    hand.play("finish", "attest")
    assert hand.view.phase == "Final"
    return state.root(hand.merged)


# -- altered merges ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", MERGES)
def test_a_false_merge_is_disproved(settled: ByHand, how: str) -> None:
    """Altered lane, dropped or added update, wrong weights: caught, slashed, replaced."""
    world, wrong = settled.world, MERGES[how](settled)
    liar = propose(settled, wrong)
    challenger = disprove(settled, wrong)
    assert slashes(world) == [Slash(liar, MERGE, 500, challenger)]
    assert (stake(world, liar), owed(world, challenger)) == (0, 250)
    rejected = world.federation.events("MergeRejected")[0]
    assert (rejected["proposer"], rejected["challenger"]) == (liar, challenger)
    assert settled.view.phase == "Merge"

    other = members(settled)[1]
    root = conclude(settled, other)
    assert world.federation.state_root() == root != state.root(wrong)
    assert [(e["id"], e["amount"]) for e in world.federation.events("Credited")] == [(other, POOL)]
    assert liar not in ByHand(world, settled.merged).play("open").view.members
    check_books(world)


@pytest.mark.parametrize("rule", [EQUAL, SCORE])
@pytest.mark.parametrize("bits", codec.BITS)
def test_a_lane_is_disproved_at_every_width(
    make_world: Callable[..., World], bits: int, rule: int
) -> None:
    """Altered lane, in the last block, of updates with 8, 4 and 2 bits and by both weight rules."""
    hand = ByHand(make_world(nodes=3, weight_rule=rule, min_score=-(10**9)))
    hand.play("open")
    for number in hand.nodes:
        hand.submit(number, hand.forge(number, codec.quantise(hand.delta(number), bits)))
    hand.play("settle", "commit")
    node = hand.nodes[hand.view.committee[0]]
    wrong = aggregator.merged(node, hand.view, hand.file, hand.envelopes).copy()
    wrong[-1] -= 1
    propose(hand, wrong)
    shown = proof(hand, wrong)
    assert (shown.leaf, shown.block) == (1, 7)
    assert {len(leaf.data) for leaf in shown.updates} == {codec.leaf_size(bits)}
    disprove(hand, wrong)
    assert hand.view.phase == "Merge" and len(slashes(hand.world)) == 1


def test_a_quorum_that_colludes(settled: ByHand) -> None:
    """Colluding quorum on an altered merge: one watcher disproves it; all who signed it pay."""
    world, wrong = settled.world, altered_lane(settled)
    honest, liar = members(settled)[0], propose(settled, wrong)
    friends = [n for n in settled.view.committee if n != honest]
    sign(settled, state.root(wrong), *friends)
    assert len(settled.view.attested) == TERMS.quorum
    with pytest.raises(TransactionReverted, match="NothingDue"):
        world.federation.advance(1)  # signed by a quorum, and still open to dispute

    challenger = disprove(settled, wrong)
    signers = [n for n in settled.view.committee if n in friends and n != liar]
    expected = [Slash(liar, MERGE, 500, challenger)]
    expected += [Slash(number, ATTESTATION, 250, challenger) for number in signers]
    assert slashes(world) == expected
    assert owed(world, challenger) == sum(one.amount for one in expected) // 2
    assert world.federation.state_root() == state.root(settled.base)
    check_books(world)


def test_an_honest_signature_does_not_save_a_dishonest_one(settled: ByHand) -> None:
    """Attesting a disproved merge: a signature on the right root is not held against anybody."""
    wrong = altered_lane(settled)
    first, second = members(settled)[:2]
    liar = propose(settled, wrong)
    right = aggregator.merged(settled.nodes[first], settled.view, settled.file, settled.envelopes)
    with pytest.raises(TransactionReverted, match="BadSignature"):
        sign(settled, state.root(right), second)
    disprove(settled, wrong)
    assert [(one.node, one.offence) for one in slashes(settled.world)] == [(liar, MERGE)]


def test_a_merge_that_nobody_disputes_in_time_is_final(settled: ByHand) -> None:
    """The limit of it: nobody watches, or the watcher comes too late."""
    world, wrong = settled.world, altered_lane(settled)
    propose(settled, wrong)
    late = proof(settled, wrong)
    sign(settled, state.root(wrong), *settled.view.committee)
    assert settled.view.deadline == world.chain.timestamp() + TERMS.dispute_window
    world.pass_deadline()
    world.federation.advance(1)
    assert world.federation.state_root() == state.root(wrong)
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        world.federation.dispute_merge(late)
    assert slashes(world) == []


def test_more_signatures_do_not_move_the_end(settled: ByHand) -> None:
    """Stalling: signatures that come in late, or again, neither shorten nor extend the window."""
    settled.propose()
    first, second, third = settled.view.committee
    settled.attest(first, second)
    end = settled.view.deadline
    settled.world.chain.increase_time(TERMS.dispute_window // 2)
    settled.attest(third)
    sign(settled, settled.view.proposal, first)
    assert settled.view.deadline == end


# -- rubbish and silence -------------------------------------------------------------------------


def test_a_root_that_nobody_can_show(settled: ByHand) -> None:
    """Garbage root: there is nothing to disprove, nobody signs it, and it falls at its deadline."""
    world, number = settled.world, settled.view.aggregator
    settled.nodes[number].federation.propose_merge(1, b"\x99" * 32)
    for member in settled.view.committee:
        with pytest.raises(RoundFailed, match="Do not attest"):
            settled.attest(member)
    world.pass_deadline()
    world.federation.advance(1)
    rejected = world.federation.events("MergeRejected")[0]
    assert (rejected["proposer"], rejected["challenger"]) == (number, NOBODY)
    assert slashes(world) == [] and settled.view.phase == "Merge"
    with pytest.raises(TransactionReverted, match="ProposerBarred"):
        settled.nodes[number].federation.propose_merge(1, b"\x98" * 32)
    other = members(settled)[0]
    assert world.federation.state_root() == state.root(settled.base)
    assert world.federation.round().rejected == 1
    assert conclude(settled, other) == world.federation.state_root()


def test_a_merge_without_a_quorum_is_not_final(settled: ByHand) -> None:
    """Garbage root, with one friend: fewer than a quorum are as good as none."""
    world, root = settled.world, b"\x99" * 32
    settled.nodes[settled.view.aggregator].federation.propose_merge(1, root)
    sign(settled, root, settled.view.committee[0])
    world.pass_deadline()
    world.federation.advance(1)
    assert settled.view.phase == "Merge"
    assert world.federation.state_root() == state.root(settled.base)


def test_rubbish_by_one_after_the_other(settled: ByHand) -> None:
    """Garbage roots until the round gives up: it ends as it began, and what was earned is paid."""
    world, free = settled.world, settled.world.federation.escrow().free
    others = [n for n in settled.nodes if n != settled.view.aggregator]
    for number in (settled.view.aggregator, *others[:3]):
        settled.nodes[number].federation.propose_merge(1, bytes([number]) * 32)
        world.pass_deadline()
        world.federation.advance(1)
    assert settled.view.phase == "Final"
    assert world.federation.state_root() == state.root(settled.base)
    assert world.federation.escrow().free == free + POOL
    assert world.federation.events("Credited") == []
    for number in settled.nodes:
        world.federation.claim(number)
    ByHand(world, settled.base).play("open")
    check_books(world)


def test_nobody_proposes(settled: ByHand) -> None:
    """Stalling by all: the round ends by time alone, as it began; the pool of the merge returns."""
    world, free = settled.world, settled.world.federation.escrow().free
    world.pass_deadline()
    with pytest.raises(TransactionReverted, match="NothingDue"):
        world.federation.advance(1)
    world.chain.increase_time(TERMS.challenge_window)
    world.federation.advance(1)
    assert settled.view.phase == "Final"
    assert world.federation.state_root() == state.root(settled.base)
    assert world.federation.escrow().free == free + POOL


def test_who_has_nothing_to_lose_does_not_propose(settled: ByHand) -> None:
    """An aggregator without its bond: whoever has one proposes after the deadline."""
    world, poor = settled.world, settled.view.aggregator
    report(world.federation, equivocate(settled, poor))
    for late in (False, True):
        with pytest.raises(TransactionReverted, match="NotBonded"):
            settled.nodes[poor].federation.propose_merge(1, b"\x99" * 32)
        if not late:
            world.pass_deadline()
    conclude(settled, members(settled)[0])


def test_a_liar_among_liars(settled: ByHand) -> None:
    """Altered merges one after the other: each costs a stake, and the next node is honest."""
    world, wrong = settled.world, altered_lane(settled)
    liar = propose(settled, wrong)
    disprove(settled, wrong)
    second = next(n for n in settled.nodes if n not in (liar, members(settled)[0]))
    wrong[17] += 1
    aggregator.propose(settled.nodes[second], settled.view, wrong)
    disprove(settled, wrong)
    assert [one.node for one in slashes(world)] == [liar, second]
    conclude(settled, members(settled)[0])


# -- dishonest disputes --------------------------------------------------------------------------


def show(hand: ByHand, proposed: State, place: dispute.Place = (0, 0)) -> MergeProof:
    """A complete proof about any block, right or wrong."""
    accepted = []
    for update in hand.view.updates:
        file = hand.nodes[update.node].home.journal(hand.view.id).read("update.safetensors")
        held = decode_update(file, LAYOUT)
        weight = hand.world.weights(hand.view.id)[update.node]
        digest = held.manifest.digest
        accepted.append(Accepted(update.node, update.digest, weight, digest, held.encoded))
    return dispute.build(hand.view.id, place, hand.base, proposed, accepted)


@pytest.mark.parametrize("place", [(0, 0), (0, 7), (1, 0), (1, 7)])
def test_a_right_merge_cannot_be_disputed(settled: ByHand, place: dispute.Place) -> None:
    """Frivolous dispute: refused whatever block it shows, and the merge becomes final."""
    settled.propose()
    frivolous = show(settled, settled.merged, place)
    sender = settled.nodes[5].federation
    with pytest.raises(TransactionReverted, match="MergeCorrect"):
        sender.dispute_merge(frivolous)
    settled.play("finish", "attest")
    assert settled.world.federation.state_root() == state.root(settled.merged)
    assert slashes(settled.world) == []


def other_data(leaf: Leaf) -> Leaf:
    return replace(leaf, data=bytes([leaf.data[0] ^ 1]) + leaf.data[1:])


def first_update(shown: MergeProof, leaf: Leaf) -> tuple[Leaf, ...]:
    return (leaf, *shown.updates[1:])


LIES: dict[str, tuple[str, Callable[[MergeProof], dict[str, Any]]]] = {
    "another base": ("WrongLeaf", lambda p: {"base": other_data(p.base)}),
    "another merge": ("WrongLeaf", lambda p: {"merged": other_data(p.merged)}),
    "the base for the merge": ("WrongLeaf", lambda p: {"merged": p.base}),
    "another update": (
        "WrongLeaf",
        lambda p: {"updates": first_update(p, other_data(p.updates[0]))},
    ),
    "updates in another order": ("WrongLeaf", lambda p: {"updates": p.updates[::-1]}),
    "another manifest": ("WrongLeaf", lambda p: {"manifests": (bytes(32), *p.manifests[1:])}),
    "another place": ("WrongLeaf", lambda p: {"leaf": 1}),
    "a place beyond the tree": ("WrongLeaf", lambda p: {"leaf": 2}),
    "a shorter path": ("WrongLeaf", lambda p: {"base": replace(p.base, path=())}),
    "a longer path": (
        "WrongLeaf",
        lambda p: {"merged": replace(p.merged, path=(*p.merged.path, bytes(32)))},
    ),
    "half a leaf": (
        "WrongLeaf",
        lambda p: {"base": replace(p.base, data=p.base.data[:512])},
    ),
    "a ninth block": ("WrongBlock", lambda p: {"block": 8}),
    "an update less": (
        "WrongOutcome",
        lambda p: {
            "accepted": p.accepted[36:], "manifests": p.manifests[1:], "updates": p.updates[1:]
        },
    ),
    "other weights": (
        "WrongOutcome",
        lambda p: {"accepted": p.accepted[:-1] + bytes([p.accepted[-1] ^ 1])},
    ),
    "fewer leaves than updates": ("WrongOutcome", lambda p: {"updates": p.updates[1:]}),
    "more manifests than updates": (
        "WrongOutcome",
        lambda p: {"manifests": (*p.manifests, bytes(32))},
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_right_merge_cannot_be_disputed_by_lies(settled: ByHand, lie: str) -> None:
    """Frivolous dispute: leaves, lists and places that would make a right merge look wrong."""
    error, change = LIES[lie]
    settled.propose()
    shown = show(settled, settled.merged)
    with pytest.raises(TransactionReverted, match=error):
        settled.nodes[5].federation.dispute_merge(replace(shown, **change(shown)))
    assert settled.view.phase == "Proposed" and slashes(settled.world) == []


def test_a_right_block_of_a_wrong_merge(settled: ByHand) -> None:
    """Frivolous dispute: the merge is wrong, but not where the sender says."""
    wrong = altered_lane(settled)  # lane 17, in block 0
    propose(settled, wrong)
    with pytest.raises(TransactionReverted, match="MergeCorrect"):
        settled.nodes[5].federation.dispute_merge(show(settled, wrong, (0, 1)))
    settled.nodes[5].federation.dispute_merge(show(settled, wrong, (0, 0)))


def test_a_front_run_dispute(settled: ByHand) -> None:
    """Front-run dispute: a copy gets in first and earns the reward. The merge falls all the same.

    The watcher has lost its gas, the offender its stake, nobody anything else.
    """
    world, wrong = settled.world, altered_lane(settled)
    liar = propose(settled, wrong)
    copied = proof(settled, wrong)
    copier, watching = world.federation, settled.nodes[members(settled)[0]].federation
    copier.dispute_merge(copied)
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        watching.dispute_merge(copied)
    assert owed(world, copier.sender.address) == 250 and owed(world, watching.sender.address) == 0
    assert [one.node for one in slashes(world)] == [liar]


def test_disproving_oneself(settled: ByHand) -> None:
    """Self-report: a liar that is about to be caught disputes first. Half of its stake is gone."""
    world, wrong = settled.world, altered_lane(settled)
    liar = propose(settled, wrong)
    settled.nodes[liar].federation.dispute_merge(proof(settled, wrong))
    assert owed(world, settled.nodes[liar].federation.sender.address) == 250
    assert stake(world, liar) == 0 and settled.view.phase == "Merge"


def test_a_dispute_again(settled: ByHand) -> None:
    """Replay of a dispute: against the next proposal, and against that of another round."""
    world, wrong = settled.world, altered_lane(settled)
    propose(settled, wrong)
    used = proof(settled, wrong)
    world.federation.dispute_merge(used)
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        world.federation.dispute_merge(used)
    node = settled.nodes[members(settled)[0]]
    settled.merged = aggregator.merged(node, settled.view, settled.file, settled.envelopes)
    aggregator.propose(node, settled.view, settled.merged)
    with pytest.raises(TransactionReverted, match=r"WrongLeaf\(index=1\)"):
        world.federation.dispute_merge(used)
    settled.play("finish", "attest")

    following = ByHand(world, settled.merged).play("propose")
    assert following.view.phase == "Proposed"
    with pytest.raises(TransactionReverted, match="WrongRound"):
        world.federation.dispute_merge(used)
    with pytest.raises(TransactionReverted, match="WrongOutcome"):
        world.federation.dispute_merge(replace(used, round=2))
    assert len(slashes(world)) == 1


def test_a_signature_of_a_rejected_root_again(settled: ByHand) -> None:
    """Replay of attestations: those of a rejected root do not count for the next proposal."""
    wrong = altered_lane(settled)
    liar = propose(settled, wrong)
    sign(settled, state.root(wrong), *members(settled))
    disprove(settled, wrong)
    other = members(settled)[0]
    node = settled.nodes[other]
    right = aggregator.merged(node, settled.view, settled.file, settled.envelopes)
    # Half of its stake is gone: it has no bond left. Somebody else proposes.
    with pytest.raises(TransactionReverted, match="NotBonded"):
        node.federation.propose_merge(1, state.root(right))
    third = next(n for n in settled.nodes if n not in (liar, *settled.view.committee))
    settled.nodes[third].federation.propose_merge(1, state.root(right))
    assert settled.view.attested == frozenset()
    with pytest.raises(TransactionReverted, match="BadSignature"):
        sign(settled, state.root(wrong), *members(settled))
