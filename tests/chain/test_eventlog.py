"""Each event is read once, and what a reorganisation takes back is forgotten."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from eth_utils import keccak

from collegium.chain import engines
from collegium.chain.connection import Chain
from collegium.chain.eventlog import EventLog
from collegium.chain.reader import Reader
from collegium.errors import ChainUnreachable

_WORDS: dict[bytes, str] = {}


class Switched:
    """A chain that can be replaced by another, and whose answers can be altered.

    Attributes:
        chain: who answers.
        alter: gets method, parameters and answer of each request, and returns the answer.
        asked: requests by method.
        logs: logs that were answered in all.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self.alter: Callable[[str, tuple[Any, ...], Any], Any] = lambda method, params, answer: (
            answer
        )
        self.asked: Counter[str] = Counter()
        self.logs = 0

    @property
    def head(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def rpc(self, method: str, *params: Any) -> Any:
        self.asked[method] += 1
        answer = self.alter(method, params, self.chain.rpc(method, *params))
        if method == "eth_getLogs":
            self.logs += len(answer)
        return answer


class Fork:
    """A contract that counts, on one of several chains with a common past."""

    def __init__(self, chain: Chain, probe: Any, sender: Any) -> None:
        self.chain, self.probe, self.sender = chain, probe, sender

    def count(self, note: str) -> None:
        """Emit one more event, in a block of its own."""
        self.probe.chain = self.sender.chain = self.chain
        _WORDS[keccak(text=note)] = note
        self.probe.transact(self.sender, "increment", note)


@pytest.fixture
def forked(tmp_path: Path, probe_on) -> Iterator[Callable[..., Fork]]:
    """``forked(None, "a")`` is a new chain, ``forked(fork, "b")`` a copy that goes on alone."""
    opened: list[Chain] = []

    def make(parent: Fork | None, name: str) -> Fork:
        file = tmp_path / f"{name}.sqlite"
        if parent is not None:
            source, copy = sqlite3.connect(str(parent.chain.spec)), sqlite3.connect(file)
            with closing(source), closing(copy):
                source.backup(copy)
        opened.append(engines.connect(str(file), clock="virtual"))
        if parent is None:
            return Fork(opened[-1], *probe_on(opened[-1]))
        return Fork(opened[-1], parent.probe, parent.sender)

    yield make
    for chain in opened:
        chain.close()


def _log(fork: Fork, **options: Any) -> tuple[Switched, EventLog]:
    server = Switched(fork.chain)
    reader = Reader(server, fork.probe.known, **options)  # type: ignore[arg-type]
    return server, EventLog(reader, [fork.probe.address])


def _notes(events: list[Any]) -> list[str]:
    """What was counted, in words; the chain has only the hashes of these."""
    return [_WORDS[event["note"]] for event in events]


def _read_again(fork: Fork) -> list[Any]:
    return list(Reader(fork.chain, fork.probe.known).events(addresses=[fork.probe.address]))


def test_each_log_is_fetched_once(forked) -> None:
    fork = forked(None, "a")
    server, log = _log(fork)
    for number in range(5):
        fork.count(str(number))
        assert log.events() == _read_again(fork)
        before = server.asked.total()
        assert log.events() == _read_again(fork)
        assert server.asked.total() == before + 1  # nothing is new: one header
        fork.chain.mine()
        log.events()
    assert _notes(log.events()) == ["0", "1", "2", "3", "4"]
    assert server.logs == 5


def test_a_caller_cannot_alter_the_log(forked) -> None:
    fork = forked(None, "a")
    _, log = _log(fork)
    fork.count("kept")
    log.events().clear()
    assert _notes(log.events()) == ["kept"]


def test_many_new_blocks_are_fetched_in_pages(forked) -> None:
    fork = forked(None, "a")
    server, log = _log(fork, blocks_per_request=2)
    for number in range(7):
        fork.count(str(number))
    assert log.events() == _read_again(fork)
    assert server.asked["eth_getLogs"] == 5 and server.logs == 7  # blocks 0 … 8, two at a time


@pytest.mark.parametrize("depth", [1, 3, 6])
@pytest.mark.parametrize("longer", [True, False])
def test_a_reorganisation_takes_events_back(forked, depth: int, longer: bool) -> None:
    """``depth`` blocks with events are replaced by more, or by fewer, others."""
    old = forked(None, "old")
    server, log = _log(old)
    for number in range(6):
        if number == 6 - depth:
            new = forked(old, "new")
        old.count(f"old {number}")
        log.events()
    for number in range(depth + 2 if longer else depth - 1):
        new.count(f"new {number}")
    server.chain, before = new.chain, server.logs
    events = log.events()
    assert events == _read_again(new)
    kept = [f"old {number}" for number in range(6 - depth)]
    assert _notes(events)[: len(kept)] == kept
    assert server.logs - before == len(events) - len(kept)  # only what replaced the old blocks
    server.chain = old.chain  # and back again
    assert log.events() == _read_again(old)


def test_an_empty_block_in_place_of_another(forked) -> None:
    """Same height, other hash: only the hash shows it."""
    old = forked(None, "old")
    server, log = _log(old)
    old.count("kept")
    new = forked(old, "new")
    old.count("taken back")
    assert _notes(log.events()) == ["kept", "taken back"]
    new.chain.mine()
    server.chain = new.chain
    assert _notes(log.events()) == ["kept"]


def test_another_chain_altogether(forked) -> None:
    old, other = forked(None, "old"), forked(None, "other")
    server, log = _log(old)
    for number in range(5):
        old.count(f"old {number}")
        log.events()
    other.count("other")
    server.chain = other.chain
    assert log.events() == _read_again(other)


def test_the_chain_changes_while_its_logs_are_read(forked) -> None:
    """The header came from one chain, the logs from another: nothing of both is mixed."""
    old = forked(None, "old")
    old.count("kept")
    new = forked(old, "new")
    old.count("old"), new.count("new")
    server, log = _log(old)

    def switch(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        if method == "eth_getLogs":
            server.chain = new.chain
        return answer

    server.alter = switch
    assert _notes(log.events()) == ["kept", "new"]


def test_a_chain_that_never_stays_the_same(forked) -> None:
    old = forked(None, "old")
    new = forked(old, "new")
    old.count("old"), new.count("new")
    server, log = _log(old)

    def flip(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        if method == "eth_getLogs":
            server.chain = new.chain if server.chain is old.chain else old.chain
        return answer

    server.alter = flip
    with pytest.raises(ChainUnreachable, match="stays the same"):
        log.events()
    server.alter = lambda method, params, answer: answer
    assert len(log.events()) == 1


def test_logs_that_the_server_does_not_have_yet(forked) -> None:
    """One of several servers knows the newest block, another answers for its logs."""
    fork = forked(None, "a")
    server, log = _log(fork)
    fork.count("early")
    log.events()
    fork.count("late")

    def lag(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        return [] if method == "eth_getLogs" else answer

    server.alter = lag
    assert _notes(log.events()) == ["early"]
    server.alter = lambda method, params, answer: answer
    assert log.events() == _read_again(fork)
    fork.count("later")
    assert _notes(log.events()) == ["early", "late", "later"]


def test_a_server_that_falls_behind_shows_less_and_then_catches_up(forked) -> None:
    ahead = forked(None, "a")
    server, log = _log(ahead)
    ahead.count("first")
    behind = forked(ahead, "b")
    ahead.count("second")
    assert _notes(log.events()) == ["first", "second"]
    server.chain = behind.chain
    assert _notes(log.events()) == ["first"]
    server.chain = ahead.chain
    assert _notes(log.events()) == ["first", "second"]


def test_small_pages_after_a_refusal(flaky, served, probe_on) -> None:
    """A server limits the range: the log asks for less and gets everything."""
    with engines.connect(served.url) as chain:
        probe, sender = probe_on(chain)
        for number in range(5):
            probe.transact(sender, "increment", str(number))
        proxy = flaky(lambda method, nth: "refuse" if method == "eth_getLogs" and nth < 2 else None)
        with engines.connect(proxy.url) as limited:
            log = EventLog(Reader(limited, probe.known, blocks_per_request=16), [probe.address])
            assert [event["count"] for event in log.events()] == [1, 2, 3, 4, 5]


def test_an_error_leaves_the_log_as_it_was(flaky, served, probe_on) -> None:
    with engines.connect(served.url) as chain:
        probe, sender = probe_on(chain)
        probe.transact(sender, "increment", "one")
        proxy = flaky(
            lambda method, nth: "forbidden" if method == "eth_getLogs" and nth == 1 else None
        )
        with engines.connect(proxy.url) as limited:
            log = EventLog(Reader(limited, probe.known), [probe.address])
            assert len(log.events()) == 1
            probe.transact(sender, "increment", "two")
            with pytest.raises(ChainUnreachable):
                log.events()
            assert len(log.events()) == 2


def test_the_newest_block_of_a_server_that_lags_behind_another(forked) -> None:
    """One server says which block is the newest; another, further on, answers for numbers."""
    fork = forked(None, "a")
    server, log = _log(fork)
    fork.count("first")
    before = fork.chain.rpc("eth_getBlockByNumber", "latest", False)
    fork.count("second")
    assert _notes(log.events()) == ["first", "second"]

    def lag(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        return before if method == "eth_getBlockByNumber" and params[0] == "latest" else answer

    server.alter = lag
    assert _notes(log.events()) == ["first", "second"]
    assert _notes(log.events()) == ["first", "second"]
    server.alter = lambda method, params, answer: answer
    fork.count("third")
    assert _notes(log.events()) == ["first", "second", "third"]


def test_logs_of_several_blocks_that_the_server_does_not_have_yet(forked) -> None:
    fork = forked(None, "a")
    server, log = _log(fork)
    fork.count("early")
    log.events()
    fork.count("late")
    fork.count("later")
    fork.chain.mine()

    def lag(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        return [] if method == "eth_getLogs" else answer

    server.alter = lag
    assert _notes(log.events()) == ["early"]
    server.alter = lambda method, params, answer: answer
    assert log.events() == _read_again(fork)
