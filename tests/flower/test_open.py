"""``Verified.open``: a server from the folder that ``collegium federation create`` wrote."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.server import fedavg, grid_of, run
from tests.support.world import LAYOUT, World

from collegium.errors import MissingKeys, NoRun
from collegium.flower import Verified
from collegium.protocol import state
from collegium.workspace.run import Run


def folder_of(world: World) -> Path:
    """What the sponsor's machine holds of a federation."""
    place = Run(
        world.folder,
        "chain.sqlite",
        world.federation.address,
        first_block=world.federation.first_block,
    )
    place.card_file.write_bytes(world.card.encode())
    place.layout_file.write_bytes(LAYOUT.encode())
    place.save()
    return world.folder


def test_a_server_from_a_folder_runs_a_round(make_world: Callable[..., World]) -> None:
    """Here without a fast clock: time passes by itself, as on a consortium's own chain."""
    world = make_world(nodes=3)
    server = run(Verified.open(fedavg(), folder_of(world)), grid_of(world))
    assert server.reports[0].errors == []
    assert (
        state.root(server.state) == world.federation.state_root() != state.root(state.zeros(LAYOUT))
    )


def test_another_account_may_coordinate_if_it_has_the_role(
    make_world: Callable[..., World],
) -> None:
    world = make_world(nodes=3)
    account = world.chain.dev_accounts[7]
    world.federation.grant("COORDINATOR", account.address)
    run(Verified.open(fedavg(), folder_of(world), account=account), grid_of(world))
    opened = world.federation.events("RoundOpened")[0]
    sender = world.chain.rpc("eth_getTransactionByHash", opened.tx)["from"]
    assert sender.lower() == account.address.lower()


def test_off_a_local_chain_an_account_is_asked_for(make_world: Callable[..., World]) -> None:
    world = make_world(nodes=3, chain_id=100)
    with pytest.raises(MissingKeys, match="coordinator's account"):
        Verified.open(fedavg(), folder_of(world))


def test_a_round_on_a_chain_that_is_not_local(make_world: Callable[..., World]) -> None:
    """There views see the newest block, not the one to come."""
    world = make_world(nodes=3, chain_id=100)
    server = Verified.open(fedavg(), folder_of(world), account=world.chain.dev_accounts[0])
    server.coordinator = world.coordinator
    run(server, grid_of(world))
    assert server.reports[0].state_root == world.federation.state_root()


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(NoRun):
        Verified.open(fedavg(), tmp_path)
