"""The same federation on every engine: equal states, equal pay, equal gas, cheat included.

Everything is the real thing but the model, a linear regression (see :mod:`tests.support.world`).
Chains differ in their randomness, so that each would draw another committee; the draw is repeated,
by putting the chain back, until it is that of the embedded chain. From there on nothing may differ.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.support.by_hand import ByHand
from tests.support.passphrase import PASSPHRASE
from tests.support.terms import TERMS
from tests.support.world import World, found, found_on

from collegium.chain import engines, history
from collegium.chain.reader import Reader
from collegium.consortium import membership
from collegium.errors import ChainError
from collegium.protocol.container import encode_state
from collegium.protocol.state import State
from collegium.roles import aggregator, validator
from collegium.workspace.keyring import Keyring

NODES, CHEAT, ROTATES, LEAVES = 4, 2, 3, 4
# It may stay: a draw that has to skip an empty seat takes a different number of steps each time.
AGREED = replace(TERMS, merge_penalty=5_000)
OTHERS = ("hardhat", "ganache", "anvil")
_TRIES = 400  # a draw of 3 of 4 in the wanted order has a chance of 1 in 24


@dataclass
class Story:
    """What happened on a chain.

    Attributes:
        committees: as drawn, by round.
        roots: of the final states, by round.
        pays: token units by round: for updates, then for votes.
        balances: token units in the wallets of all accounts at the end.
        gas: function and gas of every transaction to the federation's contracts, in order.
    """

    committees: dict[int, tuple[int, ...]] = field(default_factory=dict)
    roots: dict[int, bytes] = field(default_factory=dict)
    pays: dict[int, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    balances: list[int] = field(default_factory=list)
    gas: list[tuple[str, int]] = field(default_factory=list)


def tell(world: World, wanted: dict[int, tuple[int, ...]] | None = None) -> Story:
    """Two rounds; in the first a merge is altered and keys rotate; then everybody is paid.

    Args:
        wanted: committees that the draws are to give, by round.
    """
    story = Story()
    first = ByHand(world)
    play_to_merge(first, story, wanted)
    with_a_cheat(first)
    rotate(world)
    first.attest(*(n for n in first.view.committee if n != CHEAT))
    first.finish()
    second = ByHand(world, first.merged)
    play_to_merge(second, story, wanted)
    second.play("finish", "propose")
    pay(world)
    return finished(world, story)


def play_to_merge(hand: ByHand, story: Story, wanted: dict[int, tuple[int, ...]] | None) -> None:
    """From opening to settlement, with the committee that is wanted."""
    world = hand.world
    hand.open()
    number = hand.view.id
    hand.commit(*hand.view.members)
    world.chain.increase_time(1)  # all are in: in a block of its own, which no snapshot undoes
    for _ in range(_TRIES):
        before = None if wanted is None else world.chain.rpc("evm_snapshot")
        world.federation.advance(number)
        if wanted is None or hand.view.committee == wanted[number]:
            break
        world.chain.rpc("evm_revert", before)
        world.chain.mine()  # the next block has another random number
    story.committees[number] = hand.view.committee
    hand.play("settle", "deliver")


def with_a_cheat(hand: ByHand) -> None:
    """The aggregator changes one number, a member shows it, another node merges."""
    node, view = hand.nodes[CHEAT], hand.view
    assert view.aggregator == CHEAT
    wrong: State = aggregator.merged(node, view, hand.file, hand.envelopes)
    wrong[200] -= 1
    aggregator.propose(node, view, wrong)
    watching = hand.nodes[min(set(view.committee) - {CHEAT})]
    file = encode_state(wrong)
    judged = validator.judge(watching, hand.view, hand.file, hand.envelopes, file)
    assert judged.dispute is not None
    replacement = hand.nodes[hand.view.candidates()[0]]
    hand.merged = aggregator.merged(replacement, hand.view, hand.file, hand.envelopes)
    aggregator.propose(replacement, hand.view, hand.merged)


def rotate(world: World) -> None:
    """One node changes its keys in mid-round, to keys that are the same on every chain."""
    home = world.homes[ROTATES]
    fresh = replace(Keyring.generate(b"rotated"), account=home.keyring().account)
    fresh.add(home.keys, PASSPHRASE, iterations=1)  # as an interrupted rotation leaves them
    membership.rotate(home, world.federation, PASSPHRASE)
    world.federation.sender.send(fresh.signer.address, value=10**17)


def pay(world: World) -> None:
    """Claims, the reward of who showed the lie, what is forfeited, and a stake."""
    federation = world.federation
    for number in world.homes:
        if federation.due(number):
            federation.claim(number)
    for node in federation.nodes():
        if federation.owed(node.account):
            federation.collect(node.account)
    federation.recycle()
    keys = world.homes[LEAVES].keyring()
    until = federation.using(keys.account).exit().event("Unbonding")["until"]
    world.chain.increase_time(until - world.chain.timestamp())
    membership.withdraw_stake(federation, LEAVES)


def finished(world: World, story: Story) -> Story:
    federation, events = world.federation, world.federation.events()
    for event in events:
        if event.name == "RoundFinalised":
            story.roots[event["round"]] = event["root"]
            settled = history.settled(events, event["round"])
            assert settled is not None
            story.pays[event["round"]] = settled.pays, settled.fees
    story.balances = [federation.balance(node.account) for node in federation.nodes()]
    contracts = (federation.federation, federation.vault, federation.disputes)
    reader = Reader(world.chain, federation.known)
    by_address = {contract.address.lower(): contract for contract in contracts}
    for block in reader.blocks(federation.first_block, world.chain.head):
        for tx in block["transactions"]:
            receipt = reader.receipt(tx["hash"])
            target = (tx["to"] or receipt.contract_address or "").lower()
            if target in by_address:
                call = by_address[target].abi.decode_call(bytes.fromhex(tx["input"][2:]))
                name = call.name if tx["to"] and call else "create"
                story.gas.append((name, receipt.gas_used))
    return story


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story as the embedded chain tells it."""
    folder = tmp_path_factory.mktemp("embedded")
    found(folder / "template", NODES, AGREED)
    world = World.copy(folder / "template", folder / "world")
    story = tell(world)
    world.close()
    return story


@pytest.fixture(params=OTHERS)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """The same federation on another engine; skipped, with the reason, where it does not start."""
    try:
        local = engines.start(request.param, tmp_path / "chain", port=0)
    except ChainError as error:
        pytest.skip(f"{request.param} cannot be started here: {error.found}")
    try:
        with engines.connect(local.url) as chain:
            (tmp_path / "template").mkdir()
            found_on(chain, tmp_path / "template", NODES, AGREED)
        made = World.copy(tmp_path / "template", tmp_path / "world")
        yield made
        made.close()
    finally:
        engines.stop(tmp_path / "chain")


def test_the_story_is_the_one_that_is_meant(embedded: Story) -> None:
    names = [name for name, _ in embedded.gas]
    for name in ("disputeMerge", "rotate", "collect", "recycle", "exit", "withdrawStake"):
        assert names.count(name) == 1, name
    assert names.count("proposeMerge") == 3 and len(set(embedded.roots.values())) == 2
    assert [len(pays) for pays, _ in embedded.pays.values()] == [NODES, NODES]


def test_every_engine_tells_the_same_story(embedded: Story, world: World) -> None:
    story = tell(world, embedded.committees)
    assert story.roots == embedded.roots
    assert story.pays == embedded.pays
    assert story.balances == embedded.balances
    assert story.gas == embedded.gas
