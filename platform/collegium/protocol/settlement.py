"""Settlement: from revealed votes to weights and pay, in integers, as the contract does it.

The contribution of an update is the median of the committee's votes on it; a member's vote on
its own update is not counted. The rules of the terms give accepted updates their merge weights and
their shares of the nodes' pool. Validators share their pool in proportion to how closely they
agreed with the medians. Every division rounds down, and the remainder returns to the escrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from collegium.errors import BadVerdict
from collegium.protocol.rules.shares import PAY_RULES, WEIGHT_RULES
from collegium.protocol.rules.table import numbered
from collegium.protocol.terms import BPS, Terms

INVALID = -(2**31)
"""The vote "undelivered or malformed"; below every real score."""
FULL_AGREEMENT = 1 << 32
"""Agreement of a validator whose every vote is the median."""

Votes = Sequence[int]
"""One validator's scores: int32 micro-nats per update, in commit order."""


@dataclass(frozen=True)
class Settlement:
    """The result of settling one round.

    Attributes:
        phi: contribution of each update in micro-nats, or INVALID.
        accepted: which updates are accepted.
        invalid: which were found undelivered or malformed: at least one vote counted, and the
            median is INVALID.
        weights: merge weight of each update, uint16; 0 if it is not accepted, or if the score rule
            gives its contribution no weight.
        node_pays: token units for the owner of each update.
        validator_pays: token units for each committee slot.
        aggregator_pay: token units kept for the proposer of the merge; 0 if no update is accepted.
        returned: token units of the reward that go back to the free escrow.
    """

    phi: tuple[int, ...]
    accepted: tuple[bool, ...]
    invalid: tuple[bool, ...]
    weights: tuple[int, ...]
    node_pays: tuple[int, ...]
    validator_pays: tuple[int, ...]
    aggregator_pay: int
    returned: int

    @property
    def earned(self) -> int:
        """Token units that become claimable at once."""
        return sum(self.node_pays) + sum(self.validator_pays)


def settle(
    terms: Terms, owners: Sequence[int], members: Sequence[int], votes: Sequence[Votes | None]
) -> Settlement:
    """Settle one round.

    Args:
        terms: shares, reward, minScore, and the rules of pay and weight.
        owners: node id of each update, in commit order.
        members: node id of each committee slot.
        votes: for each slot one int32 per update, or None if the slot did not reveal.

    Raises:
        BadVerdict: a slot's votes are not one int32 per update.
        BadCard: the terms have a rule number that is not in the tables.
    """
    check_votes(votes, len(owners), len(members))
    cast = [_cast(i, owner, members, votes) for i, owner in enumerate(owners)]
    phi = [median(given) for given in cast]
    accepted = [is_accepted(value, terms.min_score) for value in phi]
    weighing = numbered("weight_rule", WEIGHT_RULES, terms.weight_rule)()
    node_pays = pay_nodes(terms, phi)
    agreements = [
        0 if vote is None else _agreement(member, vote, owners, phi)
        for member, vote in zip(members, votes, strict=True)
    ]
    validator_pays = _split(terms.reward * terms.validator_share // BPS, agreements)
    pool = aggregator_pool(terms) if any(accepted) else 0
    return Settlement(
        phi=tuple(phi),
        accepted=tuple(accepted),
        invalid=tuple(
            value == INVALID and len(given) > 0 for value, given in zip(phi, cast, strict=True)
        ),
        weights=tuple(weighing.weights(_credit(terms, phi), accepted)),
        node_pays=tuple(node_pays),
        validator_pays=tuple(validator_pays),
        aggregator_pay=pool,
        returned=terms.reward - sum(node_pays) - sum(validator_pays) - pool,
    )


def pay_nodes(terms: Terms, phi: Sequence[int]) -> list[int]:
    """Token units for the owner of each update, from the medians of the votes (micro-nats)."""
    paying = numbered("pay_rule", PAY_RULES, terms.pay_rule)()
    return _split(terms.reward * terms.node_share // BPS, paying.shares(_credit(terms, phi)))


def is_accepted(score: int, min_score: int) -> bool:
    """Whether an update with this median (micro-nats) is accepted."""
    return score != INVALID and score >= min_score


def aggregator_pool(terms: Terms) -> int:
    """Token units for the proposer of the merge that becomes final."""
    return terms.reward * terms.aggregator_share // BPS


def median(votes: Sequence[int]) -> int:
    """Middle vote; for an even number of votes, the mean of the middle two, rounded down.

    INVALID sorts below all scores. The median is INVALID if one of the middle two is, or if there
    are no votes.
    """
    if not votes:
        return INVALID
    ordered = sorted(votes)
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return INVALID if low == INVALID else (low + high) // 2


def check_votes(votes: Sequence[Votes | None], updates: int, slots: int) -> None:
    """Raise BadVerdict unless there is one int32 per update in every revealed slot."""
    if len(votes) != slots:
        _refuse(f"votes or None for {slots} slots", len(votes))
    for vote in votes:
        if vote is not None and len(vote) != updates:
            _refuse(f"{updates} votes", len(vote))
        if vote and not all(INVALID <= value < 2**31 for value in vote):
            _refuse("votes that fit int32", list(vote))


def _cast(
    update: int, owner: int, members: Sequence[int], votes: Sequence[Votes | None]
) -> list[int]:
    """The votes that count for an update: from all slots that revealed, except its owner's."""
    given = zip(members, votes, strict=True)
    return [vote[update] for member, vote in given if vote is not None and member != owner]


def _credit(terms: Terms, phi: Sequence[int]) -> list[int]:
    """What each update is worth: its median if it is accepted and has a positive one, else 0."""
    return [max(value, 0) if is_accepted(value, terms.min_score) else 0 for value in phi]


def _agreement(member: int, vote: Votes, owners: Sequence[int], phi: Sequence[int]) -> int:
    """``2^32 · max(0, 1 - Σ|vote - φ| / Σ|φ|)`` over the valid updates of others.

    A vote of INVALID on an update whose median is a score counts as 0.
    """
    norm = distance = 0
    for owner, value, score in zip(owners, phi, vote, strict=True):
        if owner == member or value == INVALID:
            continue
        norm += abs(value)
        distance += abs((0 if score == INVALID else score) - value)
    if norm == 0:  # every median is 0: a vote agrees with all of them or with none
        return FULL_AGREEMENT if distance == 0 else 0
    return max(0, norm - distance) * FULL_AGREEMENT // norm


def _split(pool: int, shares: Sequence[int]) -> list[int]:
    total = sum(shares)
    return [pool * share // total if total else 0 for share in shares]


def _refuse(expected: str, found: object) -> None:
    raise BadVerdict(
        expected=expected,
        found=str(found),
        action="Take the votes from the reveals of this round, in commit order.",
    )
