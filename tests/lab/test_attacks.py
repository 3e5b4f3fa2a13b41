"""The dishonest nodes of a demonstration do what their names say, and get what they deserve.

Five nodes with the small model of these tests; node 5 misbehaves as its settings say. The apps are
put together as in :mod:`collegium.lab.app`.
"""

from collections.abc import Callable

import numpy as np
import pytest
from flwr.clientapp import ClientApp
from tests import foreign_app
from tests.server import grid_of, run, server_of
from tests.world import World

from collegium.flower import attest
from collegium.lab.attacks import ATTACKS, UPDATES, misbehave, withhold
from collegium.protocol.settlement import INVALID

DISHONEST = 5


@pytest.fixture
def attacked(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], World]:
    """A round in which node 5 behaves as named."""
    app = ClientApp(mods=[withhold(), attest(), misbehave()])
    app.train()(foreign_app.train)
    app.evaluate()(foreign_app.evaluate)
    monkeypatch.setattr(foreign_app, "lab_app", app, raising=False)

    def play(attack: str) -> World:
        world = make_world(committee=5)
        world.configure(DISHONEST, attack=attack)
        run(server_of(world), grid_of(world, "tests.foreign_app:lab_app"))
        return world

    return play


def honest(values: dict[int, int]) -> list[int]:
    return [value for node, value in values.items() if node != DISHONEST]


def test_an_honest_node_passes_through(attacked: Callable[[str], World]) -> None:
    world = attacked("")
    assert min(world.pays(1).values()) > 0 and min(world.fees(1).values()) > 0


def test_a_free_rider_earns_next_to_nothing(attacked: Callable[[str], World]) -> None:
    pays = attacked("free-rider").pays(1)
    assert pays[DISHONEST] < 0.01 * min(honest(pays))


def test_a_poisoner_is_refused(attacked: Callable[[str], World]) -> None:
    world = attacked("poisoner")
    assert world.scores(1)[DISHONEST] < 0
    assert world.pays(1)[DISHONEST] == world.weights(1)[DISHONEST] == 0
    assert min(honest(world.pays(1))) > 0


def test_noise_earns_next_to_nothing(attacked: Callable[[str], World]) -> None:
    pays = attacked("noise").pays(1)
    assert pays[DISHONEST] < 0.05 * min(honest(pays))


def test_a_liar_loses_its_fee_and_changes_nothing(attacked: Callable[[str], World]) -> None:
    world = attacked("liar")
    assert world.fees(1)[DISHONEST] == 0 and min(honest(world.fees(1))) > 0
    assert min(world.pays(1).values()) > 0


def test_who_withholds_is_not_paid(attacked: Callable[[str], World]) -> None:
    world = attacked("withhold")
    assert world.scores(1)[DISHONEST] == INVALID and world.pays(1)[DISHONEST] == 0
    assert min(honest(world.pays(1))) > 0


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
    assert set(ATTACKS) == {"free-rider", "poisoner", "noise", "liar", "withhold"}
