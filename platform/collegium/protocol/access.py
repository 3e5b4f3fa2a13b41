"""Reference model of the roles: OpenZeppelin's AccessControl, with its rules for the admin.

One account is the admin of every role. It hands over in two steps, so that a mistyped address
cannot take the federation away: the successor has to accept, in a later block.
https://docs.openzeppelin.com/contracts/5.x/api/access#AccessControlDefaultAdminRules
"""

from collections import defaultdict

from collegium.protocol.digest import keccak
from collegium.protocol.machine import ZERO_ADDRESS, Context, Event, Log, Revert, require

ADMIN = bytes(32)
COUNCIL = keccak(b"COUNCIL")
COORDINATOR = keccak(b"COORDINATOR")
PAUSER = keccak(b"PAUSER")

_LONGEST_WAIT = 5 * 24 * 3600
"""Seconds after which a longer delay of the handover counts at the latest."""


class Access:
    """Who may do what.

    Attributes:
        admin: holder of ADMIN; the zero address after it was renounced.
        pending_admin, schedule: successor, and the time after which it may accept; 0 if none.
    """

    def __init__(self, log: Log, admin: str) -> None:
        self.log = log
        self.admin = admin
        self.pending_admin, self.schedule = ZERO_ADDRESS, 0
        self._delay = self._pending_delay = self._delay_schedule = 0
        self._roles: defaultdict[bytes, set[str]] = defaultdict(set)
        for role in (ADMIN, COUNCIL, COORDINATOR, PAUSER):
            self._roles[role].add(admin)

    def has_role(self, role: bytes, account: str) -> bool:
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
        require(role != ADMIN, "AccessControlEnforcedDefaultAdminRules")
        self.only(ADMIN, context)
        self._grant(context, role, account)

    def revoke_role(self, context: Context, role: bytes, account: str) -> None:
        """Take a role other than ADMIN back; only ADMIN."""
        require(role != ADMIN, "AccessControlEnforcedDefaultAdminRules")
        self.only(ADMIN, context)
        self._drop(context, role, account)

    def renounce_role(self, context: Context, role: bytes, caller_confirmation: str) -> None:
        """Give up one's own role; ADMIN only after announcing it as a handover to nobody."""
        leaves = role == ADMIN and caller_confirmation == self.admin
        if leaves and (self.pending_admin != ZERO_ADDRESS or not self._due(context)):
            raise Revert("AccessControlEnforcedDefaultAdminDelay", schedule=self.schedule)
        require(caller_confirmation == context.sender, "AccessControlBadConfirmation")
        if leaves:
            self.admin, self.schedule = ZERO_ADDRESS, 0
        self._drop(context, role, caller_confirmation)

    # Handover ---------------------------------------------------------------------------------

    def begin_default_admin_transfer(self, context: Context, new_admin: str) -> None:
        """Name a successor; only ADMIN."""
        self.only(ADMIN, context)
        schedule = context.time + self._current_delay(context)
        self._await(new_admin, schedule)
        self.emit("DefaultAdminTransferScheduled", newAdmin=new_admin, acceptSchedule=schedule)

    def cancel_default_admin_transfer(self, context: Context) -> None:
        """Withdraw the succession; only ADMIN."""
        self.only(ADMIN, context)
        self._await(ZERO_ADDRESS, 0)

    def accept_default_admin_transfer(self, context: Context) -> None:
        """Become the admin; only the successor."""
        sender = context.sender
        invited = sender == self.pending_admin
        require(invited, "AccessControlInvalidDefaultAdmin", defaultAdmin=sender)
        due = self._due(context)
        require(due, "AccessControlEnforcedDefaultAdminDelay", schedule=self.schedule)
        self._drop(context, ADMIN, self.admin)
        self._grant(context, ADMIN, sender)
        self.admin, self.pending_admin, self.schedule = sender, ZERO_ADDRESS, 0

    def change_default_admin_delay(self, context: Context, new_delay: int) -> None:
        """Make successors wait for ``new_delay`` seconds; only ADMIN."""
        self.only(ADMIN, context)
        current = self._current_delay(context)
        longer = new_delay > current
        wait = min(new_delay, _LONGEST_WAIT) if longer else current - new_delay
        schedule = context.time + wait
        self._await_delay(context, new_delay, schedule)
        self.emit("DefaultAdminDelayChangeScheduled", newDelay=new_delay, effectSchedule=schedule)

    def rollback_default_admin_delay(self, context: Context) -> None:
        """Withdraw a change of the delay; only ADMIN."""
        self.only(ADMIN, context)
        self._await_delay(context, 0, 0)

    # Steps ------------------------------------------------------------------------------------

    def emit(self, name: str, **args: object) -> None:
        self.log.events.append(Event("federation", name, args))

    def _grant(self, context: Context, role: bytes, account: str) -> None:
        if account not in self._roles[role]:
            self._roles[role].add(account)
            self.emit("RoleGranted", role=role, account=account, sender=context.sender)

    def _drop(self, context: Context, role: bytes, account: str) -> None:
        if account in self._roles[role]:
            self._roles[role].remove(account)
            self.emit("RoleRevoked", role=role, account=account, sender=context.sender)

    def _await(self, admin: str, schedule: int) -> None:
        if self.schedule:
            self.emit("DefaultAdminTransferCanceled")
        self.pending_admin, self.schedule = admin, schedule

    def _due(self, context: Context) -> bool:
        return 0 < self.schedule < context.time

    def _await_delay(self, context: Context, delay: int, schedule: int) -> None:
        if 0 < self._delay_schedule < context.time:
            self._delay = self._pending_delay
        elif self._delay_schedule:
            self.emit("DefaultAdminDelayChangeCanceled")
        self._pending_delay, self._delay_schedule = delay, schedule

    def _current_delay(self, context: Context) -> int:
        changed = 0 < self._delay_schedule < context.time
        return self._pending_delay if changed else self._delay
