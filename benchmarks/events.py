"""What looking at a federation's events costs: read once, against read again at every look.

The floor is the number of events: each connection must be sent each event once.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.support.by_hand import ByHand, Nodes
from tests.support.passphrase import PASSPHRASE
from tests.support.world import World, found

from benchmarks import runs
from collegium.chain.connection import Chain
from collegium.chain.contracts import Contracts
from collegium.chain.reader import Reader
from collegium.chain.receipts import Event

NODES, ROUNDS = 5, 10
TARGET = 1.1
"""Logs sent per event and connection."""


def measure(folder: Path) -> list[runs.Measure]:
    """Rounds of five nodes, in which everyone looks at the events before each step."""
    with patch.dict(os.environ, COLLEGIUM_PASSPHRASE=PASSPHRASE):
        found(folder / "template", NODES)
        before = _play(folder / "template", folder / "before", again=True)
        after = _play(folder / "template", folder / "after", again=False)
    ratio = after["logs"] / after["floor"]
    return [
        runs.at_most(f"events of {ROUNDS} rounds", after["events"]),
        runs.at_most("connections that look at them", after["connections"]),
        runs.at_most("looks", after["looks"]),
        runs.at_most("logs sent, reading all at every look", before["logs"]),
        runs.at_most("logs sent, reading each once", after["logs"]),
        runs.at_most("floor: events × connections", after["floor"]),
        runs.at_most("logs sent per event and connection", round(ratio, 3), TARGET),
        runs.at_most("requests, reading all at every look", before["requests"]),
        runs.at_most("requests, reading each once", after["requests"]),
        runs.at_most("milliseconds, reading all at every look", before["microseconds"] // 1000),
        runs.at_most("milliseconds, reading each once", after["microseconds"] // 1000),
    ]


def _play(template: Path, folder: Path, *, again: bool) -> Counter[str]:
    """Play the rounds and count; ``again`` reads all events at every look."""
    world = World.copy(template, folder)
    try:
        with _counted(again) as count:
            base, nodes = None, Nodes(world)
            for _ in range(ROUNDS):
                hand = ByHand(world, base)
                hand.nodes = nodes  # one connection each for all rounds
                base = hand.play().merged
        count["events"] = len(world.federation.events())
        return count
    finally:
        world.close()


@contextmanager
def _counted(again: bool) -> Iterator[Counter[str]]:
    """Count what looks at events cost; the floor is what each connection saw at its last look."""
    rpc, events = Chain.rpc, Contracts.events
    count: Counter[str] = Counter()
    seen: dict[int, int] = {}
    looking = False

    def counted_rpc(self: Chain, method: str, *params: Any) -> Any:
        answer = rpc(self, method, *params)
        if looking:
            count["requests"] += 1
            count["logs"] += len(answer) if method == "eth_getLogs" else 0
        return answer

    def counted_events(self: Contracts, *names: str, **options: Any) -> list[Event]:
        nonlocal looking
        started, looking = time.perf_counter(), True
        found = _read_all(self, names) if again else events(self, *names, **options)
        looking = False
        count["microseconds"] += round(1e6 * (time.perf_counter() - started))
        count["looks"] += 1
        seen[id(self.chain)] = max(seen.get(id(self.chain), 0), len(found))
        count["connections"], count["floor"] = len(seen), sum(seen.values())
        return found

    with patch.object(Chain, "rpc", counted_rpc), patch.object(Contracts, "events", counted_events):
        yield count


def _read_all(contracts: Contracts, names: tuple[str, ...]) -> list[Event]:
    reader = Reader(contracts.chain, contracts.known)
    watched = [contracts.federation.address, contracts.vault.address]
    return list(reader.events(*names, first=contracts.first_block, addresses=watched))
