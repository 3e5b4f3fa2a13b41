"""The dishonest nodes of a demonstration do what their names say, and get what they deserve.

Five nodes with the small model of these tests; node 5 misbehaves as its ``node_config`` says. The
apps are put together as in :mod:`collegium.lab.app`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from flwr.clientapp import ClientApp
from tests.support import foreign_app
from tests.support.server import grid_of, run, server_of
from tests.support.world import World

from collegium.chain import history
from collegium.flower import attest
from collegium.lab.attacks import ATTACK, ATTACKS, UPDATES, alter, misbehave, withhold
from collegium.protocol.model.phases import Offence
from collegium.protocol.settlement import INVALID

DISHONEST = 5


@pytest.fixture
def attacked(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., World]:
    """Rounds in which a node, by default node 5, behaves as named."""
    app = ClientApp(mods=[withhold(), alter(), attest(), misbehave()])
    app.train()(foreign_app.train)
    app.evaluate()(foreign_app.evaluate)
    monkeypatch.setattr(foreign_app, "lab_app", app, raising=False)

    def play(attack: str, node: int = DISHONEST, rounds: int = 1, **terms: Any) -> World:
        world = make_world(**{"committee": 5, **terms})
        grid = grid_of(world, "tests.support.foreign_app:lab_app", {node: {ATTACK: attack}})
        run(server_of(world), grid, rounds=rounds)
        return world

    return play


def honest(values: dict[int, int]) -> list[int]:
    return [value for node, value in values.items() if node != DISHONEST]


def test_an_honest_node_passes_through(attacked: Callable[..., World]) -> None:
    world = attacked("")
    assert min(world.pays(1).values()) > 0 and min(world.fees(1).values()) > 0


def test_a_free_rider_earns_next_to_nothing(attacked: Callable[..., World]) -> None:
    pays = attacked("free-rider").pays(1)
    assert pays[DISHONEST] < 0.01 * min(honest(pays))


def test_a_poisoner_is_refused(attacked: Callable[..., World]) -> None:
    world = attacked("poisoner")
    assert world.scores(1)[DISHONEST] < 0
    assert world.pays(1)[DISHONEST] == world.weights(1)[DISHONEST] == 0
    assert min(honest(world.pays(1))) > 0


def test_noise_earns_next_to_nothing(attacked: Callable[..., World]) -> None:
    pays = attacked("noise").pays(1)
    assert pays[DISHONEST] < 0.05 * min(honest(pays))


def test_a_liar_loses_its_fee_and_changes_nothing(attacked: Callable[..., World]) -> None:
    world = attacked("liar")
    assert world.fees(1)[DISHONEST] == 0 and min(honest(world.fees(1))) > 0
    assert min(world.pays(1).values()) > 0


def test_who_withholds_is_not_paid(attacked: Callable[..., World]) -> None:
    world = attacked("withhold")
    assert world.scores(1)[DISHONEST] == INVALID and world.pays(1)[DISHONEST] == 0
    assert min(honest(world.pays(1))) > 0
    (slash,) = history.slashes(world.federation.events(), 1)
    assert (slash.node, slash.offence, slash.reporter) == (DISHONEST, Offence.INVALID, None)
    assert slash.amount == world.terms.stake // 10


def test_who_withholds_until_half_its_stake_is_gone_has_to_leave(
    attacked: Callable[..., World],
) -> None:
    world = attacked("withhold", rounds=3, committee=3, invalid_penalty=3_000)
    assert world.federation.stake(DISHONEST) == 200, "40 of 100 are left after two rounds"
    assert world.federation.node(DISHONEST).left
    assert set(world.scores(2)) == {1, 2, 3, 4, 5} and set(world.scores(3)) == {1, 2, 3, 4}
    assert world.view().phase == "Final"


@pytest.mark.parametrize("committee", [3, 5], ids=["outside", "inside"])
def test_who_alters_the_merge_is_caught_slashed_and_replaced(
    attacked: Callable[..., World], committee: int
) -> None:
    """Node 2 is the aggregator of round 1; in the whole committee it also signs its own lie."""
    honest_root = attacked("", committee=committee).federation.state_root()
    rounds = 2 if committee < 5 else 1  # without it, a committee of five cannot be drawn again
    world = attacked("altered-merge", node=2, rounds=rounds, committee=committee)
    events = world.federation.events()
    (rejected,) = history.rejections(events, 1)
    assert rejected.proposer == 2 and rejected.root != honest_root
    assert [(s.node, s.offence) for s in rejected.slashed] == [(2, Offence.MERGE)]
    finals = {e["round"]: e["root"] for e in events if e.name == "RoundFinalised"}
    assert finals[1] == honest_root, "as if it had never tried"
    assert world.pays(1)[2] > 0, "its update was honest"
    assert world.federation.node(2).left and world.federation.stake(2) == 0


@pytest.mark.parametrize("name", UPDATES)
def test_distortions_do_not_touch_what_they_were_given(name: str) -> None:
    distort, _ = UPDATES[name]
    start = {"w": np.zeros((20, 15), np.float32)}
    trained = {"w": np.ones((20, 15), np.float32)}
    sent = distort(start, trained, np.random.default_rng(1))
    assert not start["w"].any() and (trained["w"] == 1).all()
    assert sent["w"].dtype == np.float32 and sent["w"].shape == (20, 15)


def test_a_poisoner_mirrors_what_it_learned() -> None:
    start = {"w": np.full((2, 2), 3.0, np.float32)}
    trained = {"w": np.full((2, 2), 5.0, np.float32)}
    sent = UPDATES["poisoner"][0](start, trained, np.random.default_rng(1))
    assert (sent["w"] == 1.0).all()


def test_every_attack_that_can_be_named_is_tested_here() -> None:
    tested = {"free-rider", "poisoner", "noise", "liar", "withhold", "altered-merge"}
    assert set(ATTACKS) == tested
