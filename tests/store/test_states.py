"""A state is found by its root with one read, however many the store has."""

from pathlib import Path

import numpy as np
import pytest

from collegium.errors import BlobMissing
from collegium.protocol import state
from collegium.protocol.container import encode_state
from collegium.protocol.layout import Layout, Tensor
from collegium.protocol.state import State
from collegium.store import BlobStore
from collegium.store.states import find_state, put_state

ROUNDS = 12


class Counting(BlobStore):
    """A store that counts the blobs it is asked for."""

    reads = 0

    def get(self, digest: str, limit: int | None = None) -> bytes:
        self.reads += 1
        return super().get(digest, limit)


@pytest.fixture
def store(tmp_path: Path) -> Counting:
    return Counting(tmp_path)


@pytest.fixture
def layout() -> Layout:
    return Layout("any", "11" * 32, "ffa", 2, 4, "22" * 32, (Tensor("b", (300,)),))


@pytest.fixture
def states(layout: Layout) -> list[State]:
    return [state.zeros(layout) + np.int32(number) for number in range(1, ROUNDS + 1)]


def test_one_read_finds_any_state(store: Counting, layout: Layout, states: list[State]) -> None:
    roots = [put_state(store, values) for values in states]
    for root, values in zip(roots, states, strict=True):
        store.reads = 0
        assert np.array_equal(find_state(store, layout, root), values)
        assert store.reads == 1


def test_nothing_is_read_for_a_state_that_is_missing(
    store: Counting, layout: Layout, states: list[State]
) -> None:
    for values in states[1:]:
        put_state(store, values)
    with pytest.raises(BlobMissing, match="CG408"):
        find_state(store, layout, state.root(states[0]))
    assert store.reads == 0


def test_a_store_without_tags_is_searched_once(
    store: Counting, layout: Layout, states: list[State]
) -> None:
    for values in states:
        store.put(encode_state(values))
    for values in states:
        find_state(store, layout, state.root(values))
    assert store.reads <= 2 * ROUNDS  # each was opened once to learn its root, and once by it


def test_a_tag_is_not_believed(store: Counting, layout: Layout, states: list[State]) -> None:
    wanted, other = states[:2]
    put_state(store, wanted)
    store.tag(f"states/{state.root(wanted).hex()}", store.put(encode_state(other)))
    assert np.array_equal(find_state(store, layout, state.root(wanted)), wanted)


def test_tags_are_not_blobs(store: Counting, states: list[State]) -> None:
    put_state(store, states[0])
    assert list(store) == [store.put(encode_state(states[0]))]


def test_a_store_that_cannot_be_written_is_searched(
    store: Counting, layout: Layout, states: list[State], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    store.put(encode_state(states[0]))
    monkeypatch.setattr(store, "tag", refuse)
    assert np.array_equal(find_state(store, layout, state.root(states[0])), states[0])
