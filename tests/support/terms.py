"""Terms of the small federations in the tests, in one place.

A new field of :class:`Terms` or :class:`Limits` gets its value for the tests here. A test that
needs another value passes it: ``terms(committee=5)``.
"""

from typing import Any

from collegium.protocol.card import Limits
from collegium.protocol.rules.shares import SCORE
from collegium.protocol.terms import Terms

_AGREED: dict[str, Any] = {
    "reward": 1_000_000,
    "stake": 500,
    "node_share": 8_500,
    "validator_share": 1_000,
    "aggregator_share": 500,
    "committee": 3,
    "min_updates": 2,
    "min_score": -100,
    "weight_rule": SCORE,
    # All different, so that a mix-up of two fields fails a test.
    "commit_window": 100,
    "score_window": 200,
    "reveal_window": 300,
    "merge_window": 400,
    "challenge_window": 500,
}
WINDOWS = tuple(name for name in _AGREED if name.endswith("_window"))


def terms(**changes: Any) -> Terms:
    """The terms of the tests with some changes; values derived from the windows are adjusted.

    >>> terms(challenge_window=50).dispute_window
    5
    """
    return Terms.usual(**_AGREED | changes)


TERMS = terms()
LIMITS = Limits(norm=3.0, cosine=0.95)
