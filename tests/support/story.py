"""A small real federation, played by hand: three rounds in which many things go wrong.

Round 1: all four nodes commit (one in its own transaction, three relayed, one of them twice). The
update of node 4 makes the model worse and is rejected. The committee attests the merge.
Round 2: node 4 sends an update beyond the norm bound, node 2 a near-duplicate of node 1's update,
and node 2 changes its signer. The aggregator proposes a merge with one altered lane, an accomplice
signs it, and a third member disproves it. Another node proposes the right one.
Round 3: the node slashed in round 2 comes back under a new signer. A member does not reveal, a root
that no one can show expires at its deadline, and another node merges. Then node 2 is proven to have
signed two updates in round 1, node 3 leaves with its stake, node 1 is revoked, and nodes 1 and 3
claim. Some calls revert.
"""

import json
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from eth_account import Account
from tests.support import offences
from tests.support.by_hand import ByHand
from tests.support.passphrase import PASSPHRASE
from tests.support.terms import LIMITS, terms
from tests.support.world import LAYOUT, World, found, found_on

from collegium.chain.connection import Chain
from collegium.chain.federation import Federation
from collegium.errors import TransactionReverted
from collegium.protocol import codec, state
from collegium.protocol.container import encode_state
from collegium.protocol.packed import pack_commitment
from collegium.protocol.settlement import INVALID
from collegium.protocol.signing import compact
from collegium.protocol.terms import Terms
from collegium.roles import aggregator
from collegium.workspace.keyring import Keyring

NODES = 4
TERMS = terms(min_score=0, merge_penalty=6_000)
STRICT = replace(LIMITS, norm=1.0)
ALTERED = 290  # a lane: block 1 of leaf 1

Deltas = Sequence[npt.NDArray[np.float64]]


@dataclass
class Played:
    """Facts about the played federation that tests compare with."""

    run: Path
    chain: Path
    federation: str
    head: str
    encryption_keys: dict[int, bytes]


def tell(run: Path, agreed: Terms = TERMS) -> Played:
    """The federation on an embedded chain, in a folder like that of a demo."""
    found(run, NODES, agreed, STRICT)
    played = play(run)
    description = {
        "version": 1, "chain": "chain.sqlite", "federation": played.federation,
        "card": "card.json", "layout": "layout.json", "store": "store",
        "nodes": [f"node{number}" for number in range(1, NODES + 1)],
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(description))
    return played


def tell_on(chain: Chain, run: Path) -> Played:
    """The same federation on another chain."""
    found_on(chain, run, NODES, TERMS, STRICT)
    return play(run)


def play(run: Path) -> Played:
    """Three rounds of the federation in this folder."""
    world, rng = World(run), np.random.default_rng(7)
    sponsor = world.federation
    keys = {number: home.keyring() for number, home in world.homes.items()}
    for name, document in (("card", world.card.encode()), ("layout", LAYOUT.encode())):
        (run / f"{name}.json").write_bytes(document)
        world.store.put(document)

    first = ByHand(world)
    first.open()
    twice = offences.equivocate(first, 2)
    _settle(first, [_delta(rng) for _ in range(4)], [8, 4, 2, 8], [900, 500, 700, -9000])
    first.propose()
    _end(first)

    second = ByHand(world, first.merged)
    second.open()
    alike = _delta(rng)
    deltas = [alike, alike + _delta(rng, 0.0005), _delta(rng), _delta(rng, 10.0)]
    _settle(second, deltas, [8, 8, 4, 8], [300, 310, 800, INVALID])
    _rotate(world, 2)
    liar = _altered_merge(second)
    offences.merge_again(second, _able(second))
    _end(second)

    _come_back(world, liar)
    third = ByHand(world, second.merged)
    third.open()
    _settle(third, [_delta(rng) for _ in range(4)], [8, 4, 8, 8], [100, 200, 300, 400], silent=True)
    world.pass_deadline()
    _unshown_merge(third)
    offences.merge_again(third, _able(third))
    _end(third)

    _leave_and_be_paid(world, twice)
    _odd_calls(sponsor)
    head = world.chain.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    world.close()
    for home in world.homes.values():
        shutil.rmtree(home.path / "journal")  # so that the store can be opened only with keys
    public = {number: one.encryption_public for number, one in keys.items()}
    return Played(run, run / "chain.sqlite", sponsor.address, head, public)


# -- a round up to its settlement ----------------------------------------------------------------


def _delta(rng: np.random.Generator, scale: float = 0.01) -> npt.NDArray[np.float64]:
    values = np.zeros(LAYOUT.padded)
    values[: LAYOUT.lanes] = rng.normal(0, scale, LAYOUT.lanes)
    return state.to_units(values)


def _settle(
    hand: ByHand, deltas: Deltas, bits: list[int], scores: list[int], silent: bool = False
) -> None:
    """Settle the given updates and votes of nodes 1 to 4; one member can stay silent."""
    world = hand.world
    for number, delta, width in zip(world.homes, deltas, bits, strict=True):
        hand.submit(number, hand.forge(number, codec.quantise(delta, width)))
    _commit(hand)
    hand.draw()
    hand.deliver()
    for envelope in hand.envelopes.values():
        world.store.put(envelope)
    committee = list(hand.view.committee)
    for slot, member in enumerate(committee):
        by_node = {n: s if s == INVALID else s + 10 * slot for n, s in enumerate(scores, start=1)}
        owners = [update.node for update in hand.view.updates]
        hand.cast(member, [0 if n == member else by_node[n] for n in owners], salt=bytes([7] * 32))
    if silent:
        bond = TERMS.bond
        committee.remove([n for n in committee if world.federation.stake(n) >= bond][-1])
    hand.reveal(*committee)
    if silent:
        world.pass_deadline()
    hand.settle()


def _commit(hand: ByHand) -> None:
    """Node 3 by itself, and then once more; the others by relay, node 1 twice."""
    federation, round_id = hand.nodes[3].federation, hand.view.id
    federation.commit_update(round_id, hand.made[3].digest)
    with pytest.raises(TransactionReverted):
        federation.federation.transact(
            federation.sender, "commitUpdate", round_id, bytes(32), gas=200_000
        )
    items = [
        pack_commitment(made.node, made.digest, compact(made.signature))
        for made in (hand.made[number] for number in (1, 1, 2, 4))
    ]
    hand.world.federation.commit_updates(round_id, items)


# -- merges --------------------------------------------------------------------------------------


def _end(hand: ByHand) -> None:
    """Two members sign the merge, and the dispute window passes."""
    assert hand.merged is not None
    hand.world.store.put(encode_state(hand.merged))
    hand.attest(*hand.view.committee[:2])
    hand.finish()


def _altered_merge(hand: ByHand) -> int:
    """The aggregator alters one lane, an accomplice signs, a third disproves; returns the liar."""
    node, friend = hand.nodes[hand.view.aggregator], offences.members(hand)[1]
    wrong = aggregator.merged(node, hand.view, hand.file, hand.envelopes)
    wrong[ALTERED] += 1
    liar = offences.propose(hand, wrong)
    hand.world.store.put(encode_state(wrong))
    offences.sign(hand, state.root(wrong), friend)
    federation = hand.world.federation
    with pytest.raises(TransactionReverted):  # about a correct block
        federation.disputes.transact(
            federation.sender, "disputeMerge", offences.show(hand, wrong).to_call(), gas=2_000_000
        )
    offences.disprove(hand, wrong)
    return liar


def _able(hand: ByHand) -> int:
    """The next node that is allowed to propose and can open the updates."""
    return next(number for number in hand.view.candidates() if number in hand.view.readers())


def _unshown_merge(hand: ByHand) -> None:
    """A root that no one can show, so no one signs it."""
    view = hand.view
    hand.nodes[view.candidates()[0]].federation.propose_merge(view.id, b"\x99" * 32)
    hand.world.pass_deadline()
    hand.world.federation.advance(view.id)


# -- members and money ---------------------------------------------------------------------------


def _rotate(world: World, number: int) -> None:
    """Announce another signer, which the node uses from the next round on."""
    keys = _with_another_signer(world, number)
    world.federation.using(keys.account).rotate(
        keys.signer.address, keys.encryption_public, keys.transport_digest
    )


def _come_back(world: World, number: int) -> None:
    """A node that has left registers again."""
    keys = _with_another_signer(world, number)
    world.federation.mint(keys.account.address, TERMS.stake)
    world.federation.using(keys.account).register(
        keys.signer.address, keys.encryption_public, keys.transport_digest
    )


def _with_another_signer(world: World, number: int) -> Keyring:
    home = world.homes[number]
    keys = replace(home.keyring(), signer=Account.from_key(bytes([100 + number]) * 32))
    keys.add(home.keys, PASSPHRASE, iterations=1)
    world.federation.sender.send(keys.signer.address, value=10**17)
    return keys


def _leave_and_be_paid(world: World, proof: offences.Equivocation) -> None:
    """Node 2 is proven to have signed twice, 3 leaves, 1 is revoked; 1 and 3 claim."""
    sponsor = world.federation
    offences.report(sponsor, proof)
    sponsor.collect(sponsor.sender.address)
    sponsor.recycle()
    accounts = {number: world.homes[number].keyring().account for number in (1, 3)}
    sponsor.using(accounts[3]).exit()
    sponsor.revoke(1)
    world.chain.increase_time(TERMS.unbonding)
    sponsor.withdraw_stake(3)
    sponsor.using(accounts[1]).claim(1)
    sponsor.claim(3)
    sponsor.withdraw(1000)


def _odd_calls(contracts: Federation) -> None:
    """Calls that change nothing, most of which revert, and an unexpected token transfer."""
    federation, vault, disputes = contracts.federation, contracts.vault, contracts.disputes
    for target, data, gas in (
        (federation, federation.encode("stateRoot"), None),
        (federation, bytes.fromhex("01020304"), 100_000),
        (vault, vault.encode("reserve", 5), 100_000),
        (vault, vault.encode("deposit", 10**20), 200_000),  # more than there is
        (vault, vault.encode("withdrawStake", 4), 200_000),
        (federation, federation.encode("disprove", 3, contracts.sender.address), 200_000),
        (disputes, disputes.encode("federation"), None),
        (disputes, bytes.fromhex("01020304"), 100_000),
        (federation, federation.encode("pause"), 24_000),
        (federation, federation.encode("pause"), None),
        (federation, federation.encode("unpause"), None),
        (contracts.token, contracts.token.encode("transfer", vault.address, 7), None),
    ):
        with suppress(TransactionReverted):
            contracts.sender.send(target.address, data, gas=gas)
