"""The server: a round goes on with whoever is left, and ends where the chain says it ends."""

from collections.abc import Callable, Iterable
from typing import ClassVar

import numpy as np
import pytest
from flwr.app import Message
from tests.support.by_hand import ByHand
from tests.support.passphrase import PASSPHRASE
from tests.support.server import fedavg, grid_of, nobody, restart_nodes, run, server_of
from tests.support.world import LAYOUT, World

from collegium.chain import history
from collegium.consortium import membership
from collegium.errors import BlobMissing
from collegium.flower.grid import LocalGrid
from collegium.flower.round_report import RoundReport
from collegium.flower.strategy import Verified
from collegium.protocol import state
from collegium.protocol.container import encode_state
from collegium.protocol.state import State
from collegium.queries.disputes import with_place
from collegium.queries.rounds import ShownRejection
from collegium.roles import aggregator
from collegium.roles.coordinator import Coordinator
from collegium.roles.view import RoundView
from collegium.store import BlobStore
from collegium.store.states import find_state
from collegium.workspace.home import NodeHome


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """Three hospitals, all of which validate."""
    return make_world(nodes=3)


# -- who is left -----------------------------------------------------------------------------------


def test_a_node_whose_app_fails_is_left_out_and_the_others_go_on(world: World) -> None:
    server = run(server_of(world), grid_of(world, configs={2: {"broken": "train"}}))
    report = server.reports[0]
    assert set(report.attestations) == set(world.scores(1)) == {1, 3}
    assert report.state_root == world.federation.state_root() == state.root(server.state)
    assert len(report.errors) == 1 and report.errors[0].startswith("node 2:")
    assert "out of memory" in report.errors[0]


def test_a_validator_that_cannot_score_does_not_hold_the_round(world: World) -> None:
    server = run(server_of(world), grid_of(world, configs={2: {"broken": "evaluate"}}))
    assert server.reports[0].state_root == world.federation.state_root() != bytes(32)
    assert any("node 2" in error and "disk full" in error for error in server.reports[0].errors)
    fees = world.fees(1)
    assert fees[2] == 0 and fees[1] > 0 and fees[3] > 0


def test_with_too_few_updates_the_model_stays_as_it_was(world: World) -> None:
    broken = {number: {"broken": "train"} for number in (1, 2)}
    free, server = world.federation.escrow().free, server_of(world)
    result = server.start(
        grid=grid_of(world, configs=broken), initial_arrays=server.arrays(), num_rounds=1
    )
    assert world.view().phase == "Cancelled" and server.reports[0].state_root is None
    assert len(result.arrays) == 0  # Flower's way to say that nothing was aggregated
    assert not server.state.any() and world.federation.escrow().free == free


def test_after_a_cancelled_round_the_next_one_works(world: World) -> None:
    broken = {number: {"broken": "evaluate"} for number in world.homes}
    server = run(server_of(world), grid_of(world, configs=broken))
    assert world.view().phase == "Cancelled" and not server.state.any()
    run(server, grid_of(world))
    assert [r.state_root is None for r in server.reports] == [True, False]
    assert world.view().id == 2 and server.state.any()


def test_a_round_in_which_nothing_is_accepted_leaves_the_model_as_it_was(
    make_world: Callable[..., World],
) -> None:
    world = make_world(nodes=3, min_score=2**31 - 1)
    server = run(server_of(world), grid_of(world))
    assert world.view().phase == "Final" and set(world.weights(1).values()) == {0}
    assert server.reports[0].state_root == state.root(state.zeros(LAYOUT))
    assert not server.state.any()


# -- what it tells ---------------------------------------------------------------------------------


def test_phases_and_rounds_are_announced(world: World) -> None:
    phases: list[tuple[int, str]] = []
    reports: list[RoundReport] = []
    server = server_of(
        world,
        on_phase=lambda number, phase: phases.append((number, phase)),
        on_round=reports.append,
    )
    run(server, grid_of(world))
    assert [number for number, _ in phases] == [1] * len(phases)
    names = [phase for _, phase in phases]
    order = ["Open", "Train", "Commit", "Draw", "Deliver", "Reveal", "Settle", "Merge", "Proposed"]
    assert [name for name in names if name in order] == order and names[-1] == "Final"
    assert reports == server.reports


def test_time_is_split_into_work_and_trust(world: World) -> None:
    report = run(server_of(world), grid_of(world)).reports[0]
    assert 0 < report.work_s() < sum(report.phase_s.values())
    assert report.work_s() + report.trust_s() == pytest.approx(sum(report.phase_s.values()))
    assert 0 < report.app_s["vote"] < report.step_s["vote"]


def test_bytes_are_those_of_the_envelopes_in_the_store(world: World) -> None:
    report = run(server_of(world), grid_of(world)).reports[0]
    size = len(encode_state(state.zeros(LAYOUT)))
    stored = [world.store.size(name) for name in world.store]
    assert report.bytes_up == sum(stored) - size  # envelopes, and one state


# -- after a restart -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "last", ["open", "commit", "draw", "deliver", "vote", "reveal", "settle", "propose"]
)
def test_a_server_that_comes_up_in_mid_round_finishes_it(
    played: Callable[..., ByHand], last: str
) -> None:
    """The round was begun by another process that is gone, with all it knew."""
    world = played(last, nodes=3).world
    server = run(server_of(world, fedavg() if last == "open" else nobody()), grid_of(world))
    first = server.reports[0]
    assert first.round == 1 and first.state_root is not None and first.errors == []
    rounds = [1] if last == "open" else [1, 2]  # then it opened one of its own
    assert [report.round for report in server.reports] == rounds
    assert first.state_root == state.root(server.state) == world.federation.state_root()


def test_a_server_that_comes_up_after_the_deadline_cancels_and_goes_on(world: World) -> None:
    world.federation.open_round()
    world.pass_deadline()
    server = run(server_of(world), grid_of(world))
    assert [(r.round, r.state_root is None) for r in server.reports] == [(1, True), (2, False)]


def test_a_server_finds_the_state_it_left(world: World) -> None:
    first = run(server_of(world), grid_of(world), rounds=2)
    restart_nodes()
    second = server_of(world)
    assert np.array_equal(second.state, first.state)
    run(second, grid_of(world))
    assert world.view().id == 3 and state.root(second.state) == world.federation.state_root()


def test_a_round_that_ended_while_nobody_was_here_is_caught_up_on(
    played: Callable[..., ByHand],
) -> None:
    """Anybody may finish a round; members show the server what it ended on."""
    hand = played("attest", nodes=3)
    world = hand.world
    world.pass_deadline()
    hand.nodes[2].federation.advance(1)
    assert world.view().phase == "Final" and not list(world.store)
    server = server_of(world, nobody())
    assert not server.state.any()  # what it knows at first is the state before
    run(server, grid_of(world))
    assert state.root(server.state) == world.federation.state_root() == state.root(hand.merged)
    assert [(r.round, r.state_root is None) for r in server.reports] == [(1, False), (2, True)]


def test_if_nobody_can_show_the_state_the_server_says_so(played: Callable[..., ByHand]) -> None:
    world = played("finish", nodes=3).world
    for home in world.homes.values():
        home.forget_deliveries(before=2)
    with pytest.raises(BlobMissing, match=world.federation.state_root().hex()):
        run(server_of(world, nobody()), grid_of(world))


def test_without_its_store_a_server_says_what_is_missing(world: World) -> None:
    run(server_of(world), grid_of(world), rounds=2)
    empty = BlobStore(world.folder / "another store")
    with pytest.raises(BlobMissing, match=world.view().base.hex()):
        Verified(server_of(world).strategy, world.coordinator, LAYOUT, empty)


def test_other_blobs_of_the_size_of_a_state_do_not_stop_it(world: World) -> None:
    """Anybody who delivers can make the store hold an envelope of just that size."""
    wanted = state.zeros(LAYOUT)
    wanted[5] = 1
    file = encode_state(wanted)
    for filler in range(20):
        world.store.put(bytes([filler]) * len(file))
    damaged = world.store.put(encode_state(wanted + 1))
    path = world.folder / "store" / damaged[:2] / damaged
    path.write_bytes(file[:-1] + b"\xff")
    world.store.put(file)
    assert np.array_equal(find_state(world.store, LAYOUT, state.root(wanted)), wanted)


# -- the merge -------------------------------------------------------------------------------------


def test_if_the_aggregator_is_gone_another_member_merges(played: Callable[..., ByHand]) -> None:
    world = played("settle", nodes=4).world
    grid, gone = grid_of(world), world.view().aggregator
    del grid.nodes[gone + 1]
    server = run(server_of(world, nobody()), grid)
    proposed = world.federation.events("MergeProposed")[0]
    assert proposed["proposer"] != gone
    assert server.reports[0].state_root == proposed["root"]


def test_if_nobody_merges_the_round_ends_as_it_began(played: Callable[..., ByHand]) -> None:
    world = played("settle", nodes=4).world
    grid = grid_of(world)
    for number in world.view().readers():
        del grid.nodes[number + 1]
    server = run(server_of(world, nobody()), grid)
    assert server.reports[0].state_root == state.root(state.zeros(LAYOUT))
    assert not server.state.any() and not world.federation.events("MergeProposed")


# -- a merge that is wrong -------------------------------------------------------------------------


def altered(hand: ByHand, lane: int = 100) -> State:
    """The merge, with one number changed by the least that is possible."""
    node = hand.nodes[hand.view.aggregator]
    wrong = aggregator.merged(node, hand.view, hand.file, hand.envelopes)
    wrong[lane] += 1
    return wrong


def test_a_wrong_merge_is_disproved_and_another_node_merges(played: Callable[..., ByHand]) -> None:
    hand = played("settle", nodes=4)
    world, cheat, wrong = hand.world, hand.view.aggregator, altered(hand)
    aggregator.propose(hand.nodes[cheat], hand.view, wrong)
    told: list[history.Rejection] = []
    server = server_of(world, nobody(), on_dispute=lambda view, one: told.append(one))
    world.store.put(encode_state(wrong))  # as the aggregator showed it, to a server that is gone
    report = run(server, grid_of(world)).reports[0]
    (rejection,) = report.disputes
    assert told == [rejection]
    dispute = with_place(world.federation, ShownRejection.of(1, rejection))
    assert (dispute.leaf, dispute.block, dispute.root) == (0, 3, state.root(wrong))
    assert dispute.gas is not None and 100_000 < dispute.gas < 600_000
    assert [(s.node, s.offence, s.amount) for s in dispute.slashed] == [(cheat, "merge", 500)]
    drawn = history.drawn(world.federation.events(), 1)
    assert drawn is not None
    assert world.federation.node_of(dispute.by) in set(drawn.committee) - {cheat}
    wrong[100] -= 1
    assert report.state_root == state.root(wrong) == world.federation.state_root()
    proposers = [e["proposer"] for e in world.federation.events("MergeProposed")]
    assert len(proposers) == 2 and proposers[0] == cheat != proposers[1]
    assert world.federation.owed(dispute.by) == 250


def test_a_root_that_nobody_can_show_falls_and_another_node_merges(
    played: Callable[..., ByHand],
) -> None:
    hand = played("settle", nodes=4)
    world, cheat = hand.world, hand.view.aggregator
    hand.nodes[cheat].federation.propose_merge(1, b"\x13" * 32)
    report = run(server_of(world, nobody()), grid_of(world)).reports[0]
    assert report.disputes == [] and report.state_root == world.federation.state_root() != bytes(32)
    (rejected,) = history.rejections(world.federation.events(), 1)
    assert (rejected.proposer, rejected.challenger, rejected.slashed) == (cheat, None, ())
    assert any("CG507" in error for error in report.errors), "the committee says why"


def test_after_the_last_rejected_proposal_the_round_ends_as_it_began(
    played: Callable[..., ByHand],
) -> None:
    """All who can merge propose what nobody can show; the round ends all the same."""
    hand = played("settle", nodes=4)
    world, free = hand.world, hand.world.federation.escrow().free
    for node in (hand.view.aggregator, *range(1, 5)):
        if node not in hand.view.barred:
            hand.nodes[node].federation.propose_merge(1, bytes([node]) * 32)
            world.coordinator.wait(world.view())
    assert world.view().phase == "Final"
    server = run(server_of(world, nobody()), grid_of(world))
    assert not server.state.any()
    pool = world.terms.reward * world.terms.aggregator_share // 10_000
    assert world.federation.escrow().free == free + pool


# -- who comes and goes ----------------------------------------------------------------------------


def test_a_node_that_has_left_is_not_asked(make_world: Callable[..., World]) -> None:
    world = make_world(nodes=4)
    server, grid = server_of(world), grid_of(world)
    run(server, grid)
    account = NodeHome(world.homes[2].path).keyring().account
    world.federation.using(account).exit()
    grid = grid_of(world, configs={2: {"broken": "train"}})  # it would complain
    run(server, grid)
    assert server.reports[1].errors == [] and set(world.scores(2)) == {1, 3, 4}


class _Slow(LocalGrid):
    """Nobody has connected yet when it is first looked at."""

    looks: ClassVar[list[int]] = []

    def get_node_ids(self) -> Iterable[int]:
        self.looks.append(len(self.looks))
        return list(self.nodes) if len(self.looks) > 1 else []


def test_nodes_that_connect_while_the_strategy_waits_for_them_take_part(world: World) -> None:
    grid = grid_of(world)
    server = run(server_of(world), _Slow(grid.app, grid.nodes))
    assert set(world.scores(1)) == {1, 2, 3} and server.reports[0].errors == []


def test_a_node_that_rotates_in_mid_round_goes_on_with_the_old_keys_until_it_is_over(
    make_world: Callable[..., World],
) -> None:
    """All three validate and contribute; one changes its keys after everybody has committed."""
    world = make_world(nodes=3)
    home, rotated = world.homes[2], []

    def on_phase(number: int, phase: str) -> None:
        if (number, phase) == (1, "Commit"):
            rotated.append(membership.rotate(home, world.federation, PASSPHRASE))
            world.federation.sender.send(rotated[0].keys.signer.address, value=10**17)

    server = run(server_of(world, on_phase=on_phase), grid_of(world), rounds=2)
    assert rotated[0].active_from == 2
    assert [report.errors for report in server.reports] == [[], []]
    for number in (1, 2):
        assert set(world.scores(number)) == {1, 2, 3} and min(world.fees(number).values()) > 0
    assert world.view().nodes[2].signer == rotated[0].keys.signer.address


# -- patience --------------------------------------------------------------------------------------


class _Impatient(Coordinator):
    def seconds_left(self, view: RoundView) -> float:
        return 12.5


class _Watched(LocalGrid):
    """Notes how long the server is willing to wait."""

    waited: ClassVar[list[float | None]] = []

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        self.waited.append(timeout)
        return super().send_and_receive(messages, timeout=timeout)


def test_each_step_waits_only_as_long_as_the_coordinator_says(world: World) -> None:
    server, grid = server_of(world), grid_of(world)
    server.coordinator = _Impatient(world.federation, fast_forward=True)
    run(server, _Watched(grid.app, grid.nodes))
    assert _Watched.waited.count(12.5) == 5  # deliver, vote, reveal, merge, attest
