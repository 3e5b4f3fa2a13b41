"""What the reference model shares with a contract: callers, events, reverts and roles.

The model stands for the contracts of ``contracts/``: the same calls with the same arguments
give the same events, or a ``Revert`` of the same name, and then nothing has changed.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Literal

from collegium.protocol.digest import keccak

ADMIN = bytes(32)
COUNCIL = keccak(b"COUNCIL")
COORDINATOR = keccak(b"COORDINATOR")
PAUSER = keccak(b"PAUSER")
ZERO_ADDRESS = "0x" + "00" * 20

Contract = Literal["federation", "vault"]


@dataclass(frozen=True)
class Context:
    """Who calls and in which block.

    Attributes:
        sender: EIP-55 address.
        time: block timestamp, seconds since 1970.
        prevrandao: randomness of the block (EIP-4399), uint256.
    """

    sender: str
    time: int
    prevrandao: int = 0


@dataclass(frozen=True)
class Event:
    """A log: the contract that wrote it, its name and its arguments by their Solidity names."""

    contract: Contract
    name: str
    args: dict[str, Any]


class Revert(Exception):
    """The call is refused: name and arguments of the Solidity custom error."""

    def __init__(self, name: str, **values: Any) -> None:
        self.name, self.values = name, values
        inside = ", ".join(f"{key}={value!r}" for key, value in values.items())
        super().__init__(f"{name}({inside})")


def require(condition: bool, name: str, **values: Any) -> None:
    """Raise ``Revert(name)`` unless the condition holds."""
    if not condition:
        raise Revert(name, **values)


class Log:
    """Collects the events of one call."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def take(self) -> list[Event]:
        """The events so far, which are then forgotten."""
        events, self.events = self.events, []
        return events


class Access:
    """Roles, as in OpenZeppelin's AccessControl with ADMIN as the admin of every role."""

    def __init__(self, log: Log, admin: str) -> None:
        self.log = log
        self._roles: defaultdict[bytes, set[str]] = defaultdict(set)
        for role in (ADMIN, COUNCIL, COORDINATOR, PAUSER):
            self._roles[role].add(admin)

    def has_role(self, role: bytes, account: str) -> bool:
        return account in self._roles[role]

    def grant_role(self, context: Context, role: bytes, account: str) -> None:
        """Give ``account`` a role; only ADMIN."""
        self.only(ADMIN, context)
        if account not in self._roles[role]:
            self._roles[role].add(account)
            self.emit("RoleGranted", role=role, account=account, sender=context.sender)

    def revoke_role(self, context: Context, role: bytes, account: str) -> None:
        """Take a role back; only ADMIN."""
        self.only(ADMIN, context)
        self._drop(context, role, account)

    def renounce_role(self, context: Context, role: bytes, caller_confirmation: str) -> None:
        """Give up one's own role."""
        require(caller_confirmation == context.sender, "AccessControlBadConfirmation")
        self._drop(context, role, caller_confirmation)

    def only(self, role: bytes, context: Context) -> None:
        """Revert unless the sender has the role."""
        require(
            self.has_role(role, context.sender),
            "AccessControlUnauthorizedAccount",
            account=context.sender,
            neededRole=role,
        )

    def emit(self, name: str, **args: Any) -> None:
        self.log.events.append(Event("federation", name, args))

    def _drop(self, context: Context, role: bytes, account: str) -> None:
        if account in self._roles[role]:
            self._roles[role].remove(account)
            self.emit("RoleRevoked", role=role, account=account, sender=context.sender)
