"""Reference model of the vault: escrow, stakes, cumulative ledger, claims.

Money moves free → reserved → earned → paid; stakes are held apart. The token is taken to
deliver what it is asked for.
"""

from dataclasses import dataclass
from typing import Any

from collegium.errors import BadProof, NotConserved
from collegium.protocol import ledger
from collegium.protocol.machine import ADMIN, Access, Context, Event, Log, Revert, require

_MAX_DEPOSITED = 2**96 - 1


@dataclass
class Payee:
    """What the vault knows of one node: its account, and token units."""

    account: str
    stake: int
    claimed: int = 0
    bonus: int = 0


class Vault:
    """The money of one federation, in integer token units."""

    def __init__(self, log: Log, access: Access) -> None:
        self._log, self._access = log, access
        self.free = self.reserved = self.earned = 0
        self.deposited = self.withdrawn = self.claimed_total = self.staked = 0
        self.balance = 0
        self.ledger_root = ledger.EMPTY
        self.payees: dict[int, Payee] = {}

    def deposit(self, context: Context, amount: int) -> None:
        """Add free escrow: ``amount`` is what arrives."""
        require(self.deposited + amount <= _MAX_DEPOSITED, "DepositTooLarge", amount=amount)
        self.balance += amount
        self.deposited += amount
        self.free += amount
        self._emit("Deposited", **{"from": context.sender, "amount": amount})

    def withdraw(self, context: Context, amount: int) -> None:
        """Take free escrow back; only the federation's ADMIN."""
        sender = context.sender
        require(self._access.has_role(ADMIN, sender), "NotSponsor", sender=sender)
        self._take_free(amount)
        self.withdrawn += amount
        self.balance -= amount
        self._emit("Withdrawn", to=sender, amount=amount)

    def claim(self, context: Context, id: int, total: int, proof: list[bytes]) -> None:
        """Pay a node what it has earned and not claimed; anybody may call."""
        try:
            ledger.verify_proof(self.ledger_root, id, total, proof)
        except BadProof as error:
            raise Revert("WrongProof", id=id, total=total) from error
        payee = self.payees[id]
        amount = total - payee.claimed + payee.bonus
        require(amount != 0, "NothingToClaim", id=id)
        payee.claimed, payee.bonus = total, 0
        self.claimed_total += amount
        self.balance -= amount
        self._emit("Claimed", id=id, account=payee.account, amount=amount, total=total)

    def reserve(self, amount: int) -> None:
        """Set free escrow aside for a round."""
        self._take_free(amount)
        self.reserved += amount
        self._emit("Reserved", amount=amount)

    def release(self, amount: int) -> None:
        """Return what was set aside."""
        self.reserved -= amount
        self.free += amount
        self._emit("Released", amount=amount)

    def settle(self, root: bytes, earned: int, released: int) -> None:
        """Move reserved escrow to earned and free, under a new ledger."""
        self.reserved -= earned + released
        self.earned += earned
        self.free += released
        self.ledger_root = root
        self._emit("Settled", ledgerRoot=root, earned=earned, released=released)

    def credit(self, id: int, amount: int) -> None:
        """Move reserved escrow to what a node has earned outside the ledger."""
        self.reserved -= amount
        self.earned += amount
        self.payees[id].bonus += amount
        self._emit("Credited", id=id, amount=amount)

    def pull_stake(self, id: int, account: str, amount: int) -> None:
        """Open the account of a node and take its stake."""
        self.payees[id] = Payee(account, amount)
        self.staked += amount
        self.balance += amount
        self._emit("Staked", id=id, account=account, amount=amount)

    def verify_conservation(self) -> None:
        """Raise NotConserved unless every token unit is accounted for.

        INVARIANT: earned + reserved + free == deposited - withdrawn, and the token balance is
        free + reserved + earned - claimed + staked.
        """
        escrow = (self.earned + self.reserved + self.free, self.deposited - self.withdrawn)
        held = self.free + self.reserved + self.earned - self.claimed_total + self.staked
        parts = (self.free, self.reserved, self.earned - self.claimed_total, self.staked)
        if escrow[0] != escrow[1] or held != self.balance or min(parts) < 0:
            raise NotConserved(
                expected=f"escrow of {escrow[1]} and a balance of {self.balance}",
                found=f"escrow of {escrow[0]} and parts {parts} that sum to {held}",
                action="Stop the federation: the contract or its record is broken.",
            )

    def _take_free(self, amount: int) -> None:
        require(amount <= self.free, "InsufficientFree", free=self.free, needed=amount)
        self.free -= amount

    def _emit(self, name: str, **args: Any) -> None:
        self._log.events.append(Event("vault", name, args))
