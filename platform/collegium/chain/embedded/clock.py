"""Which timestamp the next block gets.

``wall`` follows the machine's clock. ``virtual`` ignores it: every block is one second after its
parent, plus the time that was added explicitly, so that a run with fixed keys and a fixed order of
transactions yields the same blocks, byte for byte, on any machine and in any process.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

ClockKind = Literal["wall", "virtual"]
KINDS: tuple[ClockKind, ...] = ("wall", "virtual")


@dataclass(frozen=True)
class Clock:
    """The state of the chain's clock, stored beside the chain.

    Attributes:
        kind: ``wall`` or ``virtual``.
        shift: seconds; added to the wall clock permanently, or to the next virtual block only.
        fixed: Unix time that the next block must have, if it was set.
    """

    kind: ClockKind
    shift: int = 0
    fixed: int | None = None

    def next_time(self, parent: int, now: int) -> int:
        """Unix time of a block on a parent of time ``parent``, at wall time ``now``."""
        if self.fixed is not None:
            return max(self.fixed, parent + 1)
        if self.kind == "virtual":
            return parent + 1 + self.shift
        return max(parent + 1, now + self.shift)

    def after_block(self, timestamp: int, now: int) -> "Clock":
        """The clock once a block of time ``timestamp`` was mined."""
        if self.kind == "virtual":
            return Clock("virtual")
        if self.fixed is not None:
            # The clock goes on from the fixed time.
            return Clock("wall", shift=timestamp - now)
        return self

    def advanced(self, seconds: int, parent: int, now: int) -> "Clock":
        """The clock moved forward, so that the next block is ``seconds`` after its parent or later.

        Blocks that are mined faster than one a second run ahead of a wall clock.
        """
        ahead = max(0, parent - now - self.shift) if self.kind == "wall" else 0
        return replace(self, shift=self.shift + ahead + seconds)

    def fixed_at(self, timestamp: int) -> "Clock":
        """The clock with a fixed time for the next block."""
        return replace(self, fixed=timestamp)

    def to_json(self) -> dict[str, Any]:
        """The fields, as the chain's file stores them."""
        return asdict(self)
