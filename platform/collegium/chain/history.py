"""What happened in a federation, from its events.

The contracts store only hashes; ``settle`` and ``claim`` need lists that only the events contain.
Everything here is a pure function of a list of events in chain order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from collegium.chain.receipts import Event
from collegium.chain.views import Node
from collegium.protocol.membership import FOREVER
from collegium.protocol.model.phases import Offence
from collegium.protocol.packed import unpack_fees, unpack_results, unpack_updates


@dataclass(frozen=True)
class Drawn:
    """The committee (node ids by slot), the aggregator's id and the seed of a round."""

    committee: tuple[int, ...]
    aggregator: int
    seed: bytes


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


@dataclass(frozen=True)
class Slash:
    """Stake that a node lost: its id, why, token units, and the account that proved it, if any."""

    node: int
    offence: Offence
    amount: int
    reporter: str | None


@dataclass(frozen=True)
class Rejection:
    """A proposed merge that was rejected.

    Attributes:
        proposer: node id; it may not propose again in this round.
        root: the state root that it proposed.
        challenger: account that disproved it; ``None`` if too few members signed it in time.
        slashed: stake that the proposer and the members who signed it lost.
        tx: hash of the transaction.
    """

    proposer: int
    root: bytes
    challenger: str | None
    slashed: tuple[Slash, ...]
    tx: str


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
    """The committee of a round; ``None`` before the draw."""
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


def nodes(events: Iterable[Event], round_id: int | None = None) -> dict[int, Node]:
    """All nodes ever registered, by id, as they are in a round.

    Keys and membership change with the next round: a node that rotates its keys during a round
    uses the old ones until the round is over.

    Args:
        round_id: ``None`` takes the newest keys and memberships, as the contract's ``node`` does.
    """
    stages: dict[int, list[tuple[int, Node]]] = {}  # (first round, node from then on)
    for event in events:
        if event.name == "NodeRegistered":
            made = Node(
                id=event["id"],
                account=event["account"],
                signer=event["signer"],
                seat=event["seat"],
                active_from=event["activeFrom"],
                active_until=FOREVER,
                encryption_key=event["encryptionKey"],
                transport_key=event["transportKey"],
            )
            stages.setdefault(made.id, []).append((made.active_from, made))
        elif event.name == "NodeRotated":
            _, before = stages[event["id"]][-1]
            kept = before.signer == event["signer"]
            after = replace(
                before,
                signer=event["signer"],
                # A new signer has its own first round; if only other keys are new, it stays.
                active_from=before.active_from if kept else event["activeFrom"],
                encryption_key=event["encryptionKey"],
                transport_key=event["transportKey"],
            )
            stages[event["id"]].append((event["activeFrom"], after))
        elif event.name == "NodeLeft":
            since, before = stages[event["id"]].pop()
            gone = replace(before, active_until=event["activeUntil"])
            stages[event["id"]].append((since, gone))
    return {number: _stage(known, round_id) for number, known in stages.items()}


def slashes(events: Iterable[Event], round_id: int) -> list[Slash]:
    """Stakes that were lost for offences in a round, in the order of the events."""
    return [_slash(e) for e in of_round(events, round_id) if e.name == "NodeSlashed"]


def rejections(events: Iterable[Event], round_id: int) -> list[Rejection]:
    """The rejected proposals of a round, in order."""
    mine = of_round(events, round_id)
    return [
        Rejection(
            proposer=event["proposer"],
            root=event["root"],
            challenger=_account(event["challenger"]),
            slashed=tuple(_slash(e) for e in mine if (e.name, e.tx) == ("NodeSlashed", event.tx)),
            tx=event.tx,
        )
        for event in mine
        if event.name == "MergeRejected"
    ]


def stakes(events: Iterable[Event]) -> dict[int, int]:
    """Token units that the vault holds as stake, by node id."""
    signs = {"Staked": 1, "Slashed": -1, "StakeWithdrawn": -1}
    held: dict[int, int] = {}
    for event in events:
        if event.name in signs:
            held[event["id"]] = held.get(event["id"], 0) + signs[event.name] * event["amount"]
    return held


def _stage(known: Sequence[tuple[int, Node]], round_id: int | None) -> Node:
    begun = [node for since, node in known if round_id is None or since <= round_id]
    return begun[-1] if begun else known[-1][1]  # not active yet: its newest keys


def _slash(event: Event) -> Slash:
    reporter = _account(event["reporter"])
    return Slash(event["id"], Offence(event["offence"]), event["amount"], reporter)


def _account(address: str) -> str | None:
    """``None`` for the zero address, with which the contracts say that there is no account."""
    return address if int(address, 16) else None
