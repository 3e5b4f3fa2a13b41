"""Commitments that come late, twice or from elsewhere, and dishonest relayers."""

import secrets
from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import World, register

from collegium.chain.receipts import Receipt
from collegium.errors import TransactionReverted
from collegium.protocol import signing, state
from collegium.protocol.container import encode_update
from collegium.protocol.packed import pack_commitment
from collegium.protocol.settlement import INVALID
from collegium.protocol.signing import compact
from collegium.roles import contributor
from collegium.roles.contributor import Attestation

BAD_SIGNATURE, NOT_ACTIVE, ALREADY_COMMITTED = 0, 1, 2  # the contract's SkipReason


@pytest.fixture
def opened(hand: ByHand) -> ByHand:
    return hand.play("open")


def item(made: Attestation) -> bytes:
    return pack_commitment(made.node, made.digest, compact(made.signature))


def skipped(receipt: Receipt) -> list[int]:
    """Reasons for which the contract skipped items of a batch."""
    return [event["reason"] for event in receipt.events if event.name == "CommitSkipped"]


def committed(world: World) -> list[int]:
    return [update.node for update in world.view().updates]


# -- at the wrong time, or twice -----------------------------------------------------------------


def test_late_commit(opened: ByHand) -> None:
    """Late commit: a node waits to see the others' digests and misses the deadline."""
    world, late = opened.world, opened.train(3)
    opened.commit(1, 2)
    world.pass_deadline()
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        opened.nodes[3].federation.commit_update(1, late.digest)
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        world.federation.commit_updates(1, [item(late)])
    assert sorted(committed(world)) == [1, 2]


def test_duplicate_commit(opened: ByHand) -> None:
    """Duplicate commit: a second update, so that the node can choose later which to deliver."""
    node, made = opened.nodes[1], opened.train(1)
    opened.commit(1)
    other = opened.forge(1, 2 * opened.delta(1))
    with pytest.raises(TransactionReverted, match="AlreadyCommitted"):
        node.federation.commit_update(1, other.manifest.update_digest)
    again = pack_commitment(made.node, other.manifest.update_digest, compact(other.signature))
    assert skipped(opened.world.federation.commit_updates(1, [again])) == [ALREADY_COMMITTED]
    assert [u.digest for u in opened.view.updates] == [made.digest]


# -- replay --------------------------------------------------------------------------------------


def test_replay_across_rounds(opened: ByHand) -> None:
    """Replay: a signature from a cancelled round is relayed in the next, on the same base."""
    world, old = opened.world, opened.train(1)
    world.pass_deadline()
    world.federation.advance(1)
    ByHand(world).open()
    receipt = world.federation.commit_updates(2, [item(old)])
    assert skipped(receipt) == [BAD_SIGNATURE] and committed(world) == []


def test_a_node_replays_its_own_old_update(opened: ByHand) -> None:
    """Replay: a node commits its update of an earlier round again, to be paid twice."""
    world, old = opened.world, opened.train(5)
    file = opened.nodes[5].home.journal(1).read("update.safetensors")
    world.pass_deadline()
    world.federation.advance(1)
    hand = ByHand(world)
    hand.open()
    hand.nodes[5].federation.commit_update(2, old.digest)
    hand.commit(1, 2, 3, 4)
    hand.draw()
    hand.smuggle(5, file)
    hand.play("settle", "deliver")
    found = {f.code for vote in hand.votes.values() for f in vote.findings.get(5, ())}
    assert found >= {"signature", "round"}
    assert world.scores(2)[5] == INVALID and world.pays(2)[5] == 0


def test_replay_across_federations(opened: ByHand) -> None:
    """Replay: the same hospitals and keys are in a second federation on the same chain."""
    world, made = opened.world, opened.train(1)
    other = world.found_another()
    world.federation.mint(other.sender.address, world.terms.reward)
    other.deposit(world.terms.reward)
    for node in opened.nodes.values():
        register(other, node.keys)
    other.open_round()
    assert skipped(other.commit_updates(1, [item(made)])) == [BAD_SIGNATURE]
    assert skipped(world.federation.commit_updates(1, [item(made)])) == []


def test_replay_across_chains(opened: ByHand, make_world: Callable[..., World]) -> None:
    """Replay: another chain has the same contract at the same address, with the same nodes."""
    made, elsewhere = opened.train(1), make_world(chain_id=31338)
    assert elsewhere.federation.address == opened.world.federation.address
    elsewhere.federation.open_round()
    assert skipped(elsewhere.federation.commit_updates(1, [item(made)])) == [BAD_SIGNATURE]


def test_another_nodes_signature_under_ones_own_name(opened: ByHand) -> None:
    """Replay: a stolen signature is used for the thief's account, and the other way round."""
    stolen, own = opened.train(1), opened.nodes[5].keys.account.address
    thief = opened.forge(5, opened.delta(5))
    items = [
        pack_commitment(own, stolen.digest, compact(stolen.signature)),
        pack_commitment(stolen.node, thief.manifest.update_digest, compact(thief.signature)),
    ]
    assert skipped(opened.world.federation.commit_updates(1, items)) == [BAD_SIGNATURE] * 2


# -- wrong base ----------------------------------------------------------------------------------


def test_wrong_base(opened: ByHand) -> None:
    """Wrong base: a node trained from another model and says so; its update is invalid here."""
    world = opened.world
    other = opened.base.copy()
    other[0] = 2**20
    update = opened.forge(5, opened.delta(5), base=state.root(other).hex())
    opened.submit(5, update)
    opened.nodes[5].federation.commit_update(1, update.manifest.update_digest)
    opened.commit(1, 2, 3, 4)
    opened.draw()
    opened.smuggle(5, encode_update(update))
    opened.play("settle", "deliver")
    found = {f.code for vote in opened.votes.values() for f in vote.findings.get(5, ())}
    assert "base" in found and world.scores(1)[5] == INVALID


def test_a_signature_over_another_base_is_no_commitment(opened: ByHand) -> None:
    """Wrong base: a signature over one base is relayed in a round on another."""
    made = opened.train(1)
    domain = opened.world.domain
    message = domain.update_digest(1, made.node, b"\x05" * 32, made.digest)
    signature = signing.sign(message, opened.nodes[1].keys.signer.key)
    bad = pack_commitment(made.node, made.digest, compact(signature))
    assert skipped(opened.world.federation.commit_updates(1, [bad])) == [BAD_SIGNATURE]


# -- relayers --------------------------------------------------------------------------------------


def test_relayer_censoring(opened: ByHand) -> None:
    """Censoring: the relayer leaves node 3 out; node 3 commits by itself and is paid."""
    world, censored = opened.world, opened.train(3)
    opened.commit(1, 2, 4, 5)
    contributor.commit(opened.nodes[3], opened.view, censored)
    opened.made[3] = censored
    opened.settle_all()
    assert 3 in committed(world) and world.pays(1)[3] > 0


def test_relayer_reordering(make_world: Callable[..., World]) -> None:
    """Reordering: the order of the batch changes neither scores nor pay nor the merge."""
    outcomes = []
    for order in ((1, 2, 3, 4, 5), (5, 3, 1, 2, 4)):
        world = make_world()
        hand = ByHand(world)
        hand.open()
        made = {number: hand.train(number) for number in order}
        world.federation.commit_updates(1, [item(made[number]) for number in order])
        assert committed(world) == list(order)
        hand.made = made
        hand.settle_all()
        outcomes.append((world.scores(1), world.pays(1), world.federation.state_root()))
    assert outcomes[0] == outcomes[1]


def test_griefing_a_batch_with_bad_items(opened: ByHand) -> None:
    """Griefing: each bad item among good ones is skipped with its reason."""
    world, federation = opened.world, opened.world.federation
    good = {number: opened.train(number) for number in (1, 2, 3)}
    stranger = pack_commitment("0x" + "ee" * 20, bytes(32), secrets.token_bytes(64))
    zero = bytes(116)
    flipped = bytearray(item(good[3]))
    flipped[60] ^= 1
    federation.revoke(4)
    batch = [stranger, item(good[1]), zero, item(good[1]), bytes(flipped), item(good[2])]
    receipt = federation.commit_updates(1, batch)
    expected = [BAD_SIGNATURE, BAD_SIGNATURE, ALREADY_COMMITTED, BAD_SIGNATURE]
    assert skipped(receipt) == expected and committed(world) == [1, 2]
    opened.commit(3)
    assert committed(world) == [1, 2, 3]


@pytest.mark.parametrize("extra", [b"", b"\x00", bytes(115)])
def test_a_batch_of_broken_length_costs_only_its_sender(opened: ByHand, extra: bytes) -> None:
    """Griefing: a truncated batch reverts; the good items can be relayed again."""
    made = opened.train(1)
    with pytest.raises(TransactionReverted, match="BadLength"):
        opened.world.federation.commit_updates(1, [item(made), extra] if extra else [])
    opened.world.coordinator.relay(1, [made])
    assert committed(opened.world) == [1]


# -- membership in mid-round -----------------------------------------------------------------------


def test_key_revoked_in_mid_round(opened: ByHand) -> None:
    """A revoked node still commits, votes and is paid in the live round, and leaves after it."""
    world = opened.world
    opened.commit()
    opened.draw()
    revoked = opened.view.committee[0]
    world.federation.revoke(revoked)
    opened.play("finish", "deliver")
    assert world.pays(1)[revoked] > 0 and world.fees(1)[revoked] > 0
    account = opened.nodes[revoked].keys.account.address
    world.federation.claim(revoked)
    assert world.federation.balance(account) > 0

    following = ByHand(world, opened.merged)
    following.open()
    assert revoked not in following.view.members
    signer = following.nodes[revoked].federation
    with pytest.raises(TransactionReverted, match="NotActive"):
        signer.commit_update(2, bytes(32))
    made = following.train(revoked)
    assert skipped(world.federation.commit_updates(2, [item(made)])) == [NOT_ACTIVE]


def test_a_node_that_registers_in_mid_round_waits_for_the_next(opened: ByHand) -> None:
    """An attacker that sees a round open cannot join it with more names."""
    world = opened.world
    late = world.join(b"late")
    with pytest.raises(TransactionReverted, match="NotActive"):
        world.node(late).federation.commit_update(1, bytes(32))
    assert late not in world.view().members


def test_a_stolen_digest_cannot_be_committed_before_its_owner(opened: ByHand) -> None:
    """Front-running: the thief can commit the digest first, but so can its owner afterwards."""
    made = opened.train(1)
    opened.nodes[5].federation.commit_update(1, made.digest)
    opened.commit(1)
    assert sorted(committed(opened.world)) == [1, 5]


def test_settling_something_else_than_what_was_committed(opened: ByHand) -> None:
    """An update is left out, repeated, moved or replaced: the hash chain does not match."""
    world = opened.world
    opened.play("reveal", "commit")
    updates = [(u.node, u.digest) for u in world.view().updates]
    for wrong in (updates[:-1], [*updates, updates[0]], updates[::-1], [(1, bytes(32))] * 5):
        with pytest.raises(TransactionReverted, match="WrongUpdates"):
            world.federation.settle(1, updates=wrong)
