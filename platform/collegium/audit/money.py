"""The books at the end: deposits, earnings of each node, payments, and what is left."""

from dataclasses import asdict, dataclass
from typing import Any

from collegium.audit.timeline import History
from collegium.audit.trail import Trail
from collegium.protocol import ledger
from collegium.protocol.model.federation import Federation


@dataclass(frozen=True)
class Account:
    """One node, in token units: all earnings, the part of them claimed, stake, and lost stake."""

    node: int
    account: str
    earned: int
    claimed: int
    stake: int
    slashed: int


@dataclass(frozen=True)
class Money:
    """The books of the vault and of every node, in token units."""

    deposited: int
    withdrawn: int
    free: int
    reserved: int
    earned: int
    claimed: int
    staked: int
    owed: int
    forfeited: int
    balance: int
    nodes: tuple[Account, ...]

    def books(self) -> dict[str, int]:
        """The vault's amounts by name."""
        return {name: value for name, value in asdict(self).items() if name != "nodes"}

    def to_json(self) -> dict[str, Any]:
        """The books, with amounts as decimal strings, because JSON readers round large numbers."""
        books = {name: str(value) for name, value in self.books().items()}
        nodes = [
            {"node": one.node, "account": one.account}
            | {name: str(getattr(one, name)) for name in ("earned", "claimed", "stake", "slashed")}
            for one in self.nodes
        ]
        return books | {"nodes": nodes}


def check(trail: Trail, model: Federation, history: History) -> Money:
    """Add up all movements of tokens, and compare the sums with the vault's books."""
    vault, moved = model.vault, history.total
    trail.attempt("conservation", "vault", vault.verify_conservation)
    accounts = _accounts(model, history)
    slashed = sum(one.amount for one in history.penalties)
    for what, added, found in (
        ("ledger root", ledger.root(model.totals), vault.ledger_root),
        ("deposited", moved("Deposited", "Recycled"), vault.deposited),
        ("withdrawn", moved("Withdrawn"), vault.withdrawn),
        ("earned in all rounds", sum(one.paid for one in history.rounds.values()), vault.earned),
        ("earned by all nodes", sum(one.earned for one in accounts), vault.earned),
        ("claimed by all nodes", moved("Claimed"), vault.claimed_total),
        ("stakes", moved("Staked") - moved("StakeWithdrawn") - slashed, vault.staked),
        ("owed to reporters", history.rewards - moved("Collected"), vault.owed_total),
        ("forfeited", slashed - history.rewards - moved("Recycled"), vault.forfeited),
    ):
        trail.expect("conservation", f"vault, {what}", added, found)
    for one in accounts:
        if one.claimed > one.earned:
            wanted = f"at most {one.earned}, what it earned"
            trail.violation("conservation", f"claims of node {one.node}", wanted, one.claimed)
    return Money(
        deposited=vault.deposited,
        withdrawn=vault.withdrawn,
        free=vault.free,
        reserved=vault.reserved,
        earned=vault.earned,
        claimed=vault.claimed_total,
        staked=vault.staked,
        owed=vault.owed_total,
        forfeited=vault.forfeited,
        balance=vault.balance,
        nodes=accounts,
    )


def _accounts(model: Federation, history: History) -> tuple[Account, ...]:
    bonuses: dict[int, int] = {}
    for one in history.rounds.values():
        proposer = one.round.proposer
        bonuses[proposer] = bonuses.get(proposer, 0) + one.credited
    totals = {number: total for number, total in enumerate(model.totals, start=1)}
    return tuple(
        Account(
            node=node.id,
            account=node.account,
            earned=totals.get(node.id, 0) + bonuses.get(node.id, 0),
            claimed=history.moved["Claimed", node.id],
            stake=model.vault.payees[node.id].stake,
            slashed=history.moved["Slashed", node.id],
        )
        for node in model.nodes
    )
