"""The numbers that govern a federation; the contract's constructor fixes them permanently."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from collegium.errors import BadCard
from collegium.protocol.fields import Check
from collegium.protocol.rules import merging
from collegium.protocol.rules.merging import MERGE_RULES, MergeRule
from collegium.protocol.rules.shares import EQUAL, PAY_RULES, SCORE, WEIGHT_RULES
from collegium.protocol.rules.table import numbered

BPS = 10_000
"""Shares are in basis points of the round's reward."""

_check = Check("terms", BadCard)
_AMOUNTS = ("reward", "stake")
_WINDOWS = ("commit_window", "score_window", "reveal_window", "merge_window", "challenge_window")
_PENALTIES = {
    "unrevealed_penalty": 1_000,
    "invalid_penalty": 1_000,
    "merge_penalty": 10_000,
    "attestation_penalty": 5_000,
    "equivocation_penalty": 10_000,
}
_RULES = {
    "min_score": 250,
    "weight_rule": EQUAL,
    "pay_rule": SCORE,
    "merge_rule": merging.MEAN.id,
    "merge_parameter": merging.MEAN.parameter,
}


@dataclass(frozen=True)
class Terms:
    """Money, committee and deadlines of one federation.

    Attributes:
        reward: token units reserved per round.
        stake: token units a node deposits on registration.
        node_share, validator_share, aggregator_share: basis points, together 10000.
        committee: validators drawn per round.
        min_updates: fewest updates with which a round continues.
        min_score: least contribution of an accepted update, micro-nats.
        weight_rule, pay_rule: numbers of rules in ``rules/shares.py``.
        merge_rule: number of a rule in ``rules/merging.py``.
        merge_parameter: the number that this rule takes; 0 if it takes none.
        commit_window … challenge_window: seconds.
        dispute_window: seconds that an attested merge stays open to dispute, at most the
            challenge window.
        unbonding: seconds from leaving until the stake can be withdrawn; more than all windows
            together, so that the stake is still there when an offence in a round is discovered.
        unrevealed_penalty … equivocation_penalty: basis points of the stake.

    Raises:
        BadCard: a number is out of the range that the contract allows.
    """

    reward: int
    stake: int
    node_share: int
    validator_share: int
    aggregator_share: int
    committee: int
    min_updates: int
    min_score: int
    weight_rule: int
    pay_rule: int
    merge_rule: int
    merge_parameter: int
    commit_window: int
    score_window: int
    reveal_window: int
    merge_window: int
    challenge_window: int
    dispute_window: int
    unbonding: int
    unrevealed_penalty: int
    invalid_penalty: int
    merge_penalty: int
    attestation_penalty: int
    equivocation_penalty: int

    def __post_init__(self) -> None:
        for name in _AMOUNTS:
            _check.integer(name, getattr(self, name), 0, 2**96 - 1)
        shares = (self.node_share, self.validator_share, self.aggregator_share)
        for share in shares:
            _check.integer("share", share, 0, BPS)
        if sum(shares) != BPS:
            _check.fail("shares", f"basis points that add up to {BPS}", shares)
        _check.integer("committee", self.committee, 1, 15)  # the contract's storage has 15 slots
        _check.integer("min_updates", self.min_updates, 1, 256)  # as many as there are seats
        _check.integer("min_score", self.min_score, -(2**31) + 1, 2**31 - 1)
        numbered("weight_rule", WEIGHT_RULES, self.weight_rule)
        numbered("pay_rule", PAY_RULES, self.pay_rule)
        merge = numbered("merge_rule", MERGE_RULES, self.merge_rule)
        name = merge.parameter_name or "merge_parameter"
        _check.integer(name, self.merge_parameter, *merge.bounds)
        windows = _sum_of_windows(asdict(self))
        _check.integer("unbonding", self.unbonding, windows + 1, 2**32 - 1)
        for name in _PENALTIES:
            _check.integer(name, getattr(self, name), 0, BPS)

    @classmethod
    def usual(cls, **agreed: Any) -> Self:
        """Terms with the usual value for every optional field that is not given.

        The dispute window is a tenth of the challenge window, unbonding takes twice as long as all
        windows together, an unrevealed vote and an invalid update cost a tenth of the stake, a
        false attestation half of it, a false merge and two updates in one round all of it. An
        update is accepted from 250 micro-nats on; the merge is the mean with equal weights, and pay
        is in proportion to the score.
        """
        challenge: Any = agreed.get("challenge_window")
        _check.integer("challenge_window", challenge, 1, 2**32 - 1)
        terms = {"dispute_window": max(1, challenge // 10), **_PENALTIES, **_RULES, **agreed}
        return cls(**{"unbonding": 2 * _sum_of_windows(terms), **terms})

    @property
    def bond(self) -> int:
        """Least stake, in token units, with which a node may propose a merge."""
        return self.stake * self.merge_penalty // BPS

    @property
    def quorum(self) -> int:
        """Votes or attestations that carry a round: ⌈2c/3⌉ of the committee."""
        return -(-2 * self.committee // 3)

    @property
    def merging(self) -> MergeRule:
        """The rule by which accepted updates become the next state."""
        return merging.merge_rule(self.merge_rule, self.merge_parameter)

    def to_struct(self, card: bytes, genesis: bytes) -> dict[str, Any]:
        """The contract's ``Terms``: field names and order of the Solidity struct."""
        numbers = {_camel(name): value for name, value in asdict(self).items()}
        return {"card": card, "genesis": genesis, **numbers}

    @classmethod
    def from_struct(cls, struct: Mapping[str, Any]) -> Self:
        """The terms in a contract's struct; raises BadCard for a number out of range."""
        return cls(**{name: struct[_camel(name)] for name in cls.__dataclass_fields__})

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values; inverse of :meth:`from_json`."""
        # Token units exceed 2^53, beyond which JSON numbers are not exact.
        return asdict(self) | {name: str(getattr(self, name)) for name in _AMOUNTS}

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The terms that a document describes; raises BadCard."""
        fields = _check.keys(document, cls.__dataclass_fields__)
        return cls(**fields | {name: _amount(name, fields[name]) for name in _AMOUNTS})


def _sum_of_windows(terms: Mapping[str, Any]) -> int:
    for name in _WINDOWS:
        _check.integer(name, terms.get(name), 1, 2**32 - 1)
    _check.integer("dispute_window", terms.get("dispute_window"), 1, terms["challenge_window"])
    return sum(terms[name] for name in (*_WINDOWS, "dispute_window"))


def _amount(name: str, value: object) -> int:
    # isdigit alone accepts the digits of other scripts; uint96 has at most 29 digits.
    if not isinstance(value, str) or not value.isascii() or not value.isdigit() or len(value) > 30:
        _check.fail(name, "token units as a decimal string", value)
    return int(value)


def _camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
