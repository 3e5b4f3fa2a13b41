"""Every step survives Flower's own encoding, as between SuperLink and SuperNodes."""

from collections.abc import Iterable
from concurrent.futures import Future

import pytest
from flwr.app import ArrayRecord, Message, RecordDict
from flwr.supercore.inflatable.inflatable_object import get_all_nested_objects
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from tests.support.server import grid_of, run, server_of
from tests.support.world import World

from collegium.flower import wire
from collegium.flower.grid import LocalGrid


def travelled(message: Message) -> Message:
    """The message as it arrives at the other end."""
    contents = {name: part.deflate() for name, part in get_all_nested_objects(message).items()}
    arrived = inflate_object_from_contents(message.object_id, contents)
    assert isinstance(arrived, Message)
    return arrived


class WiredGrid(LocalGrid):
    """Messages and replies are encoded and decoded on their way."""

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        return super().push_messages(travelled(message) for message in messages)

    def _reply(self, future: "Future[tuple[Message, RecordDict]]") -> Message:
        return travelled(super()._reply(future))


def test_a_whole_round_on_the_wire(world: World) -> None:
    grid = grid_of(world, configs={2: {"broken": "train"}})
    report = run(server_of(world), WiredGrid(grid.app, grid.nodes)).reports[0]
    assert report.state_root == world.federation.state_root()
    assert set(report.attestations) == {1, 3, 4, 5} and min(world.pays(1).values()) > 0
    assert len(report.errors) == 1 and "out of memory" in report.errors[0]


@pytest.mark.parametrize("items", [{}, {"3": b"x"}, {"2": b"\x00" * 1000, "base": b""}])
@pytest.mark.parametrize("left_out", [[], ["1", "proposed"]])
def test_what_is_sent_and_what_is_left_out_arrive(
    items: dict[str, bytes], left_out: list[str]
) -> None:
    message = travelled(wire.request(wire.VOTE, 2, 7, **wire.pack(items, left_out)))
    record = wire.fields(message)
    assert record is not None and wire.unpack(record) == (items, left_out)
    assert (record["step"], record["round"]) == (wire.VOTE, 7)


def test_one_array_record_is_asked_for() -> None:
    for names in ([], ["model", "optimiser"]):
        content = RecordDict({name: ArrayRecord() for name in names})
        with pytest.raises(ValueError, match="expected one ArrayRecord"):
            wire.arrays_of(Message(content, 2, "train"))


def test_messages_of_others_have_no_fields() -> None:
    assert wire.fields(Message(RecordDict(), 2, "train")) is None
