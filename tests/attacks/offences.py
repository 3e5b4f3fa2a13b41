"""What costs stake, how it is proven, and what the books then say."""

from typing import NamedTuple

from tests.by_hand import ByHand
from tests.world import World

from collegium.chain.federation import Federation
from collegium.chain.receipts import Receipt
from collegium.protocol import signing
from collegium.protocol.machine import ZERO_ADDRESS
from collegium.protocol.signing import compact

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


def forfeited(world: World) -> int:
    return int(world.federation.vault.call("forfeited"))


def check_books(world: World) -> None:
    """Every unit that the vault holds is somebody's, and the escrow adds up."""
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
    """What a node leaves behind that signs two updates for one round."""
    base, digests = hand.view.base, [b"\x01" * 32, b"\x02" * 32]
    signatures = [signed(hand, number, round_id, base, digest) for digest in digests]
    account = hand.nodes[number].keys.account.address
    return Equivocation(round_id, base, account, digests, signatures)


def report(federation: Federation, proof: Equivocation) -> Receipt:
    return federation.prove_equivocation(*proof)
