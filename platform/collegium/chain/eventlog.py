"""The events of some contracts, kept in memory; only new blocks are read.

Every role needs all events before every step. If it read them from the first block each time, the
cost would grow with the square of their number; here each is read once.

What was read stays true only while its blocks are on the chain, so the log remembers hashes of
blocks. If a remembered block was replaced (a reorganisation), the log falls back to the last one
that is still on the chain, and reads on from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from eth_utils import decode_hex

from collegium.chain import bloom
from collegium.chain.reader import Reader
from collegium.chain.receipts import Event
from collegium.errors import ChainUnreachable

Json = dict[str, Any]
_MOST_BEHIND = 16  # blocks; how far one of several servers lags behind another
_ATTEMPTS = 5  # one fails only if the newest block is replaced while the logs are read


@dataclass(frozen=True)
class _Mark:
    """A block up to which everything was read."""

    number: int
    hash: str


class EventLog:
    """All events of some contracts since a block.

    Args:
        reader: reads the chain, and knows the contracts' ABIs.
        addresses: the contracts.
        first_block: block from which on their events are read.
    """

    def __init__(self, reader: Reader, addresses: Sequence[str], first_block: int = 0) -> None:
        self._reader, self._addresses, self._first = reader, list(addresses), first_block
        self._events: list[Event] = []
        self._marks: list[_Mark] = []  # ascending: blocks that have events, and the newest
        self._lock = Lock()

    def events(self) -> list[Event]:
        """All events up to the newest block, in chain order.

        Costs one header if there is no new block; else two or three headers, one more for each of
        the last new blocks without events (at most 16), and one request of ``eth_getLogs`` per page
        of new blocks.

        Raises:
            ChainError: the server rejects even a range of one block.
            ChainUnreachable: it does not answer, or its chain changes faster than it can be read.
        """
        with self._lock:
            for _ in range(_ATTEMPTS):
                if self._extend():
                    return list(self._events)
        raise ChainUnreachable(
            expected=f"a chain that stays the same while its events are read, in {_ATTEMPTS} tries",
            found="a different newest block of the same number every time",
            action="Try again later, or use another server.",
        )

    def _extend(self) -> bool:
        """Read what is new; False if the chain changed in the meantime."""
        head = self._header("latest")
        newest = _Mark(int(head["number"], 16), head["hash"])
        if self._marks and self._marks[-1] == newest:
            return True
        self._fall_back(head)
        start = self._marks[-1].number + 1 if self._marks else self._first
        if start > newest.number:  # a server that lags behind the one that was read before
            return True
        logs = list(self._reader.logs(start, newest.number, self._addresses))
        if self._header(hex(newest.number)).get("hash") != newest.hash:
            return False  # the logs may belong to a block other than the header's
        decoded = self._reader.known.decode_logs(logs)
        self._remember(logs, self._complete(head, start, logs))
        self._events += decoded
        return True

    def _fall_back(self, head: Json) -> None:
        """Forget what comes after the last remembered block that is still on the chain."""
        if not self._marks or head["parentHash"] == self._marks[-1].hash:
            return
        # Bisection: if a marked block is on the chain, all blocks before it are.
        kept, gone = 0, len(self._marks)
        middle = gone - 1  # the newest first: nearly always nothing was replaced
        while kept < gone:
            mark = self._marks[middle]
            if self._header(hex(mark.number)).get("hash") == mark.hash:
                kept = middle + 1
            else:
                gone = middle
            middle = (kept + gone) // 2
        del self._marks[kept:]
        last = self._marks[-1].number if self._marks else -1
        self._events = [event for event in self._events if event.block <= last]

    def _complete(self, head: Json, start: int, logs: Sequence[Json]) -> _Mark:
        """The block up to which the server does not seem to have left events out.

        Behind one address there are often several servers, and some do not know the newest blocks
        yet. The bloom filter of a header says which addresses may have events in its block; in
        doubt, a block is read again. The blocks up to the last one with an event were known to the
        server, and more than ``_MOST_BEHIND`` blocks it does not lag.
        """
        newest, complete = int(head["number"], 16), _Mark(int(head["number"], 16), head["hash"])
        known = max((int(log["blockNumber"], 16) for log in logs), default=start - 1)
        header: Json | None = head
        for number in range(newest, max(known, newest - _MOST_BEHIND), -1):
            if header is None:
                break
            parent = header["parentHash"]
            if self._may_have_events(header):
                complete = _Mark(number - 1, parent)
            if number - 1 > known:  # by hash, so that all headers are of one chain
                header = self._reader.chain.rpc("eth_getBlockByHash", parent, False)
        return complete

    def _may_have_events(self, header: Json) -> bool:
        filter_ = int(header["logsBloom"], 16)
        return any(bloom.may_contain(filter_, decode_hex(a)) for a in self._addresses)

    def _remember(self, logs: Sequence[Json], newest: _Mark) -> None:
        """Mark the blocks that have events, and the newest."""
        if self._marks:
            last = self._marks[-1].number
            empty = not self._events or self._events[-1].block < last
            if empty or last == newest.number:  # a block without events needs no mark of its own
                del self._marks[-1]
        blocks = {int(log["blockNumber"], 16): str(log["blockHash"]) for log in logs}
        blocks[newest.number] = newest.hash
        self._marks += [_Mark(number, blocks[number]) for number in sorted(blocks)]

    def _header(self, tag: str) -> Json:
        """A block without its transactions; empty if there is none of this number."""
        header: Json | None = self._reader.chain.rpc("eth_getBlockByNumber", tag, False)
        return header or {}
