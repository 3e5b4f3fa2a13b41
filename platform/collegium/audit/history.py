"""The rounds of a federation, as the replay derives them."""

from dataclasses import dataclass
from typing import Any

from collegium.audit.fields import number
from collegium.protocol.federation import Federation
from collegium.protocol.machine import Event
from collegium.protocol.packed import Committed
from collegium.protocol.round import Round, Stage
from collegium.protocol.settlement import Settlement

Json = dict[str, Any]


@dataclass
class RoundRecord:
    """One round.

    Attributes:
        round: the round of the model; it ends as the chain left it.
        base: state root it started from.
        opened_block, opened_time: where and when it began.
        settlement: medians, weights and pays, once settled.
        final: state root it ended on, once final.
        credited: token units that the proposer of the merge earned.
        gas: used by its transactions.
    """

    round: Round
    base: bytes
    opened_block: int
    opened_time: int
    settlement: Settlement | None = None
    final: bytes | None = None
    credited: int = 0
    gas: int = 0

    @property
    def id(self) -> int:
        return self.round.id

    @property
    def updates(self) -> list[Committed]:
        """(node id, digest) in commit order."""
        return self.round.updates

    @property
    def cancelled(self) -> bool:
        return self.round.stage == Stage.CANCELLED

    @property
    def paid(self) -> int:
        """Token units earned in this round, by whomever."""
        return (self.settlement.earned if self.settlement else 0) + self.credited

    def phi(self, position: int) -> int | None:
        """Median of the update at this place in commit order; None before settlement."""
        return None if self.settlement is None else self.settlement.phi[position]


class History:
    """Collects rounds while transactions are replayed.

    Attributes:
        rounds: by id, in order.
        roots: every state root that the chain ever named, with where.
        claims: token units paid out by node id.
    """

    def __init__(self, model: Federation) -> None:
        self._model = model
        self.rounds: dict[int, RoundRecord] = {}
        self.roots: dict[bytes, str] = {model.state_root: "genesis"}
        self.claims: dict[int, int] = {}

    def add(self, block: Json, receipt: Json, events: list[Event]) -> None:
        """Note what one transaction did, from the events that the rules lead to."""
        for event in events:
            self._note(block, event)
        touched = {event.args["round"] for event in events if "round" in event.args}
        for round_id in touched & self.rounds.keys():
            self.rounds[round_id].gas += number(receipt["gasUsed"])

    def _note(self, block: Json, event: Event) -> None:
        args, newest = event.args, self._model.round
        if event.name == "RoundOpened":
            height, time = number(block["number"]), number(block["timestamp"])
            self.rounds[args["round"]] = RoundRecord(newest, args["base"], height, time)
        elif event.name == "RoundSettled":
            self.rounds[args["round"]].settlement = self._model.settlement()
        elif event.name == "MergeProposed":
            self.roots.setdefault(args["root"], f"proposed in round {args['round']}")
        elif event.name == "RoundFinalised":
            self.rounds[args["round"]].final = args["root"]
            self.roots.setdefault(args["root"], f"final state of round {args['round']}")
        elif event.name == "Credited":
            self.rounds[newest.id].credited += args["amount"]
        elif event.name == "Claimed":
            self.claims[args["id"]] = self.claims.get(args["id"], 0) + args["amount"]
