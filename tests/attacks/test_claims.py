"""Claims to money of others: double, foreign and forged claims."""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import World

from collegium.errors import TransactionReverted
from collegium.protocol import ledger
from collegium.protocol.digest import keccak


@pytest.fixture
def paid(played: Callable[..., ByHand]) -> ByHand:
    """A federation after one final round; nothing is claimed yet."""
    return played("finish")


def claim(world: World, node: int, total: int, proof: list[bytes]) -> None:
    federation = world.federation
    federation.vault.transact(federation.sender, "claim", node, total, proof)


def due(world: World, node: int) -> int:
    return world.federation.due(node)


def test_double_claim(paid: ByHand) -> None:
    """Double claim: with the same proof, by others, and after another round."""
    world = paid.world
    world.federation.claim(1)
    account = paid.nodes[1].keys.account.address
    first = world.federation.balance(account)
    for sender in (world.federation, paid.nodes[2].federation):
        with pytest.raises(TransactionReverted, match="NothingToClaim"):
            sender.claim(1)
    ByHand(world, paid.merged).play()
    second = due(world, 1)
    world.federation.claim(1)
    assert world.federation.balance(account) == first + second
    assert due(world, 1) == 0


def test_foreign_claim(paid: ByHand) -> None:
    """Foreign claim: for any sender the money goes to the node's own account."""
    world, thief = paid.world, paid.nodes[2]
    amount = due(world, 1)
    thief.federation.claim(1)
    assert world.federation.balance(paid.nodes[1].keys.account.address) == amount
    assert world.federation.balance(thief.keys.signer.address) == 0


def test_claiming_anothers_total(paid: ByHand) -> None:
    """Foreign claim: node 2 presents the total and the proof of a node that earned more."""
    world = paid.world
    totals = list(world.settled(1).totals)
    richest = totals.index(max(totals)) + 1
    poorest = totals.index(min(totals)) + 1
    for node in (poorest, 0, 6, 2**16 - 1):
        with pytest.raises(TransactionReverted, match=r"WrongProof|NothingToClaim"):
            claim(world, node, totals[richest - 1], ledger.proof(totals, richest))


@pytest.mark.parametrize("change", [1, -1, 10**6])
def test_claiming_another_amount(paid: ByHand, change: int) -> None:
    """A proof is valid for one exact total."""
    totals = list(paid.world.settled(1).totals)
    with pytest.raises(TransactionReverted, match="WrongProof"):
        claim(paid.world, 1, totals[0] + change, ledger.proof(totals, 1))


def test_second_preimage_leaf(paid: ByHand) -> None:
    """Second preimage: an inner node of the tree is presented as a leaf.

    In a naive tree a leaf is the hash of 64 bytes (id and total), and an inner node is the hash of
    64 bytes too (its two children). Taken as id and total, the two children would make a leaf with
    a huge total. Two things prevent it: ids are too small for a hash, and leaves are hashed twice.
    """
    world = paid.world
    totals = list(world.settled(1).totals)
    leaves = [ledger.leaf(node, total) for node, total in enumerate(totals, start=1)]
    left, right = sorted((leaves[0], leaves[1]))
    inner = keccak(left + right)
    siblings = ledger.proof(totals, 1)[1:]
    ledger_root = inner
    for sibling in siblings:
        ledger_root = keccak(min(ledger_root, sibling) + max(ledger_root, sibling))
    assert ledger_root == world.federation.escrow().ledger_root  # the path is right
    for node in (int.from_bytes(left[-2:]), 1, 2):
        with pytest.raises(TransactionReverted, match="WrongProof"):
            claim(world, node, int.from_bytes(right), siblings)
    assert ledger.leaf(int.from_bytes(left), int.from_bytes(right)) != inner


def test_a_proof_that_is_too_long_or_too_short(paid: ByHand) -> None:
    """Forged proof: one sibling too many, one too few, none."""
    totals = list(paid.world.settled(1).totals)
    proof = ledger.proof(totals, 1)
    for wrong in ([], proof[:-1], [*proof, bytes(32)], [proof[0], *proof]):
        with pytest.raises(TransactionReverted, match="WrongProof"):
            claim(paid.world, 1, totals[0], wrong)


def test_a_proof_of_an_old_ledger(paid: ByHand) -> None:
    """Old proof: it is invalid after the next settlement, and no money is lost."""
    world = paid.world
    old = list(world.settled(1).totals)
    ByHand(world, paid.merged).play("settle")
    with pytest.raises(TransactionReverted, match="WrongProof"):
        claim(world, 1, old[0], ledger.proof(old, 1))
    assert due(world, 1) > old[0] - 1


def test_claiming_for_a_revoked_node(paid: ByHand) -> None:
    """A revoked node keeps what it earned."""
    world = paid.world
    amount = due(world, 1)
    world.federation.revoke(1)
    world.federation.claim(1)
    assert world.federation.balance(paid.nodes[1].keys.account.address) == amount


def test_moving_the_vaults_money_directly(paid: ByHand) -> None:
    """Only the federation can credit, settle and release; only the sponsor can withdraw."""
    vault, thief = paid.world.federation.vault, paid.nodes[2].federation.sender
    for function, args, error in (
        ("credit", (2, 10**6), "NotFederation"),
        ("settle", (b"\x01" * 32, 1, 1), "NotFederation"),
        ("release", (1,), "NotFederation"),
        ("reserve", (1,), "NotFederation"),
        ("pullStake", (2, thief.address, 1), "NotFederation"),
        ("withdraw", (1,), "NotSponsor"),
    ):
        with pytest.raises(TransactionReverted, match=error):
            vault.transact(thief, function, *args)
