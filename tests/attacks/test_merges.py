"""A dishonest merge before the contract.

One watcher disproves an altered merge, no matter who signed it. A root whose state no one can show
is signed by no one and is rejected.
"""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.offences import (
    ATTESTATION,
    MERGE,
    MERGES,
    NOBODY,
    Slash,
    accepted,
    altered_lane,
    check_books,
    conclude,
    disprove,
    equivocate,
    members,
    owed,
    proof,
    propose,
    report,
    show,
    sign,
    slashes,
    stake,
)
from tests.support.terms import TERMS
from tests.support.world import World

from collegium.errors import RoundFailed, TransactionReverted
from collegium.protocol import codec, state
from collegium.protocol.rules.merging import MEAN, Trimmed, merge
from collegium.protocol.rules.shares import EQUAL, SCORE
from collegium.roles import aggregator

POOL = TERMS.reward * TERMS.aggregator_share // 10_000


@pytest.fixture
def settled(played: Callable[..., ByHand]) -> ByHand:
    return played("settle")


# -- altered merges ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", MERGES)
def test_a_false_merge_is_disproved(settled: ByHand, how: str) -> None:
    """Altered lane, dropped or added update, wrong weights: disproved, slashed and replaced."""
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
    """An altered lane in the last block, for updates of 8, 4 and 2 bits and both weight rules."""
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


@pytest.mark.parametrize("how", ["one lane is altered", "the mean is taken"])
def test_a_false_trimmed_merge_is_disproved(make_world: Callable[..., World], how: str) -> None:
    """An altered lane, or another rule than the card's: the contract computes the trimmed mean."""
    hand = ByHand(make_world(nodes=4, merge_rule=Trimmed.id, merge_parameter=1)).play("settle")
    right = merge(Trimmed(1), hand.base, accepted(hand))
    wrong = merge(MEAN, hand.base, accepted(hand))
    if how == "one lane is altered":
        wrong = right.copy()
        wrong[17] += 1
    liar = propose(hand, wrong)
    challenger = disprove(hand, wrong)
    assert slashes(hand.world) == [Slash(liar, MERGE, 500, challenger)]
    assert conclude(hand, members(hand)[1]) == state.root(right)


def test_a_right_trimmed_merge_is_not_disproved(make_world: Callable[..., World]) -> None:
    """The same proof about a correct block, and about the right root, reverts."""
    hand = ByHand(make_world(nodes=4, merge_rule=Trimmed.id, merge_parameter=1)).play("settle")
    right = merge(Trimmed(1), hand.base, accepted(hand))
    propose(hand, right)
    for leaf, block in ((0, 0), (1, 7)):
        with pytest.raises(TransactionReverted, match="MergeCorrect"):
            hand.world.federation.dispute_merge(show(hand, right, (leaf, block)))
    assert slashes(hand.world) == []


def test_a_quorum_that_colludes(settled: ByHand) -> None:
    """Colluding quorum on an altered merge: one watcher disproves it; all signers are slashed."""
    world, wrong = settled.world, altered_lane(settled)
    honest, liar = members(settled)[0], propose(settled, wrong)
    friends = [n for n in settled.view.committee if n != honest]
    sign(settled, state.root(wrong), *friends)
    assert len(settled.view.attested) == TERMS.quorum
    with pytest.raises(TransactionReverted, match="NothingDue"):
        world.federation.advance(1)  # attested by a quorum, and still open to dispute

    challenger = disprove(settled, wrong)
    signers = [n for n in settled.view.committee if n in friends and n != liar]
    expected = [Slash(liar, MERGE, 500, challenger)]
    expected += [Slash(number, ATTESTATION, 250, challenger) for number in signers]
    assert slashes(world) == expected
    assert owed(world, challenger) == sum(one.amount for one in expected) // 2
    assert world.federation.state_root() == state.root(settled.base)
    check_books(world)


def test_an_honest_signature_does_not_save_a_dishonest_one(settled: ByHand) -> None:
    """Attesting a disproved merge: signers of the right root are not punished."""
    wrong = altered_lane(settled)
    first, second = members(settled)[:2]
    liar = propose(settled, wrong)
    right = aggregator.merged(settled.nodes[first], settled.view, settled.file, settled.envelopes)
    with pytest.raises(TransactionReverted, match="BadSignature"):
        sign(settled, state.root(right), second)
    disprove(settled, wrong)
    assert [(one.node, one.offence) for one in slashes(settled.world)] == [(liar, MERGE)]


def test_a_merge_that_nobody_disputes_in_time_is_final(settled: ByHand) -> None:
    """The limit of disputes: no one watches, or the watcher comes too late."""
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
    """Stalling: late or repeated signatures neither shorten nor extend the window."""
    settled.propose()
    first, second, third = settled.view.committee
    settled.attest(first, second)
    end = settled.view.deadline
    settled.world.chain.increase_time(TERMS.dispute_window // 2)
    settled.attest(third)
    sign(settled, settled.view.proposal, first)
    assert settled.view.deadline == end


# -- garbage and silence -------------------------------------------------------------------------


def test_a_root_that_nobody_can_show(settled: ByHand) -> None:
    """Garbage root: it cannot be disproved, no one signs it, and it expires at its deadline."""
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
    """Garbage root with one accomplice: fewer signatures than a quorum have no effect."""
    world, root = settled.world, b"\x99" * 32
    settled.nodes[settled.view.aggregator].federation.propose_merge(1, root)
    sign(settled, root, settled.view.committee[0])
    world.pass_deadline()
    world.federation.advance(1)
    assert settled.view.phase == "Merge"
    assert world.federation.state_root() == state.root(settled.base)


def test_rubbish_by_one_after_the_other(settled: ByHand) -> None:
    """Garbage roots until the round ends on its base; what was earned is paid."""
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
    """Stalling by all: the round ends on its base by time alone; the merge's pay is refunded."""
    world, free = settled.world, settled.world.federation.escrow().free
    world.pass_deadline()
    with pytest.raises(TransactionReverted, match="NothingDue"):
        world.federation.advance(1)
    world.chain.increase_time(TERMS.challenge_window)
    world.federation.advance(1)
    assert settled.view.phase == "Final"
    assert world.federation.state_root() == state.root(settled.base)
    assert world.federation.escrow().free == free + POOL


def test_a_node_with_nothing_to_lose_cannot_propose(settled: ByHand) -> None:
    """An aggregator has too little stake: a node with enough proposes after the deadline."""
    world, poor = settled.world, settled.view.aggregator
    report(world.federation, equivocate(settled, poor))
    for late in (False, True):
        with pytest.raises(TransactionReverted, match="NotBonded"):
            settled.nodes[poor].federation.propose_merge(1, b"\x99" * 32)
        if not late:
            world.pass_deadline()
    conclude(settled, members(settled)[0])


def test_a_liar_among_liars(settled: ByHand) -> None:
    """Several altered merges in turn: each costs a stake, until an honest node proposes."""
    world, wrong = settled.world, altered_lane(settled)
    liar = propose(settled, wrong)
    disprove(settled, wrong)
    second = next(n for n in settled.nodes if n not in (liar, members(settled)[0]))
    wrong[17] += 1
    aggregator.propose(settled.nodes[second], settled.view, wrong)
    disprove(settled, wrong)
    assert [one.node for one in slashes(world)] == [liar, second]
    conclude(settled, members(settled)[0])


def test_a_signature_of_a_rejected_root_again(settled: ByHand) -> None:
    """Replay: attestations of a rejected root do not count for the next proposal."""
    wrong = altered_lane(settled)
    liar = propose(settled, wrong)
    sign(settled, state.root(wrong), *members(settled))
    disprove(settled, wrong)
    other = members(settled)[0]
    node = settled.nodes[other]
    right = aggregator.merged(node, settled.view, settled.file, settled.envelopes)
    # Half of its stake is gone, too little to propose: another node does.
    with pytest.raises(TransactionReverted, match="NotBonded"):
        node.federation.propose_merge(1, state.root(right))
    third = next(n for n in settled.nodes if n not in (liar, *settled.view.committee))
    settled.nodes[third].federation.propose_merge(1, state.root(right))
    assert settled.view.attested == frozenset()
    with pytest.raises(TransactionReverted, match="BadSignature"):
        sign(settled, state.root(wrong), *members(settled))
