"""Any role may die in any phase: what is started again ends on the same state, and pays once.

The process dies at the one boundary that matters, its call to the chain: just before a transaction
is sent (the journal is written, the chain knows nothing) or just after it was mined (the chain
knows, the process never heard of it).
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.support.by_hand import ByHand
from tests.support.server import fedavg, grid_of, nobody, restart_nodes, run, server_of
from tests.support.world import LAYOUT, World, site

from collegium.chain.bindings import Contract
from collegium.flower.strategy import Verified
from collegium.protocol import codec, state
from collegium.protocol.rules.merging import MEAN, merge
from collegium.protocol.rules.shares import EQUAL

STEPS = {  # each call of the contract, and the last step that was taken before it
    "openRound": None,
    "commitUpdates": "open",
    "advance": "commit",
    "commitVerdict": "deliver",
    "revealVerdict": "vote",
    "settle": "reveal",
    "proposeMerge": "settle",
    "attestMerge": "propose",
}


class Killed(BaseException):
    """The whole process is gone: nothing below may catch this."""


class NodeLost(Exception):
    """One node is gone; its Flower node answers with an error."""


def die(
    monkeypatch: pytest.MonkeyPatch, step: str, when: str, how: type[BaseException]
) -> list[str]:
    """Let the first call of a contract function end in a death; returns where that is noted."""
    transact, deaths = Contract.transact, []

    def mortal(contract: Contract, sender: Any, function: str, *args: Any, **options: Any) -> Any:
        fatal = function == step and not deaths
        if fatal and when == "before":
            deaths.append(step)
            raise how(step)
        receipt = transact(contract, sender, function, *args, **options)
        if fatal:
            deaths.append(step)
            raise how(step)
        return receipt

    monkeypatch.setattr(Contract, "transact", mortal)
    return deaths


def expected_root(world: World) -> bytes:
    """What an undisturbed round with equal weights ends on, from the data alone."""
    base = state.zeros(LAYOUT)
    deltas = [state.to_units(site(n).learn(state.to_float(base))) for n in world.homes]
    return state.root(merge(MEAN, base, [(1, codec.quantise(d, 8)) for d in deltas]))


def once(world: World, name: str) -> bool:
    """Whether no node appears twice in the events of this name in round 1."""
    slots = [e["slot"] for e in world.federation.events(name) if e["round"] == 1]
    return len(slots) == len(set(slots))


@pytest.fixture
def before(
    make_world: Callable[..., World], played: Callable[..., ByHand]
) -> Callable[[str], World]:
    """A federation that stands just before a step."""

    def stand(step: str) -> World:
        last = STEPS[step]
        options = {"nodes": 3, "weight_rule": EQUAL}
        return make_world(**options) if last is None else played(last, **options).world

    return stand


def serve(world: World) -> Verified:
    """A server comes up and runs; once the round has its updates, it need not open another."""
    training = world.view().phase in ("Idle", "Commit")
    return run(server_of(world, fedavg() if training else nobody()), grid_of(world))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_everything_dies(
    before: Callable[[str], World], monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    world = before(step)
    with monkeypatch.context() as patch:
        deaths = die(patch, step, when, Killed)
        with pytest.raises(Killed):
            serve(world)
        assert deaths == [step]
    restart_nodes()
    server = serve(world)
    roots = [e["root"] for e in world.federation.events("RoundFinalised") if e["round"] == 1]
    assert roots == [expected_root(world)]
    assert once(world, "VerdictCommitted") and once(world, "VerdictRevealed")
    assert state.root(server.state) == world.federation.state_root()
    assert world.federation.escrow().conserved


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["commitVerdict", "revealVerdict", "proposeMerge"])
def test_one_node_dies_and_the_round_goes_on(
    before: Callable[[str], World], monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    world = before(step)
    deaths = die(monkeypatch, step, when, NodeLost)
    server = serve(world)
    assert deaths == [step]
    assert any(f"NodeLost: {step}" in error for error in server.reports[0].errors)
    assert server.reports[0].state_root == expected_root(world)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_node_that_dies_while_it_commits_answers_the_same_when_asked_again(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    world = make_world(nodes=3, settings={"commit": "self"}, weight_rule=EQUAL)
    with monkeypatch.context() as patch:
        die(patch, "commitUpdate", when, Killed)
        with pytest.raises(Killed):
            serve(world)
    restart_nodes()
    server = serve(world)
    assert server.reports[0].state_root == expected_root(world)
    assert [report.round for report in server.reports] == [1]
