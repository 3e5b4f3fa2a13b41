"""Offences that cost stake, their proofs, and checks of the accounts afterwards."""

from collections.abc import Callable
from typing import NamedTuple

from tests.support.by_hand import ByHand
from tests.support.world import LAYOUT, World

from collegium.chain.federation import Federation
from collegium.chain.receipts import Receipt
from collegium.protocol import merge_proof, signing, state
from collegium.protocol.codec import Encoded
from collegium.protocol.container import decode_update, encode_state
from collegium.protocol.merge_proof import Accepted, MergeProof
from collegium.protocol.model.machine import ZERO_ADDRESS
from collegium.protocol.packed import pack_attestation
from collegium.protocol.rules.merging import MEAN, merge
from collegium.protocol.signing import compact
from collegium.protocol.state import State
from collegium.roles import aggregator, watcher

UNREVEALED, INVALID_UPDATE, MERGE, ATTESTATION, EQUIVOCATION = range(5)
NOBODY = ZERO_ADDRESS


class Slash(NamedTuple):
    """One penalty as the federation announced it."""

    node: int
    offence: int
    amount: int
    reporter: str


class Equivocation(NamedTuple):
    """Two signatures of one signer over different updates for the same round and base."""

    round: int
    base: bytes
    account: str
    digests: list[bytes]
    signatures: list[bytes]


def slashes(world: World) -> list[Slash]:
    """All penalties so far, in order."""
    events = world.federation.events("NodeSlashed")
    return [Slash(e["id"], e["offence"], e["amount"], e["reporter"]) for e in events]


def stake(world: World, node: int) -> int:
    return int(world.federation.vault.call("stakeOf", node))


def owed(world: World, reporter: str) -> int:
    return int(world.federation.vault.call("owed", reporter))


def left(world: World) -> list[tuple[int, int]]:
    """(node, reason) of all nodes that left."""
    return [(event["id"], event["reason"]) for event in world.federation.events("NodeLeft")]


def owner(hand: ByHand, number: int) -> Federation:
    """The federation as seen by a node's cold account."""
    return hand.world.federation.using(hand.nodes[number].keys.account)


def forfeited(world: World) -> int:
    return int(world.federation.vault.call("forfeited"))


def check_books(world: World) -> None:
    """Check that every token in the vault belongs to someone, and that the escrow adds up."""
    vault, books = world.federation.vault, world.federation.escrow()
    assert books.conserved
    held = books.free + books.reserved + books.earned - books.claimed + books.staked
    held += vault.call("owedTotal") + vault.call("forfeited")
    assert world.federation.balance(vault.address) == held


def signed(hand: ByHand, number: int, round_id: int, base: bytes, digest: bytes) -> bytes:
    """Compact signature of a node's signer over an update."""
    keys = hand.nodes[number].keys
    message = hand.world.domain.update_digest(round_id, keys.account.address, base, digest)
    return compact(signing.sign(message, keys.signer.key))


def equivocate(hand: ByHand, number: int, round_id: int = 1) -> Equivocation:
    """The evidence that a node leaves when it signs two updates for one round."""
    base, digests = hand.view.base, [b"\x01" * 32, b"\x02" * 32]
    signatures = [signed(hand, number, round_id, base, digest) for digest in digests]
    account = hand.nodes[number].keys.account.address
    return Equivocation(round_id, base, account, digests, signatures)


def report(federation: Federation, proof: Equivocation) -> Receipt:
    return federation.prove_equivocation(*proof)


# -- false merges ----------------------------------------------------------------------------------


def accepted(hand: ByHand) -> list[tuple[int, Encoded]]:
    """Weight and lanes of every accepted update."""
    weights = hand.world.weights(1)
    files = {n: hand.nodes[n].home.journal(1).read("update.safetensors") for n in hand.nodes}
    return [(weights[n], decode_update(data, LAYOUT).encoded) for n, data in files.items()]


def altered_lane(hand: ByHand) -> State:
    merged = merge(MEAN, hand.base, accepted(hand))
    merged[17] += 1
    return merged


MERGES: dict[str, Callable[[ByHand], State]] = {
    "one lane is altered by the smallest step": altered_lane,
    "an update is left out": lambda hand: merge(MEAN, hand.base, accepted(hand)[1:]),
    "an update is counted twice": lambda hand: merge(
        MEAN,
        hand.base,
        [(weight // 2, update) for weight, update in accepted(hand)] + accepted(hand)[:1],
    ),
    "other weights": lambda hand: merge(
        MEAN, hand.base, [(weight - 9, update) for weight, update in accepted(hand)]
    ),
    "equal weights": lambda hand: merge(MEAN, hand.base, [(1, u) for _, u in accepted(hand)]),
    "nothing is merged": lambda hand: hand.base,
}


def members(hand: ByHand) -> list[int]:
    """Committee members other than the aggregator."""
    return [number for number in hand.view.committee if number != hand.view.aggregator]


def propose(hand: ByHand, wrong: State) -> int:
    """The aggregator proposes any root; returns its id."""
    number = hand.view.aggregator
    aggregator.propose(hand.nodes[number], hand.view, wrong)
    return number


def proof(hand: ByHand, wrong: State) -> MergeProof:
    """The proof that an honest member makes against a wrong proposal."""
    node = hand.nodes[members(hand)[0]]
    right = aggregator.remade(node, hand.view, hand.file, hand.envelopes)
    return watcher.prove(node, hand.view, right, encode_state(wrong))


def disprove(hand: ByHand, wrong: State) -> str:
    """An honest member disputes; returns the account that is rewarded."""
    challenger = hand.nodes[members(hand)[0]].federation
    challenger.dispute_merge(proof(hand, wrong))
    return challenger.sender.address


def sign(hand: ByHand, root: bytes, *numbers: int) -> None:
    """These members sign any proposed root."""
    message, view = hand.world.domain.merge_digest(hand.view.id, root), hand.view
    items = [
        pack_attestation(
            view.committee.index(number),
            compact(signing.sign(message, hand.nodes[number].keys.signer.key)),
        )
        for number in numbers
    ]
    hand.world.federation.attest_merge(view.id, items)


def merge_again(hand: ByHand, number: int) -> None:
    """Another node proposes the right merge."""
    node = hand.nodes[number]
    hand.merged = aggregator.merged(node, hand.view, hand.file, hand.envelopes)
    aggregator.propose(node, hand.view, hand.merged)


def conclude(hand: ByHand, number: int) -> bytes:
    """Another node proposes the right merge, the committee signs it, and the round ends."""
    merge_again(hand, number)
    hand.play("finish", "attest")
    assert hand.view.phase == "Final"
    return state.root(hand.merged)


def show(hand: ByHand, proposed: State, place: merge_proof.Place = (0, 0)) -> MergeProof:
    """A complete proof about any block, whether the block is right or wrong."""
    found = []
    for update in hand.view.updates:
        file = hand.nodes[update.node].home.journal(hand.view.id).read("update.safetensors")
        held = decode_update(file, LAYOUT)
        weight = hand.world.weights(hand.view.id)[update.node]
        digest = held.manifest.digest
        found.append(Accepted(update.node, update.digest, weight, digest, held.encoded))
    return merge_proof.build(hand.view.id, place, hand.base, proposed, found)
