"""Offences cost stake, and the stake is still there when they come to light.

The penalties here, of a stake of 500: 50 for a vote that is not revealed and for an invalid update,
500 for a false merge or two updates in one round, 250 for a signature on a false merge.
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
    """The round from which on a node is out."""
    return int(world.federation.node(node).active_until)


# -- votes and updates ---------------------------------------------------------------------------


def test_a_vote_that_is_not_revealed(scored: ByHand) -> None:
    """Unrevealed vote: a member waits for the others, does not like what it sees, and is silent."""
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
    """Unrevealed vote: enough members are silent to end the round. It ends, and they pay for it."""
    world, members = scored.world, scored.view.committee
    scored.vote()
    scored.reveal(*members[2:])
    world.pass_deadline()
    world.federation.advance(1)
    assert scored.view.phase == "Cancelled"
    assert slashes(world) == [Slash(n, UNREVEALED, 50, NOBODY) for n in members[:2]]
    check_books(world)


def test_a_vote_that_was_never_sealed_costs_no_stake(scored: ByHand) -> None:
    """A member that is down from the start loses its fee, as it says nothing that it could keep."""
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
    """Withheld bytes: INVALID to all, and a share of the stake."""
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
    """A committee of one cannot take the stake of its own member by saying nothing about it."""
    hand = ByHand(make_world(nodes=3, committee=1)).play("settle")
    member = hand.view.committee[0]
    assert hand.world.scores(1)[member] == INVALID and slashes(hand.world) == []


def test_offences_of_one_settlement_in_their_order(scored: ByHand) -> None:
    """Both at once: silent members by slot, then invalid updates by commitment."""
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


def test_who_is_left_with_less_than_half_has_to_leave(
    make_world: Callable[..., World],
) -> None:
    """The penalty takes the node below half: out after this round, and back with a full stake."""
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
    """Stake withdrawal before slash: the node leaves, then its offence comes to light."""
    world, proof = opened.world, equivocate(opened, 1)
    owner(opened, 1).exit()
    world.chain.increase_time(TERMS.unbonding - 100)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        world.federation.withdraw_stake(1)
    report(world.federation, proof)
    assert stake(world, 1) == 0
    world.chain.increase_time(TERMS.unbonding)
    world.federation.advance(1)  # nobody committed: cancelled
    with pytest.raises(TransactionReverted, match="NothingToClaim"):
        world.federation.withdraw_stake(1)
    check_books(world)


def test_withdrawing_in_the_round_that_one_takes_part_in(opened: ByHand) -> None:
    """Stake withdrawal before slash: the round is held up until the unbonding is over."""
    world = opened.world
    owner(opened, 1).exit()
    world.chain.increase_time(2 * TERMS.unbonding)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        world.federation.withdraw_stake(1)
    world.federation.advance(1)
    account = opened.nodes[1].keys.account.address
    opened.nodes[2].federation.withdraw_stake(1)  # whoever sends it
    assert world.federation.balance(account) == TERMS.stake and stake(world, 1) == 0
    with pytest.raises(TransactionReverted, match="NothingToClaim"):
        world.federation.withdraw_stake(1)
    check_books(world)


def test_withdrawing_without_leaving(opened: ByHand) -> None:
    """Stake withdrawal before slash: while the node is a member, or for the next round."""
    world = opened.world
    world.chain.increase_time(10 * TERMS.unbonding)
    world.federation.advance(1)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        world.federation.withdraw_stake(1)
    with pytest.raises(TransactionReverted, match="StakeLocked"):
        owner(opened, 1).withdraw_stake(1)


def test_coming_back_ends_the_unbonding(opened: ByHand) -> None:
    """Stake withdrawal before slash: leave, come back, and withdraw by the old date."""
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
    """Stake withdrawal before slash: terms under which a stake could leave first are refused."""
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
    """The sponsor withdraws stakes, what is owed, or forfeited stake past the books."""
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


def test_pausing_holds_back_no_exit_and_no_penalty(opened: ByHand) -> None:
    """The sponsor pauses: leaving, reporting, collecting and withdrawing go on."""
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
    """Only the contracts slash: not the sponsor, not the council, nobody."""
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
