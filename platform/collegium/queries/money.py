"""Who earned, lost and is owed what, and how the vault's books stand. Amounts in token units."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from collegium.chain import history
from collegium.chain.contracts import Contracts
from collegium.chain.receipts import Event
from collegium.chain.views import Escrow
from collegium.queries.labels import PLAIN, Labels, hexadecimal

Json = dict[str, Any]


@dataclass(frozen=True)
class Account:
    """The money of one node.

    Attributes:
        node: id.
        account: EIP-55 address, which receives pay.
        earned: in all: for updates, votes and merges.
        claimed: of that, what was paid out.
        owed: for offences that it proved, not yet collected.
        stake: held for it.
        slashed: stake that it lost.
    """

    node: int
    account: str
    earned: int
    claimed: int
    owed: int
    stake: int
    slashed: int

    @property
    def due(self) -> int:
        """Earned and not claimed."""
        return self.earned - self.claimed

    def to_json(self, labels: Labels = PLAIN) -> Json:
        amounts = {
            "earned": self.earned,
            "claimed": self.claimed,
            "due": self.due,
            "owed": self.owed,
            "stake": self.stake,
            "slashed": self.slashed,
        }
        written = {name: labels.amount(amount) for name, amount in amounts.items()}
        return {"id": self.node, "account": self.account, **written}


@dataclass(frozen=True)
class Treasury:
    """The vault's books.

    Attributes:
        escrow: as the vault states them.
        slashed: stake that was ever lost: paid to those who proved it, owed to them still, or
            forfeited.
        rewarded: paid to those who proved an offence.
    """

    escrow: Escrow
    slashed: int
    rewarded: int

    def to_json(self, labels: Labels = PLAIN) -> Json:
        names = ("deposited", "withdrawn", "free", "reserved", "earned", "claimed")
        apart = ("staked", "owed", "forfeited")  # money beside the escrow
        amounts = {name: getattr(self.escrow, name) for name in (*names, *apart)}
        amounts |= {"slashed": self.slashed, "rewarded": self.rewarded}
        return {
            **{name: labels.amount(amount) for name, amount in amounts.items()},
            "conserved": self.escrow.conserved,
            "ledger_root": hexadecimal(self.escrow.ledger_root),
        }


def read_treasury(contracts: Contracts) -> Treasury:
    """The books as they are now."""
    events = contracts.events("Slashed", "Collected")
    return Treasury(
        contracts.escrow(),
        slashed=sum(by_node(events, "Slashed").values()),
        rewarded=sum(event["amount"] for event in events if event.name == "Collected"),
    )


def read_accounts(contracts: Contracts) -> list[Account]:
    """The money of all nodes ever registered, by id."""
    events = contracts.events()
    total, claimed = earned(events), by_node(events, "Claimed")
    stakes, lost = history.stakes(events), by_node(events, "Slashed")
    return [
        Account(
            node=node.id,
            account=node.account,
            earned=total.get(node.id, 0),
            claimed=claimed.get(node.id, 0),
            owed=contracts.owed(node.account),
            stake=stakes.get(node.id, 0),
            slashed=lost.get(node.id, 0),
        )
        for node in history.nodes(events).values()
    ]


def earned(events: Sequence[Event]) -> dict[int, int]:
    """Token units ever earned by node id: the newest ledger, and bonuses for merges."""
    total = dict(enumerate(history.totals(events), start=1))
    for node, bonus in by_node(events, "Credited").items():
        total[node] = total.get(node, 0) + bonus
    return total


def by_node(events: Iterable[Event], name: str) -> dict[int, int]:
    """Token units of all events of one name, by node id."""
    sums: dict[int, int] = {}
    for event in events:
        if event.name == name:
            sums[event["id"]] = sums.get(event["id"], 0) + event["amount"]
    return sums
