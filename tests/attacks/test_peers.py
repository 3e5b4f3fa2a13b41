"""Dishonest Flower nodes: answers in another node's name, and malformed answers.

Each test runs a whole round through Flower with node 4 dishonest at one step. The round must end,
the others must be paid, and no node's answer counts as another's.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flwr.app import ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp.typing import ClientAppCallable
from tests.support.misbehaving_app import BEHAVIOURS
from tests.support.server import grid_of, run, server_of
from tests.support.world import World

from collegium.flower import wire
from collegium.flower.strategy import Verified
from collegium.protocol.settlement import INVALID

ATTACKER, VICTIM = 4, 2
APP = "tests.support.misbehaving_app:app"
Tamper = Callable[[ConfigRecord], None]


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Four hospitals, three of which validate."""
    return make_world(nodes=4)


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    BEHAVIOURS.clear()


def attack(world: World, *steps: str, tamper: Tamper) -> Verified:
    """A round in which the attacker's answers to ``steps`` are tampered with."""

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        asked = wire.fields(message)
        reply = call_next(message, context)
        record = wire.fields(reply)
        if asked is not None and record is not None and asked["step"] in steps:
            tamper(record)
        return reply

    BEHAVIOURS["tamper"] = mod
    grid = grid_of(world, APP, {ATTACKER: {"outside": "tamper"}})
    return run(server_of(world), grid)


def others_are_paid(world: World) -> bool:
    return all(pay > 0 for node, pay in world.pays(1).items() if node != ATTACKER)


# -- in another's name ---------------------------------------------------------------------------


def test_greeting_in_anothers_name(world: World) -> None:
    """Impersonation: node 4 claims to be node 2; messages for node 2 still go to node 2."""
    server = attack(world, wire.HELLO, tamper=lambda record: record.update({"node": VICTIM}))
    assert any("BadSignature" in error for error in server.reports[0].errors)
    assert set(server.reports[0].attestations) == {1, 2, 3}
    assert others_are_paid(world) and world.pays(1)[VICTIM] > 0


def test_an_attestation_in_anothers_name(world: World) -> None:
    """Impersonation: node 4 sends a garbage answer under node 2's account and id."""
    account = world.node(VICTIM).keys.account.address

    def tamper(record: ConfigRecord) -> None:
        record.update({"id": VICTIM, "node": account, "digest": bytes(32)})

    server = attack(world, wire.UPDATE, tamper=tamper)
    assert {update.node for update in world.view().updates} == {1, 2, 3}
    assert others_are_paid(world) and server.reports[0].state_root is not None


def test_an_envelope_in_anothers_name(world: World) -> None:
    """Impersonation: node 4 answers for node 2, so that node 2 seems not to have delivered."""
    attack(
        world,
        wire.DELIVER,
        tamper=lambda record: record.update({"id": VICTIM, "envelope": b"rubbish"}),
    )
    scores = world.scores(1)
    assert scores[ATTACKER] == INVALID and scores[VICTIM] > 0 and others_are_paid(world)


# -- malformed answers -----------------------------------------------------------------------------

EVERY_STEP = (wire.UPDATE, wire.DELIVER, wire.VOTE, wire.REVEAL, wire.MERGE, wire.ATTEST)


def empty(record: ConfigRecord) -> None:
    for key in list(record):
        del record[key]


def of_other_types(record: ConfigRecord) -> None:
    for key in list(record):
        record[key] = [1, 2, 3] if isinstance(record[key], bytes | str) else "x"


def huge(record: ConfigRecord) -> None:
    for key, value in list(record.items()):
        if isinstance(value, bytes):
            record[key] = bytes(3_000_000)


def numbers_for_bytes(record: ConfigRecord) -> None:
    for key, value in list(record.items()):
        if isinstance(value, bytes):
            record[key] = 2**40  # bytes(n) would make n zero bytes of it


def negative(record: ConfigRecord) -> None:
    for key, value in list(record.items()):
        if isinstance(value, int):
            record[key] = -(2**62)
        elif isinstance(value, float):
            record[key] = float("nan")


@pytest.mark.parametrize("tamper", [empty, of_other_types, huge, numbers_for_bytes, negative])
def test_answers_that_cannot_be_read(world: World, tamper: Tamper) -> None:
    """Malformed answers at every step count as errors of that node; the round ends without it."""
    server = attack(world, *EVERY_STEP, tamper=tamper)
    report = server.reports[0]
    assert world.view().phase == "Final"
    assert report.state_root == world.federation.state_root()
    assert others_are_paid(world)
    blamed = [error for error in report.errors if f"node {ATTACKER}:" in error]
    assert blamed == report.errors


def test_findings_about_nodes_that_do_not_exist(world: World) -> None:
    """A validator reports findings about unknown nodes; they are shown and do no harm."""

    def tamper(record: ConfigRecord) -> None:
        record.update({"nodes": [2**40, -1], "codes": ["x" * 10_000, ""]})

    attack(world, wire.VOTE, tamper=tamper)
    assert world.view().phase == "Final" and others_are_paid(world)


def test_a_slot_that_is_not_its_own(world: World) -> None:
    """An attester names slot -1, which must not count as another member's signature."""
    attack(world, wire.ATTEST, tamper=lambda record: record.update({"slot": -1}))
    assert world.view().phase == "Final" and others_are_paid(world)


def test_records_and_arrays_that_were_not_asked_for(world: World) -> None:
    """An answer with an extra protocol record and huge metrics."""

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        reply = call_next(message, context)
        if wire.fields(reply) is not None:
            reply.content["more"] = ConfigRecord({"step": "merge", "state": b""})
            reply.content["metrics"] = MetricRecord({f"m{i}": float(i) for i in range(500)})
        return reply

    BEHAVIOURS["more"] = mod
    run(server_of(world), grid_of(world, APP, {ATTACKER: {"outside": "more"}}))
    assert world.view().phase == "Final" and min(world.pays(1).values()) > 0


def test_a_node_that_answers_nothing_at_all(world: World) -> None:
    """The node answers every message with an error, from the greeting on."""

    def mod(message: Message, context: Context, call_next: Any) -> Message:
        raise ConnectionResetError("gone")

    BEHAVIOURS["gone"] = mod
    server = run(server_of(world), grid_of(world, APP, {ATTACKER: {"outside": "gone"}}))
    assert set(world.pays(1)) == {1, 2, 3} and min(world.pays(1).values()) > 0
    assert any("gone" in error for error in server.reports[0].errors)


def test_a_foreign_node_on_the_grid(world: World) -> None:
    """A Flower node without the mod answers the greeting with an error and is then ignored."""
    from tests.support import foreign_app

    def mod(message: Message, context: Context, call_next: ClientAppCallable) -> Message:
        if wire.fields(message) is None:
            return foreign_app.train(message, context)
        return Message(RecordDict({"metrics": MetricRecord({"loss": 0.0})}), reply_to=message)

    BEHAVIOURS["foreign"] = mod
    server = run(server_of(world), grid_of(world, APP, {ATTACKER: {"outside": "foreign"}}))
    assert set(server.reports[0].attestations) == {1, 2, 3}
    assert "Flower node 5: no attestation" in server.reports[0].errors
