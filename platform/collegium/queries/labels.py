"""The form in which nodes, accounts and amounts are written in a document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collegium.protocol.amounts import tokens


def hexadecimal(data: bytes) -> str:
    """Bytes as 0x-prefixed hexadecimal digits."""
    return "0x" + data.hex()


@dataclass(frozen=True)
class Labels:
    """Functions that convert one value each to its form in JSON.

    Attributes:
        node: converts a node id; by default unchanged.
        account: converts an address; by default unchanged.
        amount: converts token units; by default to exact tokens as a decimal string.
    """

    node: Callable[[int], Any] = lambda node: node
    account: Callable[[str], Any] = lambda account: account
    amount: Callable[[int], Any] = tokens


PLAIN = Labels()
UNITS = Labels(amount=str)
"""Token units as decimal strings, because JSON numbers are exact only up to 2^53."""
