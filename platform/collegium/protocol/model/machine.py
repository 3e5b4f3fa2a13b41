"""What the reference model shares with a contract: callers, events and reverts.

The model represents the contracts of ``contracts/``: the same calls with the same arguments
give the same events, or a ``Revert`` of the same name, after which nothing has changed.
"""

from dataclasses import dataclass
from typing import Any, Literal

from collegium.errors import BadSignature
from collegium.protocol import signing

ZERO_ADDRESS = "0x" + "00" * 20

Contract = Literal["federation", "vault", "disputes", "settler", "steps"]


@dataclass(frozen=True)
class Context:
    """Caller and block of a transaction.

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
    """The contract rejects the call: name and arguments of the Solidity custom error."""

    def __init__(self, name: str, **values: Any) -> None:
        self.name, self.values = name, values
        inside = ", ".join(f"{key}={value!r}" for key, value in values.items())
        super().__init__(f"{name}({inside})")


def require(condition: bool, name: str, **values: Any) -> None:
    """Raise ``Revert(name)`` if the condition is false."""
    if not condition:
        raise Revert(name, **values)


def signer(digest: bytes, signature: bytes) -> str:
    """Address that signed ``digest``, from a compact signature; the zero address if invalid."""
    try:
        return signing.recover(digest, signing.expand(signature))
    except BadSignature:
        return ZERO_ADDRESS


class Log:
    """Collects the events of one call."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def take(self) -> list[Event]:
        """Return the events so far and start with an empty list."""
        events, self.events = self.events, []
        return events
