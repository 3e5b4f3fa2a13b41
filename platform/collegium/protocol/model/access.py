"""Reference model of the roles: OpenZeppelin's AccessControl under one admin.

The admin hands over in two steps, so that the federation always has an admin and a mistyped
address cannot become it. Names follow OpenZeppelin's rules for a default admin, without the delays.
https://docs.openzeppelin.com/contracts/5.x/api/access#AccessControlDefaultAdminRules
"""

from collections import defaultdict

from collegium.protocol.digest import keccak
from collegium.protocol.model.machine import ZERO_ADDRESS, Context, Event, Log, require

ADMIN = bytes(32)
COUNCIL = keccak(b"COUNCIL")
COORDINATOR = keccak(b"COORDINATOR")
PAUSER = keccak(b"PAUSER")


class Access:
    """Which account has which role.

    Attributes:
        admin: holder of ADMIN.
        successor: the account that can accept that role; the zero address if there is none.
    """

    def __init__(self, log: Log, admin: str) -> None:
        self.log = log
        self.admin, self.successor = admin, ZERO_ADDRESS
        self._roles: defaultdict[bytes, set[str]] = defaultdict(set)
        for role in (ADMIN, COUNCIL, COORDINATOR, PAUSER):
            self._roles[role].add(admin)

    def has_role(self, role: bytes, account: str) -> bool:
        """Whether ``account`` has the role (32 bytes)."""
        return account in self._roles[role]

    def only(self, role: bytes, context: Context) -> None:
        """Revert unless the sender has the role."""
        require(
            self.has_role(role, context.sender),
            "AccessControlUnauthorizedAccount",
            account=context.sender,
            neededRole=role,
        )

    def grant_role(self, context: Context, role: bytes, account: str) -> None:
        """Give ``account`` a role other than ADMIN; only ADMIN."""
        self._not_admin(role)
        self.only(ADMIN, context)
        self._grant(context, role, account)

    def revoke_role(self, context: Context, role: bytes, account: str) -> None:
        """Take a role other than ADMIN back; only ADMIN."""
        self._not_admin(role)
        self.only(ADMIN, context)
        self._drop(context, role, account)

    def renounce_role(self, context: Context, role: bytes, account: str) -> None:
        """Give up one's own role, other than ADMIN."""
        self._not_admin(role)
        require(account == context.sender, "AccessControlBadConfirmation")
        self._drop(context, role, account)

    # Handover ---------------------------------------------------------------------------------

    def begin_default_admin_transfer(self, context: Context, new_admin: str) -> None:
        """Choose a successor, who can accept at once; only ADMIN."""
        self.only(ADMIN, context)
        self.successor = new_admin
        schedule = {"newAdmin": new_admin, "acceptSchedule": context.time}
        self.emit("DefaultAdminTransferScheduled", **schedule)

    def cancel_default_admin_transfer(self, context: Context) -> None:
        """Withdraw the succession; only ADMIN."""
        self.only(ADMIN, context)
        self.successor = ZERO_ADDRESS
        self.emit("DefaultAdminTransferCanceled")

    def accept_default_admin_transfer(self, context: Context) -> None:
        """Become the admin; only the successor. Other roles stay where they are."""
        sender = context.sender
        named = sender == self.successor
        require(named, "AccessControlInvalidDefaultAdmin", defaultAdmin=sender)
        self._drop(context, ADMIN, self.admin)
        self._grant(context, ADMIN, sender)
        self.admin, self.successor = sender, ZERO_ADDRESS

    # Steps ------------------------------------------------------------------------------------

    def emit(self, name: str, **args: object) -> None:
        """Record an event of the federation contract; arguments by their Solidity names."""
        self.log.events.append(Event("federation", name, args))

    def _grant(self, context: Context, role: bytes, account: str) -> None:
        if account not in self._roles[role]:
            self._roles[role].add(account)
            self.emit("RoleGranted", role=role, account=account, sender=context.sender)

    def _drop(self, context: Context, role: bytes, account: str) -> None:
        if account in self._roles[role]:
            self._roles[role].remove(account)
            self.emit("RoleRevoked", role=role, account=account, sender=context.sender)

    def _not_admin(self, role: bytes) -> None:
        # ADMIN changes only by the handover in two steps.
        require(role != ADMIN, "AccessControlEnforcedDefaultAdminRules")
