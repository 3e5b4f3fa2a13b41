"""Keys change, nodes leave and come back; nothing is lost at any moment in between."""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.passphrase import PASSPHRASE
from tests.support.world import World

from collegium.chain import history
from collegium.chain.federation import Federation
from collegium.consortium import membership
from collegium.consortium.joining import require_active
from collegium.errors import (
    LeftNode,
    MissingKeys,
    NothingOwed,
    StakeLocked,
    TransactionReverted,
    WrongPassphrase,
)
from collegium.roles import contributor, validator
from collegium.workspace.home import NodeHome
from collegium.workspace.keyring import Keyring, signers


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Three hospitals."""
    return make_world(nodes=3)


def rotate(world: World, number: int) -> membership.Rotated:
    done = membership.rotate(world.homes[number], world.federation, PASSPHRASE)
    world.federation.sender.send(done.keys.signer.address, value=10**17)  # gas for its votes
    return done


# -- rotation --------------------------------------------------------------------------------------


def test_new_keys_serve_from_the_next_round_on(world: World) -> None:
    hand = ByHand(world)
    hand.open()
    old = world.node(2)
    done = rotate(world, 2)
    assert done.active_from == 2 and done.keys.account.address == old.keys.account.address
    assert done.keys.signer.address != old.keys.signer.address
    restarted = world.node(2)
    assert restarted.keys.signer.address == done.keys.signer.address, "the newest"
    serving = restarted.as_signer(hand.view.nodes[2].signer)
    assert serving.keys.signer.address == old.keys.signer.address, "those of the round"
    assert serving.keys.encryption_public == old.keys.encryption_public
    hand.nodes[2] = serving
    hand.play("finish", "commit")
    assert set(world.scores(1)) == {1, 2, 3} and min(world.fees(1).values()) > 0

    following = ByHand(world, hand.merged)
    following.open()
    assert restarted.as_signer(following.view.nodes[2].signer) is restarted
    following.nodes[2] = restarted
    following.play("finish", "commit")
    assert set(world.scores(2)) == {1, 2, 3} and min(world.fees(2).values()) > 0


def test_a_rotated_out_signer_is_refused(world: World) -> None:
    old = world.node(2)
    rotate(world, 2)  # no round is live: the next one is the first with the new keys
    hand = ByHand(world)
    hand.open()
    made = hand.train(2)
    with pytest.raises(TransactionReverted, match="NotActive"):
        contributor.commit(old, hand.view, made)


def test_what_was_sealed_to_old_keys_can_still_be_opened(world: World) -> None:
    """The state of a finished round is asked for when the node has new keys already."""
    hand = ByHand(world)
    hand.play("propose")
    rotate(world, 2)
    node = world.node(2).as_signer(hand.view.nodes[2].signer)
    node.home.forget_deliveries(before=2)  # nothing but the sealed bytes and the keys
    _, signature = validator.attest(node, hand.view, hand.file, hand.envelopes)
    assert len(signature) == 65


class Crash(Exception):
    """The machine stops here."""


@pytest.mark.parametrize("sent", [False, True], ids=["before", "after"])
def test_a_crash_around_the_transaction_loses_no_key(
    world: World, monkeypatch: pytest.MonkeyPatch, sent: bool
) -> None:
    send = Federation.rotate

    def crash(self: Federation, *keys: object) -> None:
        if sent:
            send(self, *keys)  # type: ignore[arg-type]
        raise Crash

    monkeypatch.setattr(Federation, "rotate", crash)
    with pytest.raises(Crash):
        rotate(world, 2)
    monkeypatch.undo()
    on_disk = signers(world.homes[2].keys)
    assert len(on_disk) == 2
    node = world.node(2)  # opens the keys that the chain names
    assert node.keys.signer.address == on_disk[int(sent)]
    done = rotate(world, 2)
    assert done.keys.signer.address == (on_disk[1] if not sent else signers(node.home.keys)[2])
    assert world.node(2).keys.signer.address == done.keys.signer.address


def test_half_written_keys_are_no_keys(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    home = world.homes[2]
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        rotate(world, 2)
    monkeypatch.setattr("os.fsync", lambda file: None)
    assert len(signers(home.keys)) == 1 and world.node(2).id == 2
    rotate(world, 2)
    assert len(signers(home.keys)) == 2


def test_a_new_transport_key_only_if_wanted(world: World) -> None:
    before = world.node(2).keys.transport_digest
    assert rotate(world, 2).keys.transport_digest == before
    renewed = membership.rotate(world.homes[2], world.federation, PASSPHRASE, transport=True)
    assert renewed.keys.transport_digest != before
    assert world.federation.node(2).transport_key == renewed.keys.transport_digest
    assert world.node(2).keys.transport_digest == renewed.keys.transport_digest
    kept = rotate(world, 2)  # the next generation keeps the newest transport key
    assert kept.keys.transport_digest == renewed.keys.transport_digest
    assert world.node(2).keys.transport_digest == renewed.keys.transport_digest


def test_with_a_wrong_passphrase_nothing_is_made(world: World) -> None:
    with pytest.raises(WrongPassphrase):
        membership.rotate(world.homes[2], world.federation, "wrong")
    assert len(signers(world.homes[2].keys)) == 1


def test_keys_that_are_elsewhere_are_named(world: World) -> None:
    done = rotate(world, 2)
    (world.homes[2].keys / "2").rename(world.folder / "elsewhere")
    with pytest.raises(MissingKeys, match=done.keys.signer.address):
        world.node(2)


# -- leaving and coming back -----------------------------------------------------------------------


def account_of(world: World, number: int) -> Keyring:
    return NodeHome(world.homes[number].path).keyring()


def leave(world: World, number: int) -> int:
    """When the stake is free."""
    receipt = world.federation.using(account_of(world, number).account).exit()
    return int(receipt.event("Unbonding")["until"])


def test_a_node_that_leaves_finishes_the_round_and_takes_its_stake_later(world: World) -> None:
    hand = ByHand(world)
    hand.play("deliver")
    until = leave(world, 2)
    with pytest.raises(LeftNode):
        require_active(world.federation, 2)
    hand.play("finish", "vote")
    assert world.pays(1)[2] > 0
    with pytest.raises(StakeLocked) as early:
        membership.withdraw_stake(world.federation, 2)
    assert early.value.code == "CG307" and str(until) in early.value.found
    with pytest.raises(StakeLocked, match="to have left"):
        membership.withdraw_stake(world.federation, 1)
    world.chain.increase_time(until - world.chain.timestamp())
    before = world.federation.balance(account_of(world, 2).account.address)
    paid = membership.withdraw_stake(world.federation, 2).event("StakeWithdrawn")
    assert paid["amount"] == world.terms.stake == 500
    assert world.federation.balance(paid["account"]) == before + 500
    with pytest.raises(NothingOwed):
        membership.withdraw_stake(world.federation, 2)


def test_a_node_comes_back_under_its_id_with_a_new_signer(world: World) -> None:
    leave(world, 2)
    home, keys = world.homes[2], account_of(world, 2)
    fresh = membership.unused_keys(home, world.federation, PASSPHRASE)
    assert fresh.signer.address != keys.signer.address
    receipt = world.federation.using(keys.account).register(
        fresh.signer.address, fresh.encryption_public, fresh.transport_digest
    )
    assert receipt.event("NodeRegistered")["id"] == 2
    assert receipt.event("Staked")["amount"] == 0, "its stake was still there"
    assert world.node(2).keys.signer.address == fresh.signer.address
    world.federation.open_round()
    assert world.view().members == (1, 2, 3)


def test_the_registry_in_events_is_the_one_in_the_contract(world: World) -> None:
    world.federation.open_round()
    world.join(b"late")  # takes part from the next round on
    world.federation.revoke(1)
    rotate(world, 2)
    leave(world, 3)
    events = world.federation.events()
    found = history.nodes(events)
    assert list(found.values()) == world.federation.nodes()
    assert found[4].active_from == found[2].active_from == 2
    assert found[1].active_until == found[3].active_until == 2
    now, then = history.nodes(events, 1), history.nodes(events, 2)
    assert [n.id for n in now.values() if n.active_in(1)] == [1, 2, 3]
    assert [n.id for n in then.values() if n.active_in(2)] == [2, 4]
    assert now[2].signer == signers(world.homes[2].keys)[0] != then[2].signer


def test_a_membership_that_was_over_before_it_began_changes_no_earlier_round(world: World) -> None:
    """Out in round 1, back in round 2, out again in round 2: it was in neither 2 nor 3."""
    hand = ByHand(world)
    leave(world, 3)
    with pytest.raises(TransactionReverted, match="TooFewNodes"):
        hand.open()
    world.join(b"another")
    world.federation.open_round()
    home, account = world.homes[3], account_of(world, 3).account
    fresh = membership.unused_keys(home, world.federation, PASSPHRASE)
    world.federation.using(account).register(
        fresh.signer.address, fresh.encryption_public, fresh.transport_digest
    )
    world.federation.using(account).exit()
    events = world.federation.events()
    for number in (1, 2, 3):
        assert not history.nodes(events, number)[3].active_in(number)
    assert list(history.nodes(events).values()) == world.federation.nodes()
