"""Two lines make a researcher's app a verified one; without the server's, it is what it was."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg, FedMedian
from tests.support import foreign_app
from tests.support.server import fedavg, grid_of, run, server_of
from tests.support.world import LAYOUT, World, site

from collegium.flower import Verified, attest
from collegium.flower.mod import SCORING
from collegium.protocol import state


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Three hospitals, all of which validate."""
    return make_world(nodes=3)


def losses(world: World, arrays: ArrayRecord) -> list[float]:
    vector = LAYOUT.flatten({"w": arrays["w"].numpy()})
    return [site(number).loss(vector) for number in world.homes]


def test_the_app_trains_and_everybody_is_paid(world: World) -> None:
    server = server_of(world)
    start = losses(world, server.arrays())
    result = server.start(grid=grid_of(world), initial_arrays=server.arrays(), num_rounds=2)
    assert np.mean(losses(world, result.arrays)) < 0.3 * np.mean(start)
    assert [r.errors for r in server.reports] == [[], []]
    assert all(world.federation.due(number) > 0 for number in world.homes)
    assert world.federation.escrow().conserved


def test_the_model_is_the_state_on_the_chain(world: World) -> None:
    server = run(server_of(world), grid_of(world))
    assert state.root(server.state) == world.federation.state_root() == server.reports[0].state_root
    vector = LAYOUT.flatten({"w": server.arrays()["w"].numpy()})
    assert np.array_equal(vector, state.to_float(server.state))


def test_it_runs_inside_a_server_app(world: World) -> None:
    app, server, results = ServerApp(), server_of(world, FedAvg(fraction_evaluate=1.0)), []

    @app.main()
    def main(grid: Grid, context: Context) -> None:
        results.append(server.start(grid=grid, initial_arrays=server.arrays(), num_rounds=2))

    context = Context(run_id=1, node_id=1, node_config={}, state=RecordDict(), run_config={})
    app(grid_of(world), context)
    evaluated = [metrics["loss"] for metrics in results[0].evaluate_metrics_clientapp.values()]
    assert len(evaluated) == 2 and evaluated[1] < evaluated[0]  # federated evaluation still works


@pytest.mark.parametrize(
    "strategy",
    [
        FedMedian(fraction_evaluate=0.0, min_available_nodes=3),
        FedAvg(fraction_train=0.67, fraction_evaluate=0.0, min_available_nodes=3),
    ],
    ids=["another strategy", "two of three nodes"],
)
def test_the_wrapped_strategy_chooses_who_trains(world: World, strategy: FedAvg) -> None:
    server = run(server_of(world, strategy), grid_of(world))
    assert len(server.reports[0].attestations) == (2 if strategy.fraction_train == 0.67 else 3)
    assert world.view().phase == "Final"


def test_the_app_gets_the_servers_config_and_its_metrics_travel(world: World) -> None:
    grid = grid_of(world)
    seen: list[Message] = []
    grid.on_reply = seen.append
    server_of(world).start(
        grid=grid,
        initial_arrays=server_of(world).arrays(),
        num_rounds=1,
        train_config=ConfigRecord({"rate": 0.1}),
    )
    replies = [m for m in seen if m.metadata.message_type == "train"]
    assert [m.content["metrics"]["server-round"] for m in replies] == [1] * 3
    assert [m.content["metrics"]["num-examples"] for m in replies] == [60] * 3


def test_a_server_without_the_protocol_gets_what_it_always_got(world: World) -> None:
    result = fedavg().start(
        grid=grid_of(world), initial_arrays=server_of(world).arrays(), num_rounds=2
    )
    assert np.mean(losses(world, result.arrays)) < 0.3
    assert world.view().phase == "Idle" and not list(world.store)


def test_records_may_have_other_names(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """FedAvg lets a researcher name the records; scoring has to use the same names."""
    renamed, configs = ClientApp(mods=[attest(loss="mse")]), []

    @renamed.train()
    def train(message: Message, context: Context) -> Message:
        learned = site(context.node_config["site"]).learn(
            LAYOUT.flatten({"w": message.content["model"]["w"].numpy()})
        )
        arrays = ArrayRecord([LAYOUT.unflatten(learned)["w"]])
        named = ArrayRecord({"w": next(iter(arrays.values()))})
        return Message(RecordDict({"model": named}), reply_to=message)

    @renamed.evaluate()
    def evaluate(message: Message, context: Context) -> Message:
        configs.append(dict(message.content["settings"]))
        reply = foreign_app.evaluate(_as_arrays(message), context)
        metrics = reply.content["metrics"]
        metrics["mse"] = metrics.pop("loss")
        return reply

    def _as_arrays(message: Message) -> Message:
        message.content["arrays"] = message.content["model"]
        return message

    monkeypatch.setattr(foreign_app, "renamed", renamed, raising=False)
    strategy = FedAvg(
        fraction_evaluate=0.0,
        min_available_nodes=3,
        arrayrecord_key="model",
        configrecord_key="settings",
    )
    server = run(server_of(world, strategy), grid_of(world, "tests.support.foreign_app:renamed"))
    assert server.reports[0].errors == [] and min(world.scores(1).values()) > 0
    assert configs and all(config[SCORING] for config in configs)


def test_a_round_costs_little(world: World) -> None:
    """Well below a second on an idle machine; the bound leaves room for a busy one."""
    server, grid = server_of(world), grid_of(world)
    run(server, grid)
    started = time.process_time()
    run(server, grid)
    assert time.process_time() - started < 3.0


def test_the_names_at_the_top_are_the_seams() -> None:
    from collegium.flower.mod import attest as mod
    from collegium.flower.strategy import Verified as strategy

    assert (attest, Verified) == (mod, strategy)
