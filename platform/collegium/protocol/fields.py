"""Field checks shared by the canonical documents (layout, manifest, task card).

A document is a frozen dataclass that checks itself when it is created, so every existing one is
well-formed, whether it was built here or received. Types are compared exactly: to Python ``True``
is an integer, to the protocol it is not.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from eth_utils.address import is_checksum_address

from collegium.errors import CollegiumError

_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True)
class Check:
    """Checks the fields of one kind of document; each method raises that document's error."""

    document: str
    error: type[CollegiumError]

    def fail(self, name: str, expected: str, found: object) -> NoReturn:
        """Raise the document's error for one field."""
        raise self.error(
            expected=f"{self.document} field {name!r} to be {expected}",
            found=_short(found),
            action=f"Correct the {self.document} or reject it.",
        )

    def keys(self, document: object, names: Collection[str]) -> dict[str, Any]:
        """``document`` as a dict with exactly these keys."""
        if not isinstance(document, Mapping):
            self.fail("(all)", "an object", document)
        if set(document) != set(names):
            self.fail("(all)", f"exactly {sorted(names)}", sorted(map(str, document)))
        return dict(document)

    def text(self, name: str, value: object, limit: int = 256) -> None:
        """A string of 1 to ``limit`` characters."""
        if not isinstance(value, str) or not 1 <= len(value) <= limit:
            self.fail(name, f"text of 1 to {limit} characters", value)

    def one_of(self, name: str, value: object, choices: Collection[object]) -> None:
        """One of ``choices``, of the same type."""
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            self.fail(name, f"one of {sorted(map(str, choices))}", value)

    def integer(self, name: str, value: object, low: int, high: int) -> None:
        """An integer in ``[low, high]``."""
        if type(value) is not int or not low <= value <= high:
            self.fail(name, f"an integer from {low} to {high}", value)

    def number(self, name: str, value: object, low: float, high: float = math.inf) -> None:
        """A finite number in ``[low, high]``."""
        if type(value) not in (int, float) or not _within(value, low, high):
            self.fail(name, f"a finite number from {low} to {high}", value)

    def digest(self, name: str, value: object) -> None:
        """32 bytes as 64 lowercase hexadecimal digits without prefix."""
        if not isinstance(value, str) or len(value) != 64 or not _HEX.issuperset(value):
            self.fail(name, "64 lowercase hexadecimal digits", value)

    def address(self, name: str, value: object) -> None:
        """An Ethereum address with its EIP-55 checksum."""
        if not isinstance(value, str) or not is_checksum_address(value):
            self.fail(name, "an address with EIP-55 checksum", value)


def _within(value: Any, low: float, high: float) -> bool:
    return math.isfinite(value) and low <= value <= high


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."
