"""Who gets how much: rules of pay and of merge weight, both from what updates are worth.

The *credit* of an update is its contribution in micro-nats if it is accepted and worth something,
else 0. ``contracts/rules/Shares.sol`` has the same rules under the same numbers. A new rule is one
class here, in its table, and one branch there.
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
        """Merge weight by update, uint16; 0 if it is not accepted. If any is, some are positive."""


class PayByScore:
    """The shares of the protocol: worth twice as much, paid twice as much."""

    id: ClassVar[int] = SCORE
    name: ClassVar[str] = "score"
    sentence: ClassVar[str] = "Accepted updates are paid in proportion to their scores."

    def shares(self, credit: Sequence[int]) -> list[int]:
        return list(credit)


class PayEqually:
    """One update, one share.

    What is accepted but worth nothing is paid nothing, else an empty update would earn a share.
    """

    id: ClassVar[int] = EQUAL
    name: ClassVar[str] = "equal"
    sentence: ClassVar[str] = "Accepted updates with a positive score are paid the same."

    def shares(self, credit: Sequence[int]) -> list[int]:
        return [int(value > 0) for value in credit]


class WeighEqually:
    """One update, one weight, whatever it is worth."""

    id: ClassVar[int] = EQUAL
    name: ClassVar[str] = "equal"
    sentence: ClassVar[str] = "All accepted updates weigh the same in the merge."

    def weights(self, credit: Sequence[int], accepted: Sequence[bool]) -> list[int]:
        return [int(ok) for ok in accepted]


class WeighByScore:
    """In proportion to the score; what is worth less than 1/65535 of the round weighs nothing."""

    id: ClassVar[int] = SCORE
    name: ClassVar[str] = "score"
    sentence: ClassVar[str] = "Accepted updates weigh in the merge in proportion to their scores."

    def weights(self, credit: Sequence[int], accepted: Sequence[bool]) -> list[int]:
        total = sum(credit)
        if total == 0:  # none is worth anything: the merge takes the mean of all that are accepted
            return [int(ok) for ok in accepted]
        return [MAX_WEIGHT * value // total for value in credit]


PAY_RULES: tuple[type[PayRule], ...] = (PayEqually, PayByScore)
WEIGHT_RULES: tuple[type[WeightRule], ...] = (WeighEqually, WeighByScore)
