"""Keys that change in mid-round, retired keys that are used again, and members that come back.

A round uses only the keys that it began with; changes take effect in the next round.
"""

from collections.abc import Callable

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests.support.by_hand import ByHand
from tests.support.offences import owner, stake
from tests.support.terms import TERMS

from collegium.chain.federation import Federation
from collegium.chain.receipts import Receipt
from collegium.errors import TransactionReverted
from collegium.protocol import signing, verdict
from collegium.protocol.membership import FOREVER
from collegium.protocol.model.access import ADMIN
from collegium.protocol.model.registry import allow_leaf
from collegium.protocol.packed import pack_attestation, pack_commitment
from collegium.protocol.signing import compact

FRESH: LocalAccount = Account.from_key(b"\x5a" * 32)
OTHER: LocalAccount = Account.from_key(b"\x5b" * 32)
KEYS = (b"\x0e" * 32, b"\x0f" * 32)
BAD_SIGNATURE, NOT_ACTIVE = 0, 1


@pytest.fixture
def opened(played: Callable[..., ByHand]) -> ByHand:
    return played("open")


@pytest.fixture
def final(played: Callable[..., ByHand]) -> ByHand:
    return played("finish")


def hot(hand: ByHand, key: LocalAccount) -> Federation:
    """The federation as seen by a signer, which gets coins for gas."""
    hand.world.federation.sender.send(key.address, value=10**17)
    return hand.world.federation.using(key)


def item(hand: ByHand, number: int, key: LocalAccount, digest: bytes = bytes(32)) -> bytes:
    """A node's commitment signed with this key, in the form that a relayer accepts."""
    account, view = hand.nodes[number].keys.account.address, hand.view
    message = hand.world.domain.update_digest(view.id, account, view.base, digest)
    return pack_commitment(account, digest, compact(signing.sign(message, key.key)))


def skipped(receipt: Receipt) -> list[int]:
    return [event["reason"] for event in receipt.events if event.name == "CommitSkipped"]


def next_round(hand: ByHand) -> ByHand:
    """End the round in any phase, and open the next one."""
    while hand.view.live:
        hand.world.pass_deadline()
        hand.world.federation.advance(hand.view.id)
    following = ByHand(hand.world, hand.merged)
    following.nodes = hand.nodes  # with their old keys, because their folders have no others
    following.open()
    return following


# -- rotating ------------------------------------------------------------------------------------


def test_a_new_signer_does_not_commit_a_second_time(opened: ByHand) -> None:
    """Key rotated in mid-round: one update under the old key, one under the new."""
    opened.commit(1)
    owner(opened, 1).rotate(FRESH.address, *KEYS)
    with pytest.raises(TransactionReverted, match="NotActive"):
        hot(opened, FRESH).commit_update(1, bytes(32))
    batch = [item(opened, 1, FRESH)]
    assert skipped(opened.world.federation.commit_updates(1, batch)) == [NOT_ACTIVE]
    assert [update.node for update in opened.view.updates] == [1]


def test_a_node_that_rotates_still_ends_what_it_began(opened: ByHand) -> None:
    """Key rotated in mid-round: the round loses nothing that it needs from the node.

    Its update is delivered and opened under the keys of the round, its vote, merge and attestation
    are signed by the old signer, and it is paid.
    """
    world = opened.world
    for number in opened.nodes:
        fresh = Account.from_key(bytes([number]) * 32)
        owner(opened, number).rotate(fresh.address, *KEYS)
    opened.play("finish", "commit")
    assert opened.view.phase == "Final" and min(world.pays(1).values()) > 0
    with pytest.raises(TransactionReverted, match="NotActive"):
        following = next_round(opened)
        following.nodes[1].federation.commit_update(2, bytes(32))
    assert world.federation.node(1).encryption_key == KEYS[0]


def test_a_new_signer_has_no_vote_and_no_signature_in_the_live_round(
    played: Callable[..., ByHand],
) -> None:
    """Key rotated in mid-round: the new key cannot act for the committee yet."""
    hand = played("deliver")
    member = hand.view.committee[0]
    owner(hand, member).rotate(FRESH.address, *KEYS)
    new = hot(hand, FRESH)
    with pytest.raises(TransactionReverted, match="NotMember"):
        new.commit_verdict(1, 0, b"\x01" * 32)
    hand.vote()
    made = hand.votes[member]
    with pytest.raises(TransactionReverted, match="NotMember"):
        new.reveal_verdict(1, 0, verdict.encode_scores(made.scores), made.salt)
    hand.play("settle", "reveal")
    with pytest.raises(TransactionReverted, match="NotActive"):
        new.propose_merge(1, bytes(32))
    hand.propose()
    message = hand.world.domain.merge_digest(1, hand.view.proposal)
    signature = pack_attestation(0, compact(signing.sign(message, FRESH.key)))
    with pytest.raises(TransactionReverted, match="BadSignature"):
        new.attest_merge(1, [signature])


def test_a_signer_that_was_rotated_out(final: ByHand) -> None:
    """A stolen key after its rotation can no longer commit, vote, propose or attest."""
    world = final.world
    for number in final.nodes:  # all nodes rotate, so that any drawn node is one of them
        fresh = Account.from_key(bytes([number]) * 32)
        owner(final, number).rotate(fresh.address, *KEYS)
        world.federation.sender.send(fresh.address, value=10**17)
    hand = next_round(final)
    stolen = hand.nodes[1].federation
    with pytest.raises(TransactionReverted, match="NotActive"):
        stolen.commit_update(2, bytes(32))
    batch = [item(hand, 1, hand.nodes[1].keys.signer)]
    assert skipped(world.federation.commit_updates(2, batch)) == [NOT_ACTIVE]
    for number in hand.nodes:
        fresh = Account.from_key(bytes([number]) * 32)
        world.federation.commit_updates(2, [item(hand, number, fresh)])
    hand.draw()
    member = hand.view.committee[0]
    with pytest.raises(TransactionReverted, match="NotMember"):
        hand.nodes[member].federation.commit_verdict(2, 0, b"\x01" * 32)
    new = world.federation.using(Account.from_key(bytes([member]) * 32))
    new.commit_verdict(2, 0, b"\x01" * 32)


def test_a_retired_signer_used_again(opened: ByHand) -> None:
    """A signer is never accepted twice: a node's own old one, another's, or its current one."""
    own, other = (opened.nodes[n].keys.signer.address for n in (1, 2))
    mine = owner(opened, 1)
    mine.rotate(FRESH.address, *KEYS)
    for used in (own, other, "0x" + "00" * 20):
        with pytest.raises(TransactionReverted, match="SignerTaken"):
            mine.rotate(used, *KEYS)
    with pytest.raises(TransactionReverted, match="SignerTaken"):
        owner(opened, 2).rotate(FRESH.address, *KEYS)
    mine.rotate(FRESH.address, KEYS[1], KEYS[0])  # the signer stays
    mine.exit()
    for used in (own, other, FRESH.address):
        with pytest.raises(TransactionReverted, match="SignerTaken"):
            mine.register(used, *KEYS)


def test_rotating_twice_in_one_round(opened: ByHand) -> None:
    """A signer that is replaced before its first round can never act."""
    mine = owner(opened, 1)
    mine.rotate(FRESH.address, *KEYS)
    mine.rotate(OTHER.address, *KEYS)
    hand = next_round(opened)
    with pytest.raises(TransactionReverted, match="NotActive"):
        hot(hand, FRESH).commit_update(2, bytes(32))
    hot(hand, OTHER).commit_update(2, bytes(32))


def test_rotating_anothers_keys(opened: ByHand) -> None:
    """The thief of a hot key, or the sponsor, tries to replace it: only the account can."""
    for thief in (opened.nodes[1].federation, opened.world.federation):
        with pytest.raises(TransactionReverted, match="UnknownNode"):
            thief.rotate(FRESH.address, *KEYS)
        with pytest.raises(TransactionReverted, match="UnknownNode"):
            thief.exit()


# -- leaving and coming back ---------------------------------------------------------------------


def test_leaving_and_coming_back_in_one_round(opened: ByHand) -> None:
    """Two seats: a node leaves and registers again at once, but can commit only once."""
    world, mine = opened.world, owner(opened, 1)
    mine.exit()
    mine.register(FRESH.address, *KEYS)
    with pytest.raises(TransactionReverted, match="NotActive"):
        hot(opened, FRESH).commit_update(1, bytes(32))
    opened.commit(1)
    assert [update.node for update in opened.view.updates] == [1]
    hand = next_round(opened)
    with pytest.raises(TransactionReverted, match="NotActive"):
        hand.nodes[1].federation.commit_update(2, bytes(32))
    world.federation.using(FRESH).commit_update(2, bytes(32))
    assert sorted(hand.view.members) == [1, 2, 3, 4, 5]
    assert bin(world.federation.round().members).count("1") == 5  # seats
    assert stake(world, 1) == TERMS.stake


def test_coming_back_without_leaving(opened: ByHand) -> None:
    """A second seat for the same account."""
    with pytest.raises(TransactionReverted, match="AccountTaken"):
        owner(opened, 1).register(FRESH.address, *KEYS)


def test_coming_back_after_revocation(opened: ByHand) -> None:
    """A revoked node comes back only if the council admits it; the allow-list is not enough."""
    world, council = opened.world, opened.world.federation
    account = opened.nodes[1].keys.account.address
    council.set_allow_list(allow_leaf(account))  # a list with one entry: its root is the leaf
    council.revoke(1)
    for proof in ((), (bytes(32),)):
        with pytest.raises(TransactionReverted, match="NotAdmitted"):
            owner(opened, 1).register(FRESH.address, *KEYS, proof)
    council.admit(account)
    owner(opened, 1).register(FRESH.address, *KEYS)
    assert world.federation.node(1).active_until == FOREVER


def test_leaving_twice(opened: ByHand) -> None:
    """A node that left cannot rotate, leave or be revoked again."""
    mine = owner(opened, 1)
    mine.exit()
    for act in (
        mine.exit,
        lambda: mine.rotate(FRESH.address, *KEYS),
        lambda: opened.world.federation.revoke(1),
    ):
        with pytest.raises(TransactionReverted, match="NotRegistered"):
            act()


def test_revoking_in_mid_round(played: Callable[..., ByHand]) -> None:
    """A competitor is revoked in mid-round to stop its vote; it still votes."""
    hand = played("deliver")
    member = hand.view.committee[0]
    hand.world.federation.revoke(member)
    hand.play("finish", "vote")
    assert hand.view.phase == "Final" and hand.world.fees(1)[member] > 0
    following = next_round(hand)
    with pytest.raises(TransactionReverted, match="NotActive"):
        following.nodes[member].federation.commit_update(2, bytes(32))


# -- roles ---------------------------------------------------------------------------------------


def test_handing_over_the_admin_takes_two(opened: ByHand) -> None:
    """The admin appoints one address, and only that address can accept the role."""
    contract, admin = opened.world.federation.federation, opened.world.federation.sender
    heir, thief = opened.nodes[1].federation.sender, opened.nodes[2].federation.sender
    with pytest.raises(TransactionReverted, match="AccessControl"):
        contract.transact(thief, "beginDefaultAdminTransfer", thief.address)
    contract.transact(admin, "beginDefaultAdminTransfer", heir.address)
    assert contract.call("hasRole", ADMIN, admin.address)  # until the successor accepts
    for other in (thief, admin):
        with pytest.raises(TransactionReverted, match="AccessControl"):
            contract.transact(other, "acceptDefaultAdminTransfer")
    opened.world.chain.increase_time(1)
    contract.transact(heir, "acceptDefaultAdminTransfer")
    assert not contract.call("hasRole", ADMIN, admin.address)
    with pytest.raises(TransactionReverted, match="NotSponsor"):
        opened.world.federation.withdraw(1)


def test_the_admin_role_cannot_be_granted_past_the_two_steps(opened: ByHand) -> None:
    """Direct grants and renouncing are rejected: they would leave no admin, or two."""
    contract, admin = opened.world.federation.federation, opened.world.federation.sender
    other = opened.nodes[1].federation.sender.address
    for function, account in (("grantRole", other), ("renounceRole", admin.address)):
        with pytest.raises(TransactionReverted, match="AccessControlEnforcedDefaultAdmin"):
            contract.transact(admin, function, ADMIN, account)


def test_a_pauser_pauses_and_nothing_else(opened: ByHand) -> None:
    """A separate pauser can stop the next round and do nothing else."""
    world = opened.world
    pauser = opened.nodes[1].federation
    world.federation.grant("PAUSER", pauser.sender.address)
    pauser.pause()
    for act in (
        lambda: pauser.revoke(2),
        lambda: pauser.admit(pauser.sender.address),
        lambda: pauser.grant("COUNCIL", pauser.sender.address),
        lambda: pauser.withdraw(1),
    ):
        with pytest.raises(TransactionReverted, match=r"AccessControl|NotSponsor"):
            act()
