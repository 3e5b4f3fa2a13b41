"""Offences cost stake, and the stake is still there when they are discovered.

The stake here is 500. Penalties: 50 for a vote that is not revealed and for an invalid update, 500
for a false merge or two updates in one round, 250 for a signature on a false merge.
"""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.offences import (
    INVALID_UPDATE,
    NOBODY,
    UNREVEALED,
    Slash,
    check_books,
    equivocate,
    forfeited,
    left,
    owner,
    report,
    slashes,
    stake,
)
from tests.support.terms import TERMS
from tests.support.world import World

from collegium.chain.bindings import deploy
from collegium.chain.parts import PARTS
from collegium.chain.shipped import artifact
from collegium.errors import TransactionReverted
from collegium.protocol.membership import FOREVER
from collegium.protocol.model.machine import ZERO_ADDRESS
from collegium.protocol.model.registry import LeaveReason
from collegium.protocol.settlement import INVALID


@pytest.fixture
def scored(played: Callable[..., ByHand]) -> ByHand:
    """Six nodes, five of which validate; all updates are delivered."""
    return played("deliver", nodes=6, committee=5)


@pytest.fixture
def opened(played: Callable[..., ByHand]) -> ByHand:
    return played("open")


def until(world: World, node: int) -> int:
    """The first round that a node no longer takes part in."""
    return int(world.federation.node(node).active_until)


# -- votes and updates ---------------------------------------------------------------------------


def test_a_vote_that_is_not_revealed(scored: ByHand) -> None:
    """Unrevealed vote: a member sees the others' votes and then does not reveal its own."""
    world, (silent, *others) = scored.world, scored.view.committee
    scored.vote()
    scored.reveal(*others)
    world.pass_deadline()
    scored.settle()
    assert slashes(world) == [Slash(silent, UNREVEALED, 50, NOBODY)]
    assert stake(world, silent) == 450 and all(stake(world, n) == 500 for n in others)
    assert forfeited(world) == 50
    check_books(world)


def test_votes_that_are_not_revealed_so_that_the_round_is_cancelled(scored: ByHand) -> None:
    """Unrevealed votes: enough members stay silent to cancel the round, and they are slashed."""
    world, members = scored.world, scored.view.committee
    scored.vote()
    scored.reveal(*members[2:])
    world.pass_deadline()
    world.federation.advance(1)
    assert scored.view.phase == "Cancelled"
    assert slashes(world) == [Slash(n, UNREVEALED, 50, NOBODY) for n in members[:2]]
    check_books(world)


def test_a_vote_that_was_never_sealed_costs_no_stake(scored: ByHand) -> None:
    """A member that was offline all the time loses its fee but no stake: it sealed nothing."""
    world, (absent, *others) = scored.world, scored.view.committee
    scored.vote(*others)
    world.pass_deadline()
    scored.reveal(*others)
    scored.settle()
    assert slashes(world) == [] and world.fees(1)[absent] == 0


def test_leaving_after_sealing(scored: ByHand) -> None:
    """Stake withdrawal before slash: a member seals, leaves, and does not reveal."""
    world, (silent, *others) = scored.world, scored.view.committee
    scored.vote()
    owner(scored, silent).exit()
    scored.reveal(*others)
    world.pass_deadline()
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        world.federation.withdraw_stake(silent)
    scored.settle()
    assert slashes(world) == [Slash(silent, UNREVEALED, 50, NOBODY)]


def test_an_update_that_is_not_delivered(scored: ByHand) -> None:
    """Withheld bytes: all vote INVALID, and the node loses a part of its stake."""
    world = scored.world
    thief = next(n for n in scored.nodes if n not in scored.view.committee)
    del scored.envelopes[thief]
    scored.play("settle", "vote")
    assert world.scores(1)[thief] == INVALID
    assert slashes(world) == [Slash(thief, INVALID_UPDATE, 50, NOBODY)]
    check_books(world)


def test_an_update_that_nobody_else_voted_on_costs_no_stake(
    make_world: Callable[..., World],
) -> None:
    """The only committee member is not slashed because no one voted on its update."""
    hand = ByHand(make_world(nodes=3, committee=1)).play("settle")
    member = hand.view.committee[0]
    assert hand.world.scores(1)[member] == INVALID and slashes(hand.world) == []


def test_offences_of_one_settlement_in_their_order(scored: ByHand) -> None:
    """One settlement slashes silent members by slot, then invalid updates in commit order."""
    world, members = scored.world, scored.view.committee
    outside = next(n for n in scored.nodes if n not in members)
    for number in (outside, members[1]):
        del scored.envelopes[number]
    scored.vote()
    scored.reveal(*members[1:])
    world.pass_deadline()
    scored.settle()
    invalid = [u.node for u in scored.view.updates if u.node in (outside, members[1])]
    expected = [Slash(members[0], UNREVEALED, 50, NOBODY)]
    expected += [Slash(node, INVALID_UPDATE, 50, NOBODY) for node in invalid]
    assert slashes(world) == expected


def test_a_node_with_less_than_half_of_its_stake_has_to_leave(
    make_world: Callable[..., World],
) -> None:
    """Below half of the stake a node leaves after the round; it can return with a full stake."""
    hand = ByHand(make_world(nodes=6, committee=5, unrevealed_penalty=6000)).play("vote")
    world, (silent, *others) = hand.world, hand.view.committee
    hand.reveal(*others)
    world.pass_deadline()
    hand.settle()
    assert stake(world, silent) == 200 and left(world) == [(silent, LeaveReason.SLASHED)]
    assert until(world, silent) == 2 and silent in hand.view.members
    hand.play("finish", "propose")
    account = hand.nodes[silent].keys.account
    world.federation.mint(account.address, 300)
    owner(hand, silent).register("0x" + "5a" * 20, bytes(32), bytes(32))
    assert stake(world, silent) == TERMS.stake and until(world, silent) == FOREVER
    check_books(world)


# -- leaving with the stake ----------------------------------------------------------------------


def test_leaving_first_to_be_slashed_afterwards(opened: ByHand) -> None:
    """Stake withdrawal before slash: the node leaves, then its offence is discovered."""
    world, proof = opened.world, equivocate(opened, 1)
    owner(opened, 1).exit()
    world.chain.increase_time(TERMS.unbonding - 100)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        world.federation.withdraw_stake(1)
    report(world.federation, proof)
    assert stake(world, 1) == 0
    world.chain.increase_time(TERMS.unbonding)
    world.federation.advance(1)  # no one committed, so the round is cancelled
    with pytest.raises(TransactionReverted, match="NothingToClaim"):
        world.federation.withdraw_stake(1)
    check_books(world)


def test_withdrawing_during_a_round_of_its_own(opened: ByHand) -> None:
    """Stake withdrawal before slash: unbonding ends while the node's round is still live."""
    world = opened.world
    owner(opened, 1).exit()
    world.chain.increase_time(2 * TERMS.unbonding)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        world.federation.withdraw_stake(1)
    world.federation.advance(1)
    account = opened.nodes[1].keys.account.address
    opened.nodes[2].federation.withdraw_stake(1)  # for any sender
    assert world.federation.balance(account) == TERMS.stake and stake(world, 1) == 0
    with pytest.raises(TransactionReverted, match="NothingToClaim"):
        world.federation.withdraw_stake(1)
    check_books(world)


def test_withdrawing_without_leaving(opened: ByHand) -> None:
    """Stake withdrawal before slash: a member cannot withdraw between rounds either."""
    world = opened.world
    world.chain.increase_time(10 * TERMS.unbonding)
    world.federation.advance(1)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        world.federation.withdraw_stake(1)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        owner(opened, 1).withdraw_stake(1)


def test_coming_back_ends_the_unbonding(opened: ByHand) -> None:
    """Stake withdrawal before slash: leave, come back, and withdraw on the old date."""
    world = opened.world
    owner(opened, 1).exit()
    owner(opened, 1).register("0x" + "5a" * 20, bytes(32), bytes(32))
    world.chain.increase_time(2 * TERMS.unbonding)
    world.federation.advance(1)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        world.federation.withdraw_stake(1)
    assert stake(world, 1) == TERMS.stake
    check_books(world)


def test_unbonding_is_longer_than_a_round(make_world: Callable[..., World]) -> None:
    """Stake withdrawal before slash: terms with an unbonding shorter than a round are rejected."""
    windows = TERMS.commit_window + TERMS.score_window + TERMS.reveal_window
    windows += TERMS.merge_window + TERMS.challenge_window + TERMS.dispute_window
    world = make_world()
    struct = world.terms.to_struct(bytes(32), bytes(32)) | {"unbonding": windows}
    sender, token = world.federation.sender, world.federation.token.address
    with pytest.raises(TransactionReverted, match="InvalidTerms"):
        parts = dict.fromkeys(PARTS, ZERO_ADDRESS)
        deploy(sender, artifact("Federation"), struct, token, sender.address, parts)


# -- the sponsor ---------------------------------------------------------------------------------


def test_taking_what_was_slashed(opened: ByHand) -> None:
    """The sponsor tries to withdraw stakes, rewards, or forfeited stake that is not recycled."""
    world = opened.world
    report(opened.nodes[2].federation, equivocate(opened, 1))
    free = world.federation.escrow().free
    with pytest.raises(TransactionReverted, match="InsufficientFree"):
        world.federation.withdraw(free + 1)
    world.federation.recycle()
    assert forfeited(world) == 0 and world.federation.escrow().free == free + 250
    with pytest.raises(TransactionReverted, match="NothingOwed"):
        world.federation.recycle()
    check_books(world)


def test_pausing_stops_no_exit_and_no_penalty(opened: ByHand) -> None:
    """While paused, nodes can still leave, report, collect and withdraw."""
    world, proof = opened.world, equivocate(opened, 1)
    world.federation.pause()
    who = opened.nodes[2].federation.sender.address
    report(opened.nodes[2].federation, proof)
    world.federation.collect(who)
    owner(opened, 3).exit()
    world.chain.increase_time(2 * TERMS.unbonding)
    world.federation.advance(1)
    world.federation.withdraw_stake(3)
    assert world.federation.balance(opened.nodes[3].keys.account.address) == TERMS.stake


def test_slashing_by_hand(opened: ByHand) -> None:
    """Only the contracts slash; neither the sponsor nor the council can."""
    federation = opened.world.federation
    calls = (
        (federation.vault, "slash", (1, 500, federation.sender.address), "NotFederation"),
        (federation.vault, "unbond", (1,), "NotFederation"),
        (federation.federation, "disprove", (1, federation.sender.address), "NotDisputes"),
        (federation.federation, "punish", (1, 1, 0, federation.sender.address), "NotDisputes"),
    )
    for contract, function, args, error in calls:
        with pytest.raises(TransactionReverted, match=error):
            contract.transact(federation.sender, function, *args)
