"""The client mod: what a node answers to each kind of message, and what never leaves it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from tests.support import foreign_app
from tests.support.by_hand import ByHand
from tests.support.server import grid_of, restart_nodes
from tests.support.world import LAYOUT, World, site

from collegium.flower import attest, wire
from collegium.flower.grid import LocalGrid
from collegium.protocol import state
from collegium.protocol.container import decode_update, encode_state
from collegium.roles import greeting

BASE = state.zeros(LAYOUT)
ARRAYS = ArrayRecord({"w": Array(np.full((20, 15), 9.0, np.float32))})  # not the state on chain


def training(round_id: int = 1, base: bytes = encode_state(BASE), node: int = 2) -> Message:
    """What a server of the protocol sends."""
    content = RecordDict({"arrays": ARRAYS, "config": ConfigRecord({"server-round": 1})})
    return wire.training(Message(content, node, "train"), round_id, base)


def ask(grid: LocalGrid, message: Message) -> Message:
    return next(iter(grid.send_and_receive([message])))


def record(reply: Message) -> ConfigRecord:
    found = wire.fields(reply)
    assert found is not None, reply.error.reason if reply.has_error() else "no record"
    return found


@pytest.fixture
def grid(world: World) -> LocalGrid:
    world.federation.open_round()
    return grid_of(world)


def sent(world: World, number: int = 1) -> np.ndarray:
    """What the node keeps for delivery."""
    data = world.homes[number].journal(1).read("update.safetensors")
    assert data is not None
    return decode_update(data, LAYOUT).encoded.codes


# -- training ------------------------------------------------------------------------------------


def test_a_node_answers_with_a_signed_digest_and_without_arrays(
    world: World, grid: LocalGrid
) -> None:
    reply = ask(grid, training())
    assert not reply.content.array_records
    answer = record(reply)
    assert answer["node"] == world.node(1).keys.account.address
    assert len(bytes(answer["digest"])) == 32 and len(bytes(answer["signature"])) == 65
    assert 0 < answer["app_s"] < answer["step_s"]


def test_no_trained_number_leaves_the_node_in_clear(world: World, grid: LocalGrid) -> None:
    reply = ask(grid, training())
    trained = site(1).learn(state.to_float(BASE))
    leaving = reply.content.deflate() + b"".join(
        child.deflate() for child in reply.content.children.values()
    )
    codes = sent(world)[: LAYOUT.lanes]
    assert codes.any()
    for clear in (trained[: LAYOUT.lanes], codes):
        assert not any(clear[at : at + 8].tobytes() in leaving for at in range(0, 288, 8))


def test_training_starts_from_the_state_on_the_chain(world: World, grid: LocalGrid) -> None:
    """The arrays in the message are another model; a dishonest server may send what it likes."""
    message = training()
    message.content["arrays"] = ARRAYS
    ask(grid, message)
    expected = state.to_units(site(1).learn(state.to_float(BASE)))
    found = decode_update(world.homes[1].journal(1).read("update.safetensors"), LAYOUT)
    lanes = found.encoded.codes.astype(float) * 2.0 ** np.repeat(found.encoded.exponents, 32)
    assert np.abs(lanes - expected).max() < 0.01 * np.abs(expected).max()


def test_a_state_that_is_not_on_the_chain_is_refused(world: World, grid: LocalGrid) -> None:
    other = BASE.copy()
    other[0] = 1
    reply = ask(grid, training(base=encode_state(other)))
    assert "BadProof" in reply.error.reason
    assert world.homes[1].journal(1).read("update.safetensors") is None


@pytest.mark.parametrize("base", [b"", b"\x00" * 40, encode_state(BASE)[:-1]])
def test_a_damaged_state_file_is_refused(grid: LocalGrid, base: bytes) -> None:
    assert "BadContainer" in ask(grid, training(base=base)).error.reason


def test_asked_again_the_node_answers_the_same_and_does_not_train(
    world: World, grid: LocalGrid
) -> None:
    first = record(ask(grid, training()))
    restart_nodes()
    again = record(ask(grid_of(world, configs={1: {"broken": "train"}}), training()))
    assert [again[k] for k in ("digest", "signature")] == [
        first[k] for k in ("digest", "signature")
    ]
    assert again["app_s"] == 0.0


def test_a_message_about_another_round_is_refused(world: World, grid: LocalGrid) -> None:
    for round_id in (0, 2):
        assert "about round 1" in ask(grid, training(round_id)).error.reason


def test_nothing_is_trained_for_a_round_that_takes_no_more(world: World, grid: LocalGrid) -> None:
    for number in (2, 3):
        message = world.node(number).federation
        message.commit_update(1, bytes(32))
    world.pass_deadline()
    world.federation.advance(1)
    assert "phase Commit" in ask(grid, training()).error.reason


def test_a_failing_app_is_an_error_reply(world: World) -> None:
    world.federation.open_round()
    grid = grid_of(world, configs={1: {"broken": "train"}})
    assert "out of memory" in ask(grid, training()).error.reason


def test_a_node_that_commits_by_itself_needs_nobody(make_world: Callable[..., World]) -> None:
    world = make_world(nodes=3, settings={"commit": "self"})
    world.federation.open_round()
    digest = bytes(record(ask(grid_of(world), training()))["digest"])
    assert [(u.node, u.digest) for u in world.view().updates] == [(1, digest)]


# -- other messages --------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["train", "evaluate"])
def test_messages_without_the_protocol_pass_through_unchanged(
    world: World, grid: LocalGrid, kind: str
) -> None:
    content = RecordDict({"arrays": ARRAYS, "config": ConfigRecord({"server-round": 3})})
    reply = ask(grid, Message(content, 2, kind))
    assert wire.fields(reply) is None
    assert bool(reply.content.array_records) == (kind == "train")
    assert world.homes[1].journal(1).read("update.safetensors") is None


def test_greeting_is_signed_for_this_node_and_this_challenge(world: World, grid: LocalGrid) -> None:
    asked = greeting.challenge()
    answer = record(ask(grid, wire.request(wire.HELLO, 3, 0, challenge=asked)))
    assert answer["node"] == 2
    signature = bytes(answer["signature"])
    greeting.verify(world.domain, world.view(), 2, asked, 3, signature)


@pytest.mark.parametrize(
    ("step", "fields", "reason"),
    [
        ("steal", {}, "KeyError"),
        (wire.DELIVER, {}, "phase Commit"),
        (wire.VOTE, wire.pack({}), "in the committee"),
        (wire.REVEAL, {}, "in the committee"),
        (wire.MERGE, wire.pack({}), "phase Commit"),
        (wire.ATTEST, wire.pack({}), "phase Commit"),
    ],
)
def test_a_step_out_of_turn_is_an_error_reply(
    grid: LocalGrid, step: str, fields: dict[str, Any], reason: str
) -> None:
    reply = ask(grid, wire.request(step, 2, 1, **fields))
    assert reply.has_error() and reason in reply.error.reason


def test_an_app_whose_evaluate_has_no_such_metric_says_so(
    played: Callable[..., ByHand], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = ClientApp(mods=[attest(loss="perplexity")])
    app.evaluate()(foreign_app.evaluate)
    monkeypatch.setattr(foreign_app, "other", app, raising=False)
    hand = played("deliver")
    world = hand.world
    member = hand.view.committee[0]
    items = {"base": hand.file} | {str(node): data for node, data in hand.envelopes.items()}
    asked = {**wire.pack(items), "arrays": "arrays", "config": "config"}
    grid = grid_of(world, "tests.support.foreign_app:other")
    reply = ask(grid, wire.request(wire.VOTE, member + 1, 1, **asked))
    assert "no metric named 'perplexity'" in reply.error.reason
    assert world.view().sealed == frozenset()


def test_a_node_without_a_folder_is_an_error_reply(world: World) -> None:
    world.federation.open_round()
    grid = LocalGrid("tests.support.foreign_app:app", {2: {"site": 1}})
    assert "collegium-home" in ask(grid, training()).error.reason
