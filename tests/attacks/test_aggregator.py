"""A dishonest aggregator proposes another merge than the one that was settled.

Here members recompute the merge and sign no other, and the server does not build on another. How
the contract rejects a false merge is tested in ``test_merges``.
"""

from collections.abc import Callable

import numpy as np
import pytest
from flwr.app import Context, Message
from flwr.clientapp.typing import ClientAppCallable, Mod
from tests.support.by_hand import ByHand
from tests.support.misbehaving_app import BEHAVIOURS
from tests.support.offences import MERGES, accepted, altered_lane
from tests.support.server import grid_of, run, server_of
from tests.support.world import LAYOUT, World

from collegium.errors import RoundFailed, TransactionReverted
from collegium.flower import wire
from collegium.flower.strategy import Verified
from collegium.protocol import signing, state
from collegium.protocol.container import encode_state
from collegium.protocol.packed import pack_attestation
from collegium.protocol.rules.merging import MEAN, merge
from collegium.protocol.signing import compact
from collegium.roles import aggregator


@pytest.fixture
def settled(played: Callable[..., ByHand]) -> ByHand:
    return played("settle")


def test_the_honest_merge_is_the_one_that_all_know(settled: ByHand) -> None:
    """The expected result that the attacks below deviate from."""
    settled.play("finish", "propose")
    expected = state.root(merge(MEAN, settled.base, accepted(settled)))
    assert settled.world.federation.state_root() == expected


@pytest.mark.parametrize("how", MERGES)
def test_a_false_merge_is_not_attested(settled: ByHand, how: str) -> None:
    """The aggregator alters one lane, drops or adds an update, or uses wrong weights."""
    world, view = settled.world, settled.view
    false = MERGES[how](settled)
    aggregator.propose(settled.nodes[view.aggregator], view, false)
    for member in view.committee:
        with pytest.raises(RoundFailed, match="Do not attest"):
            settled.attest(member)
    assert world.view().phase == "Proposed" and world.view().attested == frozenset()
    assert world.federation.state_root() == state.root(settled.base)


def test_the_server_does_not_build_on_a_false_merge(settled: ByHand) -> None:
    """The server's view: no one delivers or signs the state, it expires, and others merge."""
    world, view = settled.world, settled.view
    liar = view.aggregator
    aggregator.propose(settled.nodes[liar], view, altered_lane(settled))
    server = run(server_of(world), grid_of(world))
    expected = state.root(merge(MEAN, settled.base, accepted(settled)))
    assert server.reports[0].state_root == expected
    assert state.root(server.state) == world.federation.state_root()  # after a round on top of it
    assert [event["proposer"] for event in world.federation.events("MergeRejected")] == [liar]


def test_forged_attestations(settled: ByHand) -> None:
    """The aggregator signs as the committee, or one accomplice signs for three slots."""
    world, view = settled.world, settled.view
    false = altered_lane(settled)
    aggregator.propose(settled.nodes[view.aggregator], view, false)
    message = world.domain.merge_digest(1, state.root(false))
    outsider = next(n for n in settled.nodes if n not in view.committee)
    member = view.committee[0]
    for number, slot in ((outsider, 0), (member, 1), (member, 2)):
        signature = signing.sign(message, settled.nodes[number].keys.signer.key)
        with pytest.raises(TransactionReverted, match="BadSignature"):
            world.federation.attest_merge(1, [pack_attestation(slot, compact(signature))])
    signature = signing.sign(message, settled.nodes[member].keys.signer.key)
    own = pack_attestation(0, compact(signature))
    world.federation.attest_merge(1, [own, own])  # one accomplice counts once
    assert world.view().attested == {0} and world.view().phase == "Proposed"


def test_attestations_of_another_root_or_round(settled: ByHand) -> None:
    """Signatures of the committee are submitted for a proposal that it did not sign."""
    world, view = settled.world, settled.view
    right = state.root(merge(MEAN, settled.base, accepted(settled)))
    messages = (world.domain.merge_digest(1, right), world.domain.merge_digest(2, right))
    aggregator.propose(settled.nodes[view.aggregator], view, altered_lane(settled))
    for message in messages:
        signature = signing.sign(message, settled.nodes[view.committee[0]].keys.signer.key)
        with pytest.raises(TransactionReverted, match="BadSignature"):
            world.federation.attest_merge(1, [pack_attestation(0, compact(signature))])


def test_a_second_proposal(settled: ByHand) -> None:
    """Equivocation: first the right root, then another after some attestations."""
    settled.propose()
    settled.attest(settled.view.committee[0])
    node = settled.nodes[settled.view.aggregator]
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        node.federation.propose_merge(1, b"\x01" * 32)
    settled.attest(settled.view.committee[1])
    settled.finish()
    assert settled.world.federation.state_root() == state.root(settled.merged)


def test_jumping_the_queue(settled: ByHand) -> None:
    """Another node proposes before the aggregator to take its pay."""
    view = settled.view
    for number in settled.nodes:
        if number != view.aggregator:
            with pytest.raises(TransactionReverted, match="NotAggregator"):
                settled.nodes[number].federation.propose_merge(1, b"\x01" * 32)
    with pytest.raises(TransactionReverted, match="NotActive"):
        settled.world.federation.propose_merge(1, b"\x01" * 32)  # the sponsor is not a node


def test_stalling(settled: ByHand) -> None:
    """Stalling: after the deadline another member merges and gets the aggregator's pay."""
    world = settled.world
    view = world.pass_deadline()
    other = next(n for n in view.committee if n != view.aggregator)
    merged = aggregator.merged(settled.nodes[other], view, settled.file, settled.envelopes)
    aggregator.propose(settled.nodes[other], view, merged)
    settled.play("finish", "attest")
    assert world.federation.state_root() == state.root(merged)
    bonus = {e["id"]: e["amount"] for e in world.federation.events("Credited")}
    assert bonus == {other: world.terms.reward * world.terms.aggregator_share // 10_000}


# -- through Flower --------------------------------------------------------------------------------


def dishonest(world: World, mod: Mod) -> Verified:
    """A round in which every node runs ``mod`` outside the attestation."""
    BEHAVIOURS["aggregator"] = mod
    everybody = {number: {"outside": "aggregator"} for number in world.homes}
    server = run(server_of(world), grid_of(world, "tests.support.misbehaving_app:app", everybody))
    BEHAVIOURS.clear()
    return server


def is_asked_to_merge(message: Message, context: Context, world: World) -> bool:
    record = wire.fields(message)
    asked = record is not None and record["step"] == wire.MERGE
    return asked and context.node_id - 1 == world.view().aggregator


def test_stalling_does_not_stop_the_server(world: World) -> None:
    """Stalling: the aggregator answers every request except the one to merge."""

    def stall(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        if is_asked_to_merge(message, context, world):
            raise TimeoutError("busy")
        return call_next(message, context)

    server = dishonest(world, stall)
    assert server.reports[0].state_root == world.federation.state_root()
    proposer = world.federation.events("MergeProposed")[0]["proposer"]
    assert proposer != world.view().aggregator
    assert any("busy" in error for error in server.reports[0].errors)


def test_handing_the_server_another_state_than_was_proposed(world: World) -> None:
    """Equivocation: the right root on the chain, other numbers to the server."""

    def swap(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        reply = call_next(message, context)
        if is_asked_to_merge(message, context, world):
            wire.fields(reply)["state"] = encode_state(np.full(LAYOUT.padded, 7, np.int32))
        return reply

    server = dishonest(world, swap)
    assert state.root(server.state) == world.federation.state_root()
    assert server.reports[0].state_root == world.federation.state_root()
