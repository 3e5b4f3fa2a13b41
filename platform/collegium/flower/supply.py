"""What each reader of the updates needs and has, so that nothing is sent twice.

A node keeps what it received in its journal. Later messages list the names of what they leave out.
A node that has lost an item says so, and is asked again with that item.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from collegium.flower import wire


@dataclass(frozen=True)
class Lacks:
    """A node's reply that it lacks some of what a message left out."""

    names: tuple[str, ...]


@dataclass
class Supply:
    """The state files and sealed updates of one round, from the server's side.

    Attributes:
        items: by name: ``base``, ``proposed``, and sealed updates by the id of their node.
        sent: bytes that went out.
    """

    items: dict[str, bytes] = field(default_factory=dict)
    sent: int = 0
    _has: defaultdict[int, set[str]] = field(default_factory=lambda: defaultdict(set))

    def fields(self, node: int) -> dict[str, Any]:
        """Fields of a message to a node: items that it lacks, and the names of those it has."""
        has = self._has[node] & self.items.keys()
        fresh = {name: data for name, data in self.items.items() if name not in has}
        self.sent += sum(map(len, fresh.values()))
        return wire.pack(fresh, has)

    def base(self) -> bytes:
        """The base of the round, for a training message; counts it as sent."""
        self.sent += len(self.items[wire.BASE])
        return self.items[wire.BASE]

    @contextmanager
    def on_request(self, name: str, data: bytes | None, nodes: Iterable[int]) -> Iterator[None]:
        """Offer one more item, if there is one, inside a ``with`` block.

        It is sent only to a node that asks for it: the others are treated as if they had it.
        """
        if data is not None:
            self.items[name] = data
            for node in nodes:
                self.has(node, name)
        yield
        self.items.pop(name, None)

    def has(self, node: int, *names: str) -> None:
        """A node has these items: leave them out until it says that it lacks them."""
        self._has[node].update(names)

    def has_all(self, node: int) -> None:
        """A node used a message, so it has all items."""
        self._has[node].update(self.items)

    def lacks(self, node: int, names: Iterable[str]) -> None:
        """A node said that it lacks some items."""
        self._has[node].difference_update(names)
