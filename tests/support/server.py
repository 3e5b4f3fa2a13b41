"""A :class:`World` driven through Flower: a grid, a server, their restarts."""

from collections.abc import Mapping
from typing import Any

from flwr.serverapp.strategy import FedAvg, Strategy
from tests.support.world import LAYOUT, World

from collegium.flower import mod
from collegium.flower.grid import LocalGrid
from collegium.flower.mod import HOME
from collegium.flower.strategy import Verified

APP = "tests.support.foreign_app:app"


def grid_of(
    world: World, app: str = APP, configs: Mapping[int, Mapping[str, Any]] | None = None
) -> LocalGrid:
    """A grid of all nodes; registered node 1 is Flower node 2, and so on.

    Args:
        configs: additional ``node_config`` by registered node id.
    """
    nodes = {
        number + 1: {HOME: str(home.path), "site": number, **(configs or {}).get(number, {})}
        for number, home in world.homes.items()
    }
    return LocalGrid(app, nodes)


def fedavg() -> FedAvg:
    """The researcher's strategy: all available nodes train."""
    return FedAvg(fraction_evaluate=0.0, min_train_nodes=1, min_available_nodes=1)


def nobody() -> FedAvg:
    """A strategy in which no node trains, so that its rounds are cancelled."""
    return FedAvg(fraction_train=0.0, fraction_evaluate=0.0)


def server_of(world: World, strategy: Strategy | None = None, **hooks: Any) -> Verified:
    """A freshly started server, which knows only chain and store."""
    return Verified(strategy or fedavg(), world.coordinator, LAYOUT, world.store, **hooks)


def run(server: Verified, grid: LocalGrid, rounds: int = 1) -> Verified:
    """Run some rounds on a server."""
    server.start(grid=grid, initial_arrays=server.arrays(), num_rounds=rounds)
    return server


def restart_nodes() -> None:
    """Restart nodes, so that they lose everything that is not on disk."""
    mod._open.cache_clear()
