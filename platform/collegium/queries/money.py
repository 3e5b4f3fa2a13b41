"""What each node earned, lost and is owed, and the vault's books. Amounts in token units."""

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
        account: EIP-55 address that receives pay.
        earned: total for updates, votes and merges.
        claimed: the part of ``earned`` that was paid out.
        owed: reward for offences that it proved, not yet collected.
        stake: its stake in the vault.
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
        """Earned and not yet claimed."""
        return self.earned - self.claimed

    def to_json(self, labels: Labels = PLAIN) -> Json:
        """One flat object: ``id``, ``account`` and the amounts."""
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
        escrow: the vault's own figures.
        slashed: all stake ever lost: paid to those who proved the offence, still owed to them, or
            forfeited.
        rewarded: already paid to those who proved an offence.
    """

    escrow: Escrow
    slashed: int
    rewarded: int

    def to_json(self, labels: Labels = PLAIN) -> Json:
        """One flat object: all amounts, ``conserved`` and ``ledger_root``."""
        names = ("deposited", "withdrawn", "free", "reserved", "earned", "claimed")
        apart = ("staked", "owed", "forfeited")  # in the vault, but not part of the escrow
        amounts = {name: getattr(self.escrow, name) for name in (*names, *apart)}
        amounts |= {"slashed": self.slashed, "rewarded": self.rewarded}
        return {
            **{name: labels.amount(amount) for name, amount in amounts.items()},
            "conserved": self.escrow.conserved,
            "ledger_root": hexadecimal(self.escrow.ledger_root),
        }


def read_treasury(contracts: Contracts) -> Treasury:
    """Read the books as of the newest block."""
    events = contracts.events("Slashed", "Collected")
    return Treasury(
        contracts.escrow(),
        slashed=sum(by_node(events, "Slashed").values()),
        rewarded=sum(event["amount"] for event in events if event.name == "Collected"),
    )


def read_accounts(contracts: Contracts) -> list[Account]:
    """Read the money of all nodes ever registered, in the order of their ids."""
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
    """Total token units earned, by node id.

    This is the newest ledger plus the bonuses for merges, which are not in the ledger.
    """
    # The ledger lists totals in the order of node ids, which begin with 1.
    total = dict(enumerate(history.totals(events), start=1))
    for node, bonus in by_node(events, "Credited").items():
        total[node] = total.get(node, 0) + bonus
    return total


def by_node(events: Iterable[Event], name: str) -> dict[int, int]:
    """Sum of ``amount`` over all events called ``name``, in token units, by node id."""
    sums: dict[int, int] = {}
    for event in events:
        if event.name == name:
            sums[event["id"]] = sums.get(event["id"], 0) + event["amount"]
    return sums
