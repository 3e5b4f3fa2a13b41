"""What happened in a federation, from its events.

The contracts store only hashes; the lists that ``settle`` and ``claim`` need are in the events.
Everything here is a pure function of a list of events in chain order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collegium.chain.receipts import Event
from collegium.protocol.packed import unpack_fees, unpack_results, unpack_updates


@dataclass(frozen=True)
class Drawn:
    """The committee (node ids by slot), the aggregator's id and the seed of a round."""

    committee: tuple[int, ...]
    aggregator: int
    seed: bytes

    def slot_of(self, node_id: int) -> int | None:
        return self.committee.index(node_id) if node_id in self.committee else None


@dataclass(frozen=True)
class Settled:
    """A settled round.

    Attributes:
        medians: per update in commit order, micro-nats; int32 minimum is invalid.
        weights: merge weights, 0 … 65535; 0 is not merged.
        pays: token units per update.
        fees: token units per committee slot.
        totals: token units ever earned, by id (index 0 is id 1).
        earned, released: token units of this round.
        outcome, ledger_root: as stored by the contracts.
    """

    medians: tuple[int, ...]
    weights: tuple[int, ...]
    pays: tuple[int, ...]
    fees: tuple[int, ...]
    totals: tuple[int, ...]
    earned: int
    released: int
    outcome: bytes
    ledger_root: bytes


def of_round(events: Iterable[Event], round_id: int) -> list[Event]:
    """The events of one round."""
    return [e for e in events if e.args.get("round") == round_id]


def base_of(events: Iterable[Event], round_id: int) -> bytes | None:
    """The state root that a round started from; ``None`` if it never opened."""
    opened = (e for e in of_round(events, round_id) if e.name == "RoundOpened")
    return next((e["base"] for e in opened), None)


def updates(events: Iterable[Event], round_id: int) -> list[tuple[int, bytes]]:
    """(node id, digest) of the committed updates, in commit order."""
    committed: list[tuple[int, bytes]] = []
    for event in of_round(events, round_id):
        if event.name == "UpdateCommitted":
            committed.append((event["id"], event["digest"]))
        elif event.name == "UpdatesCommitted":
            committed.extend(unpack_updates(event["updates"]))
    return committed


def drawn(events: Iterable[Event], round_id: int) -> Drawn | None:
    """Who was drawn; ``None`` before the draw."""
    for event in of_round(events, round_id):
        if event.name == "CommitteeDrawn":
            return Drawn(tuple(event["committee"]), event["aggregator"], event["seed"])
    return None


def scores(events: Iterable[Event], round_id: int, slots: int) -> list[bytes]:
    """The revealed scores per committee slot, packed; empty where none were revealed."""
    revealed = {
        e["slot"]: e["scores"] for e in of_round(events, round_id) if e.name == "VerdictRevealed"
    }
    return [revealed.get(slot, b"") for slot in range(slots)]


def settled(events: Iterable[Event], round_id: int) -> Settled | None:
    """How a round was settled; ``None`` if it was not."""
    for event in of_round(events, round_id):
        if event.name == "RoundSettled":
            results = unpack_results(event["results"])
            medians, weights, pays = zip(*results, strict=True) if results else ((), (), ())
            return Settled(
                medians=medians,
                weights=weights,
                pays=pays,
                fees=tuple(unpack_fees(event["fees"])),
                totals=tuple(event["totals"]),
                earned=event["earned"],
                released=event["released"],
                outcome=event["outcome"],
                ledger_root=event["ledgerRoot"],
            )
    return None


def totals(events: Sequence[Event]) -> list[int]:
    """Token units ever earned by node id, after the newest settlement; empty before the first."""
    for event in reversed(events):
        if event.name == "RoundSettled":
            return list(event["totals"])
    return []
