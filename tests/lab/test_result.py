"""The document of a demonstration says what the chain says."""

import json
from collections.abc import Callable

import pytest
from flwr.clientapp import ClientApp
from tests.support import foreign_app
from tests.support.server import grid_of, run, server_of
from tests.support.world import LAYOUT, World

from collegium.flower import attest
from collegium.flower.round_report import RoundReport
from collegium.lab import result
from collegium.lab.attacks import ATTACK, alter
from collegium.lab.display import story
from collegium.lab.setup import Founded
from collegium.protocol.amounts import TOKEN


def founded_on(world: World) -> Founded:
    """The federation as a demonstration holds it."""
    return Founded(
        run=world.folder,
        chain=world.chain,
        federation=world.federation,
        card=world.card,
        layout=LAYOUT,
        store=world.store,
        homes=world.homes,
        names={number: f"hospital {number}" for number in world.homes},
    )


@pytest.fixture
def demonstration(make_world: Callable[..., World]) -> tuple[Founded, list[RoundReport]]:
    """One round of four nodes, one of which sends nothing, and its claims."""
    world = make_world(nodes=4, reward=1_000 * TOKEN)
    reports = run(server_of(world), grid_of(world, configs={4: {"broken": "train"}})).reports
    for number in world.homes:
        if world.federation.due(number):
            world.federation.claim(number)
    return founded_on(world), reports


def test_rounds(demonstration: tuple[Founded, list[RoundReport]]) -> None:
    founded, reports = demonstration
    (entry,) = json.loads(json.dumps(result.rounds(founded, reports)))
    assert [u["node"] for u in entry["updates"]] == ["hospital 1", "hospital 2", "hospital 3"]
    assert all(u["accepted"] and u["paid"] > 0 and u["codes"] == [] for u in entry["updates"])
    assert sum(u["paid"] for u in entry["updates"]) == pytest.approx(850)
    assert sum(entry["fees"].values()) == pytest.approx(100)
    assert entry["state_root"] == "0x" + founded.federation.state_root().hex()
    assert len(entry["committee"]) == 3 and set(entry["fees"]) == set(entry["committee"])
    assert "out of memory" in entry["errors"][0]


def test_gas_is_that_of_every_transaction_of_the_round(
    demonstration: tuple[Founded, list[RoundReport]],
) -> None:
    founded, reports = demonstration
    events = [e for e in founded.federation.events() if e.args.get("round") == 1]
    used = {
        event.tx: int(founded.chain.rpc("eth_getTransactionReceipt", event.tx)["gasUsed"], 16)
        for event in events
    }
    assert result.rounds(founded, reports)[0]["gas"] == sum(used.values()) > 500_000


def test_money(demonstration: tuple[Founded, list[RoundReport]]) -> None:
    founded, _ = demonstration
    money = result.money(founded)
    assert money["paid"] == pytest.approx(sum(money["earned_by_node"].values()))
    assert money["paid"] == pytest.approx(1_000)
    assert money["paid"] + money["free"] + money["reserved"] == pytest.approx(money["deposited"])


def test_a_disputed_merge_and_what_it_cost(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = ClientApp(mods=[alter(), attest()])
    app.train()(foreign_app.train)
    app.evaluate()(foreign_app.evaluate)
    monkeypatch.setattr(foreign_app, "altering_app", app, raising=False)
    world = make_world(nodes=4, reward=1_000 * TOKEN, stake=500 * TOKEN)
    server, altering = server_of(world), {2: {ATTACK: "altered-merge"}}  # merges round 1
    run(server, grid_of(world, "tests.support.foreign_app:altering_app", altering))
    founded = founded_on(world)
    (entry,) = json.loads(json.dumps(result.rounds(founded, server.reports)))
    (dispute,) = entry["disputes"]
    assert (dispute["leaf"], dispute["block"]) == (0, 150 // 32)
    lost = {"round": 1, "node": "hospital 2", "offence": "merge", "amount": 500.0}
    assert dispute["slashed"] == entry["slashed"] == [{**lost, "by": dispute["by"]}]
    assert dispute["by"] in entry["committee"] and dispute["by"] != "hospital 2"
    (rejected,) = entry["rejected"]
    assert rejected == dispute and rejected["proposer"] == "hospital 2"
    assert 100_000 < dispute["gas"] < entry["gas"] and entry["state_root"] != dispute["root"]
    money = result.money(founded)
    assert (money["slashed"], money["owed"], money["forfeited"]) == (500, 250, 250)
    assert money["stake_by_node"]["hospital 2"] == 0 and money["staked"] == 1_500
    told = " ".join(story(dispute))
    assert "hospital 2" in told and dispute["by"] in told and "lanes 128 to 159" in told


def test_sizes(demonstration: tuple[Founded, list[RoundReport]]) -> None:
    _, reports = demonstration
    sizes = result.sizes(reports, LAYOUT.lanes)
    assert sizes["updates_float32"] == 3 * 4 * LAYOUT.lanes
    assert 0 < sizes["updates"] < sizes["delivered_sealed"]


def test_a_cancelled_round_has_no_outcome(make_world: Callable[..., World]) -> None:
    world = make_world(nodes=3)
    broken = {number: {"broken": "evaluate"} for number in world.homes}
    reports = run(server_of(world), grid_of(world, configs=broken)).reports
    (entry,) = result.rounds(founded_on(world), reports)
    assert entry["state_root"] is None and set(entry["fees"].values()) == {0.0}
    assert all(u["score"] is None and not u["accepted"] for u in entry["updates"])
    assert all(u["paid"] == 0.0 and u["weight"] == 0 for u in entry["updates"])
