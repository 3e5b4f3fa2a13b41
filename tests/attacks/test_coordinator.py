"""A dishonest coordinator: the attacks that fail, and the one that it can carry out."""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import World

from collegium.errors import BadProof, TransactionReverted
from collegium.protocol import ledger, state
from collegium.protocol.container import encode_state
from collegium.protocol.settlement import INVALID
from collegium.roles.aggregator import read_base


def test_opening_on_a_wrong_base(played: Callable[..., ByHand], world: World) -> None:
    """Opening on a wrong base reverts, before the first round and after it."""
    with pytest.raises(TransactionReverted, match="WrongBase"):
        world.federation.open_round(b"\x01" * 32)
    hand = played("finish")
    with pytest.raises(TransactionReverted, match="WrongBase"):
        hand.world.federation.open_round(state.root(hand.base))  # back to the state before
    assert world.view().id == 0 and hand.view.id == 1


def test_opening_twice(world: World) -> None:
    """Equivocation: a second round beside the first, for other nodes."""
    world.federation.open_round()
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        world.federation.open_round()
    assert world.federation.escrow().reserved == world.terms.reward


def test_showing_a_node_another_model(world: World, hand: ByHand) -> None:
    """Equivocation: one node is given another model to train on."""
    hand.play("open")
    other = hand.base.copy()
    other[:300] = 12345
    with pytest.raises(BadProof, match="this copy is wrong"):
        read_base(hand.nodes[1], hand.view, encode_state(other))


def test_ending_a_phase_early(world: World, hand: ByHand) -> None:
    """The coordinator cannot cancel, draw or finish an unwelcome round before its deadlines."""
    for step in ("open", "draw", "propose"):
        hand.play(step, {"open": "open", "draw": "commit", "propose": "deliver"}[step])
        with pytest.raises(TransactionReverted, match="NothingDue"):
            world.federation.advance(1)


def test_drawing_again(played: Callable[..., ByHand]) -> None:
    """An unwelcome committee cannot be drawn again."""
    hand = played("draw")
    drawn = hand.view.committee
    with pytest.raises(TransactionReverted, match="NothingDue"):
        hand.world.federation.advance(1)
    assert hand.view.committee == drawn


def test_settling_on_another_ledger(played: Callable[..., ByHand]) -> None:
    """A false ledger would drop earlier earnings, or credit an accomplice."""
    hand = played("finish")
    world = hand.world
    totals = world.settled(1).totals
    second = ByHand(world, hand.merged).play("reveal")
    for wrong in ([], [0] * 5, [sum(totals), 0, 0, 0, 0], [*totals, 1], totals[::-1]):
        with pytest.raises(TransactionReverted, match="WrongLedger"):
            world.federation.settle(2, totals=wrong)
    second.settle()
    assert world.federation.escrow().ledger_root == ledger.root(world.settled(2).totals)


def test_calls_without_the_role(world: World, hand: ByHand) -> None:
    """A node tries to open a round, admit an accomplice, or revoke a competitor."""
    node = hand.nodes[1].federation
    for act in (
        lambda: node.open_round(world.federation.state_root()),
        lambda: node.admit(hand.nodes[1].keys.signer.address),
        lambda: node.revoke(2),
        lambda: node.pause(),
        lambda: node.set_allow_list(b"\x01" * 32),
    ):
        with pytest.raises(TransactionReverted, match="AccessControlUnauthorizedAccount"):
            act()


def test_taking_the_reward_back(world: World, hand: ByHand) -> None:
    """The sponsor tries to withdraw reserved or earned tokens."""
    hand.play("open")
    free = world.federation.escrow().free
    with pytest.raises(TransactionReverted, match="InsufficientFree"):
        world.federation.withdraw(free + 1)
    hand.play("settle", "commit")
    world.federation.withdraw(world.federation.escrow().free)
    hand.play("finish", "propose")
    books = world.federation.escrow()
    assert books.free == 0 and books.conserved
    for number in world.homes:
        world.federation.claim(number)
    assert world.federation.escrow().claimed == books.earned


def test_pausing_does_not_stop_a_live_round(world: World, hand: ByHand) -> None:
    """Pausing in mid-round: the round ends and pays; only the next one cannot be opened."""
    hand.play("open")
    world.federation.pause()
    hand.play("finish", "commit")
    world.federation.claim(1)
    with pytest.raises(TransactionReverted, match="EnforcedPause"):
        world.federation.open_round()


def test_withholding_what_a_node_delivered(played: Callable[..., ByHand]) -> None:
    """The one attack that works: the carrier of the envelopes can drop one.

    The committee must treat the update as not delivered, and its owner is not paid. Members vote
    on the envelopes that they have: one that reaches a member in any other way counts.
    """
    hand = played("deliver")
    world = hand.world
    victim = next(n for n in hand.nodes if n not in hand.view.readers())
    kept = hand.envelopes.pop(victim)
    first, *others = hand.view.committee
    hand.vote(first)
    hand.envelopes[victim] = kept  # the victim delivers it to the other members itself
    hand.vote(*others)
    hand.play("settle", "reveal")
    index = [u.node for u in hand.view.updates].index(victim)
    assert hand.votes[first].scores[index] == INVALID
    assert world.scores(1)[victim] > 0 and world.pays(1)[victim] > 0
