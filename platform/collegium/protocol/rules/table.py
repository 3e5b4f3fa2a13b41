"""Tables of rules: every rule has a small number for the contract and a name for people."""

from collections.abc import Sequence
from typing import ClassVar, NoReturn, Protocol, TypeVar

from collegium.errors import BadCard

MAX_WEIGHT = 65535
"""Largest sum of merge weights in a round; the contracts keep each in 16 bits."""


class Rule(Protocol):
    """What all rules have.

    Attributes:
        id: its number in the contract's terms, 0 to 255.
        name: its name on the card.
        sentence: what it does, in one plain sentence.
    """

    id: ClassVar[int]
    name: ClassVar[str]
    sentence: ClassVar[str]


R = TypeVar("R", bound=Rule)


def numbered(kind: str, rules: Sequence[type[R]], number: object) -> type[R]:
    """The rule with this number; raises BadCard, with the numbers there are, if none has it."""
    for rule in rules:
        if type(number) is int and rule.id == number:
            return rule
    _unknown(kind, ", ".join(f"{rule.id} ({rule.name})" for rule in rules), number)


def named(kind: str, rules: Sequence[type[R]], name: object) -> type[R]:
    """The rule with this name; raises BadCard, with the names there are, if none has it."""
    for rule in rules:
        if rule.name == name:
            return rule
    _unknown(kind, ", ".join(rule.name for rule in rules), name)


def _unknown(kind: str, known: str, found: object) -> NoReturn:
    raise BadCard(
        expected=f"{kind} to be one of {known}",
        found=repr(found)[:80],
        action="Choose one of these in the terms of the card.",
    )
