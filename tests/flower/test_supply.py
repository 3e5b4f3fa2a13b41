"""Nothing is sent twice: a reader keeps what it got, and what it lost it gets again."""

import shutil
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from flwr.app import Message
from tests.support.by_hand import ByHand
from tests.support.server import APP, grid_of, nobody, restart_nodes, run, server_of
from tests.support.world import LAYOUT, World

from collegium.chain import history
from collegium.flower import wire
from collegium.flower.grid import LocalGrid
from collegium.flower.supply import Supply
from collegium.protocol import state
from collegium.protocol.container import encode_state
from collegium.roles import aggregator
from collegium.workspace.home import Journal

BASE = len(encode_state(state.zeros(LAYOUT)))


class Watched(LocalGrid):
    """A grid that notes what is asked of whom, and can act before a step is asked for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.asked: list[tuple[str, int, dict[str, bytes], list[str]]] = []
        self.before: dict[str, Callable[[], None]] = {}

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        for message in (messages := list(messages)):
            record: Any = wire.fields(message)
            step, node = str(record["step"]), message.metadata.dst_node_id - 1
            items, left_out = wire.unpack(record) if "left-out" in record else ({}, [])
            if step == wire.UPDATE:
                items = {wire.BASE: bytes(record["base"])}
            self.asked.append((step, node, items, left_out))
            self.before.pop(step, lambda: None)()
        return super().push_messages(messages)

    def sent(self, step: str, node: int | None = None) -> list[list[str]]:
        """Names of what each message of a step carried."""
        return [sorted(i) for s, n, i, _ in self.asked if s == step and node in (None, n)]

    @property
    def bytes(self) -> int:
        return sum(len(data) for _, _, items, _ in self.asked for data in items.values())


def watched(world: World) -> Watched:
    return Watched(APP, grid_of(world).nodes)


def drawn_in(world: World) -> history.Drawn:
    found = history.drawn(world.federation.events(), 1)
    assert found is not None
    return found


def test_each_reader_gets_each_item_once(world: World) -> None:
    grid = watched(world)
    server = run(server_of(world), grid)
    report = server.reports[0]
    assert report.state_root == world.federation.state_root() and not report.errors
    drawn = drawn_in(world)
    readers = {*drawn.committee, drawn.aggregator}
    names = {str(number) for number in world.homes}
    for member in drawn.committee:
        assert grid.sent(wire.VOTE, member) == [sorted(names - {str(member)})]
        assert grid.sent(wire.ATTEST, member) == [[]]
    merged = grid.sent(wire.MERGE)
    outside = sorted(names - {str(drawn.aggregator)})
    assert merged == [[] if drawn.aggregator in drawn.committee else outside]
    # The base goes out with training; then every update to every reader but its owner.
    sizes = {n: len(d) for _, _, items, _ in grid.asked for n, d in items.items()}
    expected = 5 * BASE + sum(report.bytes_up - sizes[str(reader)] for reader in readers)
    assert report.bytes_down == grid.bytes == expected


def test_a_node_that_lost_its_journal_says_what_it_lacks_and_gets_it(world: World) -> None:
    """Its vote is revealed already; it attests from what it is sent again, its own update too."""
    grid = watched(world)
    lost: list[int] = []

    def lose() -> None:
        lost.append(world.view().committee[0])
        shutil.rmtree(world.homes[lost[0]].journal(1).folder)
        restart_nodes()

    grid.before[wire.ATTEST] = lose
    report = run(server_of(world), grid).reports[0]
    assert report.state_root == world.federation.state_root() and not report.errors
    everything = sorted([wire.BASE, *map(str, world.homes)])
    assert grid.sent(wire.ATTEST, lost[0]) == [[], everything]
    assert all(grid.sent(wire.ATTEST, n) == [[]] for n in drawn_in(world).committee[1:])
    assert len(drawn_in(world).committee) == len(world.view().attested) == 3


def test_a_node_that_can_keep_nothing_is_asked_twice_and_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Journal, "has_state", lambda journal, root: False)
    grid = watched(world)
    report = run(server_of(world), grid).reports[0]
    assert report.state_root == world.federation.state_root() and not report.errors
    first = drawn_in(world).committee[0]
    assert grid.sent(wire.ATTEST, first) == [[], [wire.BASE]]


def test_a_node_that_always_lacks_something_stops_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    liars: list[int] = []  # the first member that votes
    real = wire.reply

    def lies(message: Message, **fields: Any) -> Message:
        node = message.metadata.dst_node_id - 1
        if "codes" in fields and node == (liars or [node])[0]:
            liars[:] = [node]
            fields = {"lacks": ["base", "1", "99", "proposed"]}
        return real(message, **fields)

    monkeypatch.setattr(wire, "reply", lies)
    grid = watched(world)
    report = run(server_of(world), grid).reports[0]
    assert report.state_root == world.federation.state_root()
    assert len(grid.sent(wire.VOTE, liars[0])) == 2
    assert report.errors == [f"node {liars[0]}: lacks what it was sent"]


def test_a_proposal_is_shown_only_to_who_finds_it_wrong(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    world, cheat = hand.world, hand.view.aggregator
    wrong = aggregator.merged(hand.nodes[cheat], hand.view, hand.file, hand.envelopes)
    wrong[7] += 1
    world.store.put(encode_state(wrong))
    hand.nodes[cheat].federation.propose_merge(1, state.root(wrong))
    grid = watched(world)
    server = run(server_of(world, nobody()), grid)
    assert server.reports[0].disputes and server.reports[0].state_root is not None
    asked = [n for s, n, i, _ in grid.asked if s == wire.ATTEST and wire.PROPOSED in i]
    assert asked and set(asked) <= set(drawn_in(world).committee)
    right = grid.asked[[s for s, *_ in grid.asked].index(wire.MERGE) :]
    assert not any(wire.PROPOSED in items for s, _, items, _ in right if s == wire.ATTEST)


def test_what_a_node_says_it_lacks_is_sent_again_and_no_more() -> None:
    supply = Supply({"base": b"bbb", "1": b"1", "2": b"22"})
    supply.has(1, "1", "base")
    assert wire.unpack(supply.fields(1)) == ({"2": b"22"}, ["1", "base"])
    supply.has_all(1)
    supply.lacks(1, ["1", "99"])
    assert wire.unpack(supply.fields(1)) == ({"1": b"1"}, ["2", "base"])
    assert wire.unpack(supply.fields(2)) == ({"base": b"bbb", "1": b"1", "2": b"22"}, [])
    assert supply.sent == 2 + 1 + 6


def test_an_item_on_request_goes_only_to_who_asks_and_only_while_it_is_offered() -> None:
    supply = Supply({"base": b"bbb"})
    with supply.on_request("proposed", b"ppp", [1, 2]):
        supply.lacks(2, ["proposed"])
        assert wire.unpack(supply.fields(1)) == ({"base": b"bbb"}, ["proposed"])
        assert wire.unpack(supply.fields(2)) == ({"base": b"bbb", "proposed": b"ppp"}, [])
    assert "proposed" not in supply.items
    with supply.on_request("proposed", None, [1]):
        assert wire.unpack(supply.fields(1))[1] == []
