"""How nodes, accounts and amounts are written in a document."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from collegium.protocol.amounts import tokens


def hexadecimal(data: bytes) -> str:
    """Bytes as 0x-prefixed hexadecimal digits."""
    return "0x" + data.hex()


@dataclass(frozen=True)
class Labels:
    """Functions that write one value each.

    Attributes:
        node: a node id; by default the id itself.
        account: an address; by default itself.
        amount: token units; by default exact tokens as a decimal string.
    """

    node: Callable[[int], Any] = lambda node: node
    account: Callable[[str], Any] = lambda account: account
    amount: Callable[[int], Any] = tokens


PLAIN = Labels()
UNITS = Labels(amount=str)
"""Token units as decimal strings: they exceed what JSON numbers hold exactly."""
