"""Reference model of the vault: escrow, stakes, cumulative ledger, claims.

Money moves free → reserved → earned → paid. Stakes are kept apart: a stake returns to its account
some time after the node left, or is slashed. Half of what is slashed is owed to the reporter of
the offence; the rest is forfeited, and ``recycle`` moves it into the free escrow. The model assumes
that the token transfers exactly what is asked.
"""

from dataclasses import dataclass
from typing import Any

from collegium.errors import BadProof, NotConserved
from collegium.protocol import ledger
from collegium.protocol.model.access import ADMIN
from collegium.protocol.model.machine import ZERO_ADDRESS, Context, Event, Log, Revert, require
from collegium.protocol.model.registry import Registry

NEVER = 2**64 - 1
"""``until`` of a node that has not left: its stake cannot be withdrawn."""

_MAX_DEPOSITED = 2**96 - 1  # so that every sum of money fits the contract's uint96


@dataclass
class Payee:
    """What the vault knows about one node, in token units.

    Attributes:
        account: EIP-55 address that is paid.
        stake: its deposit.
        claimed: what was paid of its total in the ledger.
        bonus: what it earned outside the ledger and has not been paid.
        until: Unix time from which the stake can be withdrawn.
    """

    account: str
    stake: int = 0
    claimed: int = 0
    bonus: int = 0
    until: int = NEVER


class Vault:
    """The money of one federation, in integer token units."""

    def __init__(self, log: Log, federation: Registry) -> None:
        self._log, self._federation = log, federation
        self.free = self.reserved = self.earned = 0
        self.deposited = self.withdrawn = self.claimed_total = 0
        self.staked = self.forfeited = self.balance = 0
        self.ledger_root = ledger.EMPTY
        self.payees: dict[int, Payee] = {}
        self.owed: dict[str, int] = {}

    def deposit(self, context: Context, amount: int) -> None:
        """Add free escrow: ``amount`` is what arrives."""
        self._add_free(amount)
        self.balance += amount
        self._emit("Deposited", **{"from": context.sender, "amount": amount})

    def withdraw(self, context: Context, amount: int) -> None:
        """Take free escrow back; only the federation's ADMIN."""
        sender = context.sender
        require(self._federation.has_role(ADMIN, sender), "NotSponsor", sender=sender)
        self._take_free(amount)
        self.withdrawn += amount
        self.balance -= amount
        self._emit("Withdrawn", to=sender, amount=amount)

    def claim(self, context: Context, id: int, total: int, proof: list[bytes]) -> None:
        """Pay a node what it has earned and not claimed; anyone can call."""
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

    def withdraw_stake(self, context: Context, id: int) -> None:
        """Return the stake of a node that has left; anyone can call."""
        payee = self.payees.get(id, Payee(ZERO_ADDRESS))
        locked = context.time < payee.until or self._federation.needs(id)
        require(not locked, "StakeLocked", id=id, until=payee.until)
        amount = payee.stake
        require(amount != 0, "NothingToClaim", id=id)
        payee.stake = 0
        self.staked -= amount
        self.balance -= amount
        self._emit("StakeWithdrawn", id=id, account=payee.account, amount=amount)

    def collect(self, context: Context, reporter: str) -> None:
        """Pay a reporter its rewards for reported offences; anyone can call."""
        amount = self.owed.pop(reporter, 0)
        require(amount != 0, "NothingOwed", reporter=reporter)
        self.balance -= amount
        self._emit("Collected", reporter=reporter, amount=amount)

    def recycle(self, context: Context) -> None:
        """Move what was forfeited into the free escrow; anyone can call."""
        amount = self.forfeited
        require(amount != 0, "NothingOwed", reporter=ZERO_ADDRESS)
        self._add_free(amount)
        self.forfeited = 0
        self._emit("Recycled", amount=amount)

    # Only the federation ----------------------------------------------------------------------

    def reserve(self, amount: int) -> None:
        """Reserve free escrow for a round."""
        self._take_free(amount)
        self.reserved += amount
        self._emit("Reserved", amount=amount)

    def release(self, amount: int) -> None:
        """Return reserved escrow to the free escrow."""
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

    def pull_stake(self, id: int, account: str, stake: int) -> None:
        """Open the account of a node, or fill up its stake, which is locked from now on."""
        payee = self.payees.setdefault(id, Payee(account))
        amount = stake - payee.stake
        payee.stake, payee.until = stake, NEVER
        self.staked += amount
        self.balance += amount
        self._emit("Staked", id=id, account=account, amount=amount)

    def unbond(self, id: int, until: int) -> None:
        """Allow a stake to be withdrawn from Unix time ``until`` on."""
        self.payees[id].until = until
        self._emit("Unbonding", id=id, until=until)

    def slash(self, id: int, amount: int, reporter: str) -> tuple[int, int]:
        """Take up to ``amount`` of a stake.

        Returns:
            What was taken, and what is left of the stake.
        """
        payee = self.payees[id]
        taken = min(amount, payee.stake)
        reward = taken // 2 if reporter != ZERO_ADDRESS else 0
        if taken:
            payee.stake -= taken
            self.staked -= taken
            self.forfeited += taken - reward
            if reward:
                self.owed[reporter] = self.owed.get(reporter, 0) + reward
            self._emit("Slashed", id=id, amount=taken, reporter=reporter, reward=reward)
        return taken, payee.stake

    # Checks -----------------------------------------------------------------------------------

    @property
    def owed_total(self) -> int:
        """Everything owed to reporters."""
        return sum(self.owed.values())

    def verify_conservation(self) -> None:
        """Raise NotConserved unless every token unit is accounted for.

        INVARIANT: earned + reserved + free == deposited - withdrawn, and the token balance is
        free + reserved + earned - claimed + staked + owed + forfeited.
        """
        escrow = (self.earned + self.reserved + self.free, self.deposited - self.withdrawn)
        unpaid = self.earned - self.claimed_total
        stakes = (self.staked, self.owed_total, self.forfeited)
        parts = (self.free, self.reserved, unpaid, *stakes)
        if escrow[0] != escrow[1] or sum(parts) != self.balance or min(parts) < 0:
            raise NotConserved(
                expected=f"escrow of {escrow[1]} and a balance of {self.balance}",
                found=f"escrow of {escrow[0]} and parts {parts} that sum to {sum(parts)}",
                action="Stop the federation: the contract or its record is broken.",
            )

    def _add_free(self, amount: int) -> None:
        require(self.deposited + amount <= _MAX_DEPOSITED, "DepositTooLarge", amount=amount)
        self.deposited += amount
        self.free += amount

    def _take_free(self, amount: int) -> None:
        require(amount <= self.free, "InsufficientFree", free=self.free, needed=amount)
        self.free -= amount

    def _emit(self, name: str, **args: Any) -> None:
        self._log.events.append(Event("vault", name, args))
