"""The rounds of a federation and the stakes of its nodes, as the replay computes them."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from collegium.audit.fields import number
from collegium.protocol.model.federation import Federation
from collegium.protocol.model.machine import ZERO_ADDRESS, Event
from collegium.protocol.model.phases import Offence
from collegium.protocol.model.round import Round
from collegium.protocol.packed import Committed
from collegium.protocol.settlement import Settlement

Json = dict[str, Any]
Place = tuple[int, int]
"""Index of a leaf, and of a block in it."""


@dataclass(frozen=True)
class Rejected:
    """A proposed merge that was rejected.

    Attributes:
        proposer: node id.
        root: the state root that it proposed, 32 bytes.
        challenger: EIP-55 address of the account that disproved it; None if too few members signed
            it in time.
        place: leaf and block that were shown to be wrong.
        gas: used by the dispute.
    """

    proposer: int
    root: bytes
    challenger: str | None
    place: Place | None
    gas: int


@dataclass(frozen=True)
class Penalty:
    """Stake that a node lost.

    Attributes:
        round: round of the offence.
        node: id.
        offence: the reason.
        amount: token units.
        reporter: EIP-55 address of the account that proved it; None if the contracts detected it.
    """

    round: int
    node: int
    offence: Offence
    amount: int
    reporter: str | None


@dataclass
class RoundRecord:
    """One round.

    Attributes:
        round: the round of the model, at the end as the chain left it.
        base: state root that it started from, 32 bytes.
        opened_block, opened_time: block number and Unix time of its opening.
        signers: EIP-55 address of each member's signer in this round, by node id.
        settlement: medians, weights and pays, once settled.
        rejected: rejected proposals, in order.
        final: state root after the round, once final.
        credited: token units that the proposer of the merge earned.
        gas: gas that its transactions used.
    """

    round: Round
    base: bytes
    opened_block: int
    opened_time: int
    signers: dict[int, str]
    settlement: Settlement | None = None
    rejected: list[Rejected] = field(default_factory=list)
    final: bytes | None = None
    credited: int = 0
    gas: int = 0

    @property
    def id(self) -> int:
        """Number of the round, from 1."""
        return self.round.id

    @property
    def updates(self) -> list[Committed]:
        """(node id, digest) in commit order."""
        return self.round.updates

    @property
    def paid(self) -> int:
        """Token units earned in this round, by all nodes."""
        return (self.settlement.earned if self.settlement else 0) + self.credited

    def phi(self, position: int) -> int | None:
        """Median score, in micro-nats, of the update at this place in commit order.

        Returns:
            None before settlement.
        """
        return None if self.settlement is None else self.settlement.phi[position]


class History:
    """Collects rounds, penalties and payments while transactions are replayed.

    Attributes:
        rounds: by id, in order.
        roots: every state root that the chain names, with the place where it first does.
        penalties: in order.
        moved: token units by (event of the vault, node id); id 0 where an event names no node.
        rewards: token units that reports of offences earned.
    """

    def __init__(self, model: Federation) -> None:
        self._model = model
        self.rounds: dict[int, RoundRecord] = {}
        self.roots: dict[bytes, str] = {model.state_root: "genesis"}
        self.penalties: list[Penalty] = []
        self.moved: Counter[tuple[str, int]] = Counter()
        self.rewards = 0

    def add(self, block: Json, receipt: Json, events: list[Event], disputed: Place | None) -> None:
        """Record the effects of one transaction, from the events of the rules.

        Args:
            disputed: leaf and block, if the transaction is a dispute.
        """
        gas = number(receipt["gasUsed"])
        for event in events:
            if event.contract == "vault":
                self._note_money(event.name, event.args)
            else:
                self._note(block, event.name, event.args)
            if event.name == "MergeRejected":
                self._note_rejection(event.args, disputed, gas)
        touched = {event.args["round"] for event in events if "round" in event.args}
        for round_id in touched & self.rounds.keys():
            self.rounds[round_id].gas += gas

    def total(self, *names: str) -> int:
        """Token units of all the vault's events of these names."""
        return sum(amount for (name, _), amount in self.moved.items() if name in names)

    def _note(self, block: Json, name: str, args: dict[str, Any]) -> None:
        newest = self._model.round
        if name == "RoundOpened":
            height, time = number(block["number"]), number(block["timestamp"])
            signers = {id: self._model.node(id).signer for id in newest.members.values()}
            record = RoundRecord(newest, args["base"], height, time, signers)
            self.rounds[args["round"]] = record
        elif name == "RoundSettled":
            self.rounds[args["round"]].settlement = self._model.settlement()
        elif name == "MergeProposed":
            self.roots.setdefault(args["root"], f"proposed in round {args['round']}")
        elif name == "RoundFinalised":
            self.rounds[args["round"]].final = args["root"]
            self.roots.setdefault(args["root"], f"final state of round {args['round']}")
        elif name == "NodeSlashed":
            offence, reporter = Offence(args["offence"]), _known(args["reporter"])
            penalty = Penalty(args["round"], args["id"], offence, args["amount"], reporter)
            self.penalties.append(penalty)

    def _note_rejection(self, args: dict[str, Any], disputed: Place | None, gas: int) -> None:
        challenger = _known(args["challenger"])
        place = None if challenger is None else disputed
        fallen = Rejected(args["proposer"], args["root"], challenger, place, gas)
        self.rounds[args["round"]].rejected.append(fallen)

    def _note_money(self, name: str, args: dict[str, Any]) -> None:
        self.moved[name, args.get("id", 0)] += args.get("amount", 0)
        self.rewards += args.get("reward", 0)
        if name == "Credited":
            self.rounds[self._model.round.id].credited += args["amount"]


def _known(address: str) -> str | None:
    return None if address == ZERO_ADDRESS else address
