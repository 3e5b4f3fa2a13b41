"""Two updates signed for one round: which proofs are valid, and which are not."""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.offences import (
    EQUIVOCATION,
    Slash,
    check_books,
    equivocate,
    forfeited,
    left,
    owed,
    owner,
    report,
    signed,
    slashes,
    stake,
)
from tests.support.world import World

from collegium.errors import TransactionReverted
from collegium.protocol.model.registry import LeaveReason


@pytest.fixture
def opened(played: Callable[..., ByHand]) -> ByHand:
    return played("open")


def test_two_updates_for_one_round(opened: ByHand) -> None:
    """Equivocation: two signatures of one signer prove it; half the penalty is the reporter's."""
    world, reporter = opened.world, opened.nodes[2].federation
    who = reporter.sender.address
    report(reporter, equivocate(opened, 1))
    assert slashes(world) == [Slash(1, EQUIVOCATION, 500, who)]
    assert left(world) == [(1, LeaveReason.SLASHED)] and stake(world, 1) == 0
    assert (owed(world, who), forfeited(world)) == (250, 250)
    check_books(world)
    world.federation.collect(who)  # anyone can send it; the reward goes to the reporter
    assert world.federation.balance(who) == 250 and owed(world, who) == 0
    with pytest.raises(TransactionReverted, match="NothingOwed"):
        world.federation.collect(who)
    check_books(world)


def test_one_offence_is_punished_once(opened: ByHand) -> None:
    """Equivocation: the same proof again, in the other order, or with a third update reverts."""
    world, proof = opened.world, equivocate(opened, 1)
    report(world.federation, proof)
    third = b"\x03" * 32
    again = [
        proof,
        proof._replace(digests=proof.digests[::-1], signatures=proof.signatures[::-1]),
        proof._replace(
            digests=[proof.digests[0], third],
            signatures=[proof.signatures[0], signed(opened, 1, 1, proof.base, third)],
        ),
    ]
    for one in again:
        with pytest.raises(TransactionReverted, match="AlreadyProven"):
            report(world.federation, one)
    assert len(slashes(world)) == 1


def test_a_stake_is_taken_once(played: Callable[..., ByHand]) -> None:
    """Equivocation in two rounds: for the second proof there is no stake left, so no reward."""
    hand = played("finish")
    world, first = hand.world, equivocate(hand, 1)
    ByHand(world, hand.merged).play("open")
    report(world.federation, equivocate(hand, 1, round_id=2))
    with pytest.raises(TransactionReverted, match="NothingAtStake"):
        report(world.federation, first)
    assert [one.amount for one in slashes(world)] == [500]


def test_false_accusations_are_no_equivocation(
    opened: ByHand, make_world: Callable[..., World]
) -> None:
    """False accusations: one signature twice, another node's, or one from elsewhere."""
    world, proof = opened.world, equivocate(opened, 1)
    one, two = proof.signatures
    base, first, second = proof.base, *proof.digests
    elsewhere = world.found_another()
    attempts = {
        "the same update twice": proof._replace(digests=[first, first], signatures=[one, one]),
        "signed by two nodes": proof._replace(signatures=[one, signed(opened, 2, 1, base, second)]),
        "signed by a stranger": proof._replace(signatures=[bytes(64), two]),
        "under another account": proof._replace(account=opened.nodes[2].keys.account.address),
        "for two rounds": proof._replace(signatures=[one, signed(opened, 1, 2, base, second)]),
        "on two bases": proof._replace(signatures=[one, signed(opened, 1, 1, bytes(32), second)]),
        "in a later round": proof._replace(round=2),
    }
    for attempt in attempts.values():
        with pytest.raises(TransactionReverted, match="NotEquivocal"):
            report(world.federation, attempt)
    with pytest.raises(TransactionReverted, match="NotEquivocal"):
        report(elsewhere, proof)
    assert slashes(world) == []


def test_reporting_oneself(opened: ByHand) -> None:
    """Self-report: an offender that reports itself first still loses half of the penalty."""
    world, account = opened.world, opened.nodes[1].keys.account.address
    report(owner(opened, 1), equivocate(opened, 1))
    world.federation.collect(account)
    assert world.federation.balance(account) == 250


def test_an_offence_that_is_proven_late(played: Callable[..., ByHand]) -> None:
    """Equivocation in an earlier round, by a signer replaced since then, is still punished."""
    hand = played("finish")
    world = hand.world
    proof = equivocate(hand, 1)
    owner(hand, 1).rotate("0x" + "5a" * 20, bytes(32), bytes(32))
    report(world.federation, proof)
    assert slashes(world)[-1][:3] == (1, EQUIVOCATION, 500)
