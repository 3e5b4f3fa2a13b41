"""A wrong merge is shown to be wrong by whoever has the updates; a right one cannot be."""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import World

from collegium.errors import BadProof, BlobMissing, RoundFailed, WrongMerge
from collegium.protocol import signing, state
from collegium.protocol.container import encode_state
from collegium.protocol.packed import pack_attestation
from collegium.protocol.rules.shares import EQUAL, SCORE
from collegium.protocol.state import State
from collegium.queries.disputes import with_places
from collegium.queries.rounds import ShownRejection, read_round
from collegium.roles import aggregator, validator, watcher


def propose_wrong(hand: ByHand, lane: int = 0, change: int = 1) -> State:
    """The aggregator changes one number of what it proposes."""
    node, view = hand.nodes[hand.view.aggregator], hand.view
    wrong = aggregator.merged(node, view, hand.file, hand.envelopes)
    wrong[lane] += change
    aggregator.propose(node, view, wrong)
    return wrong


def honest(hand: ByHand) -> int:
    """A committee member that did not propose."""
    return next(n for n in hand.view.committee if n != hand.view.proposer)


def judge(hand: ByHand, number: int, proposed: State | None) -> validator.Judgement:
    file = None if proposed is None else encode_state(proposed)
    node = hand.nodes[number]
    return validator.judge(node, hand.view, hand.file, hand.envelopes, file)


def the_dispute(world: World) -> ShownRejection:
    """The only merge of round 1 that was disproved."""
    shown = read_round(world.federation.events(), 1, world.terms.min_score)
    (dispute,) = with_places(world.federation, shown).disputes
    return dispute


@pytest.mark.parametrize("rule", [EQUAL, SCORE])
@pytest.mark.parametrize("lane", [0, 255, 299])
def test_one_changed_number_is_found_and_costs_the_bond(
    played: Callable[..., ByHand], lane: int, rule: int
) -> None:
    hand = played("settle", weight_rule=rule)
    world, cheat = hand.world, hand.view.aggregator
    wrong = propose_wrong(hand, lane)
    number = honest(hand)
    judged = judge(hand, number, wrong)
    assert judged.signature is None and judged.dispute is not None
    view = hand.view
    assert view.phase == "Merge" and view.barred == {cheat} and cheat not in view.bonded
    dispute = the_dispute(world)
    assert (dispute.leaf, dispute.block) == (lane // 256, lane % 256 // 32)
    assert dispute.gas == judged.dispute.gas_used
    assert dispute.by == hand.nodes[number].keys.account.address
    assert [(s.node, s.offence, s.amount) for s in dispute.slashed] == [(cheat, "merge", 500)]
    assert world.federation.stake(cheat) == 0 and world.federation.node(cheat).left
    assert world.federation.owed(dispute.by) == world.federation.escrow().forfeited == 250


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_updates_of_every_width_can_be_shown(make_world: Callable[..., World], bits: int) -> None:
    hand = ByHand(make_world(settings={"bits": bits}, limits={"norm": 100.0})).play("settle")
    wrong = propose_wrong(hand, 77)
    assert judge(hand, honest(hand), wrong).dispute is not None


def test_those_who_attested_are_slashed_too(played: Callable[..., ByHand]) -> None:
    """A whole committee signs; one honest watcher, here the one that did not, is enough."""
    hand = played("settle", nodes=5, committee=4)
    world, wrong = hand.world, propose_wrong(hand)
    view, watching = hand.view, honest(hand)
    message = world.domain.merge_digest(view.id, view.proposal)
    colluding = [n for n in view.committee if n != watching]
    items = [
        pack_attestation(
            view.committee.index(n),
            signing.compact(signing.sign(message, hand.nodes[n].keys.signer.key)),
        )
        for n in colluding
    ]
    world.federation.attest_merge(view.id, items)
    assert hand.view.phase == "Proposed"
    assert judge(hand, watching, wrong).dispute is not None
    dispute = the_dispute(world)
    lost = {slash.node: (slash.offence, slash.amount) for slash in dispute.slashed}
    expected = {n: ("attestation", 250) for n in colluding if n != view.proposer}
    assert lost == expected | {view.proposer: ("merge", 500)}


def test_a_right_merge_cannot_be_disproved(played: Callable[..., ByHand]) -> None:
    hand = played("propose")
    assert hand.merged is not None
    number, file = honest(hand), encode_state(hand.merged)
    with pytest.raises(WrongMerge, match="the correct one"):
        watcher.object_to(hand.nodes[number], hand.view, hand.file, hand.envelopes, file)
    assert judge(hand, number, hand.merged).signature is not None


def test_what_nobody_shows_is_not_signed_and_not_disputed(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    propose_wrong(hand)
    with pytest.raises(WrongMerge, match="Do not attest"):
        judge(hand, honest(hand), None)
    with pytest.raises(BadProof):
        judge(hand, honest(hand), hand.base)
    assert hand.view.phase == "Proposed"


def test_who_comes_second_has_lost_nothing(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    wrong, stale = propose_wrong(hand), hand.view
    first, second = [n for n in stale.committee if n != stale.proposer][:2]
    assert judge(hand, first, wrong).dispute is not None
    node = hand.nodes[second]
    before = hand.world.chain.head
    late = watcher.object_to(node, stale, hand.file, hand.envelopes, encode_state(wrong))
    assert late is None and hand.world.chain.head == before, "nothing was sent"


def test_there_is_nothing_to_dispute_before_a_proposal(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    with pytest.raises(RoundFailed, match="phase Proposed"):
        watcher.object_to(hand.nodes[1], hand.view, hand.file, hand.envelopes, hand.file)


def test_without_the_updates_nothing_can_be_shown(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    wrong, number = propose_wrong(hand), honest(hand)
    hand.nodes[number].home.forget_deliveries(before=2)
    hand.envelopes.clear()
    with pytest.raises(BlobMissing):
        judge(hand, number, wrong)


def test_the_round_ends_on_the_honest_root(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    cheat, wrong = hand.view.aggregator, propose_wrong(hand)
    judge(hand, honest(hand), wrong)
    replacement = hand.view.candidates()[0]
    assert replacement != cheat
    node = hand.nodes[replacement]
    hand.merged = aggregator.merged(node, hand.view, hand.file, hand.envelopes)
    aggregator.propose(node, hand.view, hand.merged)
    hand.play("finish", "attest")
    wrong[0] -= 1
    assert hand.world.federation.state_root() == state.root(wrong) == state.root(hand.merged)


def test_a_barred_node_does_not_propose_again(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    cheat, wrong = hand.view.aggregator, propose_wrong(hand)
    judge(hand, honest(hand), wrong)
    before = hand.world.chain.head
    aggregator.propose(hand.nodes[cheat], hand.view, wrong)
    assert hand.world.chain.head == before and hand.view.phase == "Merge"
