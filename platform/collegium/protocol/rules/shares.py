"""Rules of pay and of merge weight; both depend on the credit of the updates.

The *credit* of an update is its contribution in micro-nats if it is accepted and positive, else 0.
``contracts/rules/Shares.sol`` has the same rules with the same numbers. A new rule is one class
here, in its table, and one branch there.
"""

from collections.abc import Sequence
from typing import ClassVar, Final, Protocol

from collegium.protocol.rules.table import MAX_WEIGHT, Rule

EQUAL: Final = 0
SCORE: Final = 1
"""Numbers of the rules, for pay and for weights alike."""


class PayRule(Rule, Protocol):
    """How the accepted updates share the nodes' part of a reward."""

    def shares(self, credit: Sequence[int]) -> list[int]:
        """Parts of the pool, by update: each is paid ⌊pool · share / sum of shares⌋.

        If all are 0 the pool returns to the escrow.
        """


class WeightRule(Rule, Protocol):
    """How much each accepted update counts in the merge."""

    def weights(self, credit: Sequence[int], accepted: Sequence[bool]) -> list[int]:
        """Merge weight by update, uint16; 0 if it is not accepted.

        If any update is accepted, at least one weight is positive.
        """


class PayByScore:
    """Pay in proportion to the score."""

    id: ClassVar[int] = SCORE
    name: ClassVar[str] = "score"
    sentence: ClassVar[str] = "Accepted updates are paid in proportion to their scores."

    def shares(self, credit: Sequence[int]) -> list[int]:
        """The credit itself."""
        return list(credit)


class PayEqually:
    """One share for each update with a positive credit.

    Without credit there is no share; otherwise an update that does nothing would be paid.
    """

    id: ClassVar[int] = EQUAL
    name: ClassVar[str] = "equal"
    sentence: ClassVar[str] = "Accepted updates with a positive score are paid the same."

    def shares(self, credit: Sequence[int]) -> list[int]:
        """1 for a positive credit, else 0."""
        return [int(value > 0) for value in credit]


class WeighEqually:
    """The same weight for every accepted update, whatever its credit."""

    id: ClassVar[int] = EQUAL
    name: ClassVar[str] = "equal"
    sentence: ClassVar[str] = "All accepted updates weigh the same in the merge."

    def weights(self, credit: Sequence[int], accepted: Sequence[bool]) -> list[int]:
        """1 for an accepted update, else 0."""
        return [int(ok) for ok in accepted]


class WeighByScore:
    """Weights in proportion to the credit; below 1/65535 of the round's credit it is 0."""

    id: ClassVar[int] = SCORE
    name: ClassVar[str] = "score"
    sentence: ClassVar[str] = "Accepted updates weigh in the merge in proportion to their scores."

    def weights(self, credit: Sequence[int], accepted: Sequence[bool]) -> list[int]:
        """``⌊65535 · credit / total⌋``."""
        total = sum(credit)
        if total == 0:  # no update has a credit: all accepted updates weigh the same
            return [int(ok) for ok in accepted]
        return [MAX_WEIGHT * value // total for value in credit]


PAY_RULES: tuple[type[PayRule], ...] = (PayEqually, PayByScore)
WEIGHT_RULES: tuple[type[WeightRule], ...] = (WeighEqually, WeighByScore)
