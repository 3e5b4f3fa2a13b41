"""A node makes one update per round, keeps what rounding cost, and delivers to readers only."""

import threading
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.support.by_hand import ByHand
from tests.support.world import LAYOUT, World, site

from collegium.errors import BadCodes, CannotOpen, RoundFailed
from collegium.protocol import codec, state
from collegium.protocol.container import decode_update
from collegium.roles import contributor
from collegium.roles.contributor import Attestation
from collegium.store.sealed import open_sealed
from collegium.workspace.home import Journal

START = np.zeros(LAYOUT.padded, np.float32)


@pytest.fixture
def opened(played: Callable[..., ByHand]) -> ByHand:
    return played("open")


def prepare(hand: ByHand, trained: np.ndarray, number: int = 1) -> Attestation:
    return contributor.prepare(hand.nodes[number], hand.view, trained, START, samples=60)


def sent(hand: ByHand, number: int = 1) -> np.ndarray:
    """The delta in the journal, in state units."""
    data = hand.nodes[number].home.journal(hand.view.id).read("update.safetensors")
    return codec.dequantise(decode_update(data, LAYOUT).encoded)


def lanes(value: float) -> np.ndarray:
    vector = START.copy()
    vector[: LAYOUT.lanes] = value
    return vector


# -- one update per round ------------------------------------------------------------------------


def test_asked_again_it_answers_with_the_same_update(opened: ByHand) -> None:
    first = prepare(opened, lanes(0.5))
    again = prepare(opened, lanes(-0.5))  # trained on other batches, say
    assert again == first
    assert contributor.prepared(opened.nodes[1], opened.view) == first


def test_after_a_restart_too(opened: ByHand) -> None:
    first = prepare(opened, lanes(0.5))
    opened.nodes[1] = opened.world.node(1)
    assert prepare(opened, lanes(-0.5)) == first


def test_of_two_messages_at_once_one_makes_the_update(opened: ByHand) -> None:
    made, together, view = [], threading.Barrier(2), opened.view

    def answer(value: float) -> None:
        together.wait(5)
        vector = lanes(value)
        made.append(contributor.prepare(opened.nodes[1], view, vector, START, samples=60))

    threads = [threading.Thread(target=answer, args=(value,)) for value in (0.5, -0.5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(made) == 2 and made[0] == made[1]
    assert made[0] == contributor.prepared(opened.nodes[1], view)


def test_a_crash_before_the_update_is_written_costs_nothing(
    opened: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write

    def crash(journal: Journal, name: str, data: bytes) -> None:
        if name == "update.safetensors":
            raise KeyboardInterrupt
        write(journal, name, data)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", crash)
        with pytest.raises(KeyboardInterrupt):
            prepare(opened, lanes(1 / 3))
    assert contributor.prepared(opened.nodes[1], opened.view) is None
    made = prepare(opened, lanes(1 / 3))  # the residual of the crash is not carried into it
    assert prepare(opened, lanes(1 / 3), number=2).bits == made.bits
    assert np.array_equal(sent(opened, 1), sent(opened, 2))


def test_an_update_for_a_base_that_the_chain_dropped_is_made_anew(opened: ByHand) -> None:
    first = prepare(opened, lanes(0.5))
    elsewhere = replace(opened.view, base=b"\x07" * 32)
    again = contributor.prepare(opened.nodes[1], elsewhere, lanes(0.5), START, samples=60)
    assert again.digest != first.digest


def test_nothing_is_made_for_a_round_that_is_over(opened: ByHand) -> None:
    opened.play("draw", "commit")
    fresh = opened.world.join(b"late")
    opened.nodes[fresh] = opened.world.node(fresh)
    with pytest.raises(RoundFailed, match="phase Commit"):
        prepare(opened, lanes(0.5), number=fresh)
    assert opened.nodes[fresh].home.journal(1).read("residual.npy") is None


def test_training_that_diverged_makes_no_update(opened: ByHand) -> None:
    with pytest.raises(BadCodes, match="NaN"):
        prepare(opened, lanes(np.nan))
    assert contributor.prepared(opened.nodes[1], opened.view) is None


# -- error feedback ------------------------------------------------------------------------------


def test_what_rounding_kept_back_is_sent_later(make_world: Callable[..., World]) -> None:
    """Over rounds, what was sent adds up to what was wanted, to within one rounding step."""
    world = make_world(nodes=3, settings={"bits": 2})
    rng = np.random.default_rng(3)
    trained = START.copy()
    trained[: LAYOUT.lanes] = rng.normal(0.0, 0.1, LAYOUT.lanes)
    wanted = state.to_units(trained)
    total, error = np.zeros(LAYOUT.padded), []
    for round_id in range(1, 7):
        world.federation.open_round()
        hand = ByHand(world)
        prepare(hand, trained)
        total += sent(hand)
        error.append(np.linalg.norm(total / round_id - wanted) / np.linalg.norm(wanted))
        world.pass_deadline()
        world.federation.advance(round_id)  # nobody committed: cancelled, and still carried
    assert error[0] > 0.3  # two bits are coarse
    assert error[-1] < error[0] / 4


def test_a_repeated_answer_does_not_count_the_residual_twice(
    make_world: Callable[..., World],
) -> None:
    world = make_world(nodes=3, settings={"bits": 2})
    residuals = []
    for round_id in (1, 2):
        world.federation.open_round()
        hand = ByHand(world)
        for _ in range(3):
            prepare(hand, lanes(0.3))
        residuals.append(hand.nodes[1].home.journal(round_id).read("residual.npy"))
        assert np.abs(sent(hand)).max() < state.UNITS
        world.pass_deadline()
        world.federation.advance(round_id)
    assert residuals[0] is not None and residuals[1] is not None


# -- commitment and delivery ---------------------------------------------------------------------


def test_it_posts_its_commitment_itself_once(opened: ByHand) -> None:
    node, made = opened.nodes[1], prepare(opened, site(1).learn(START))
    contributor.commit(node, opened.view, made)
    before = opened.world.chain.head
    contributor.commit(node, opened.view, made)
    assert opened.world.chain.head == before
    assert [u.digest for u in opened.view.updates] == [made.digest]


def test_committee_and_aggregator_can_open_what_is_delivered_and_nobody_else(
    played: Callable[..., ByHand],
) -> None:
    hand = played("deliver")
    view, update = hand.view, hand.view.updates[0]
    envelope = hand.envelopes[update.node]
    outsiders = [n for n in hand.nodes if n not in view.readers()]
    assert outsiders
    for number, node in hand.nodes.items():
        context = node.domain.envelope_context(view.id, update.digest)
        if number in view.readers():
            data = open_sealed(envelope, number, node.keys.encryption, context, 10_000)
            assert decode_update(data, LAYOUT).manifest.update_digest == update.digest
        else:
            with pytest.raises(CannotOpen):
                open_sealed(envelope, number, node.keys.encryption, context, 10_000)


def test_the_lanes_are_nowhere_in_the_envelope(played: Callable[..., ByHand]) -> None:
    hand = played("deliver")
    for number, envelope in hand.envelopes.items():
        data = hand.nodes[number].home.journal(1).read("update.safetensors")
        pieces = [data[at : at + 16] for at in range(len(data) - 512, len(data) - 16, 16)]
        assert not any(piece in envelope for piece in pieces)


def test_nothing_is_delivered_before_all_have_committed(opened: ByHand) -> None:
    opened.commit(1, 2)
    with pytest.raises(RoundFailed, match="phase Commit"):
        contributor.deliver(opened.nodes[1], opened.view)


def test_a_node_that_did_not_commit_has_nothing_to_deliver(opened: ByHand) -> None:
    opened.commit(1, 2, 3)
    opened.world.pass_deadline()
    opened.draw()
    with pytest.raises(RoundFailed, match="node 4"):
        contributor.deliver(opened.nodes[4], opened.view)


def test_an_update_other_than_the_committed_one_is_not_delivered(opened: ByHand) -> None:
    opened.play("draw", "commit")
    other = opened.forge(1, opened.delta(1) * 2)
    opened.submit(1, other)
    with pytest.raises(RoundFailed, match="in its journal"):
        contributor.deliver(opened.nodes[1], opened.view)
