"""Settlement: medians, weights and pay; money is conserved and order does not matter."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.terms import terms

from collegium.errors import BadVerdict
from collegium.protocol.rules.shares import EQUAL, SCORE
from collegium.protocol.rules.table import MAX_WEIGHT
from collegium.protocol.settlement import (
    FULL_AGREEMENT,
    INVALID,
    aggregator_pool,
    median,
    settle,
)

scores = st.one_of(
    st.just(INVALID),
    st.integers(-300, 300),
    st.sampled_from([-(2**31) + 1, 2**31 - 1, 0]),
)


@st.composite
def rounds(draw):
    """Terms, owners, members and votes of any round that the contract could settle."""
    owners = draw(st.lists(st.integers(1, 12), min_size=1, max_size=7, unique=True))
    members = draw(st.lists(st.integers(1, 12), min_size=1, max_size=5, unique=True))
    vote = st.none() | st.lists(scores, min_size=len(owners), max_size=len(owners))
    votes = draw(st.lists(vote, min_size=len(members), max_size=len(members)))
    node_share = draw(st.integers(0, 10_000))
    validator_share = draw(st.integers(0, 10_000 - node_share))
    agreed = terms(
        reward=draw(st.sampled_from([0, 1, 7, 10**6, 2**96 - 1])),
        node_share=node_share,
        validator_share=validator_share,
        aggregator_share=10_000 - node_share - validator_share,
        committee=len(members),
        min_updates=1,
        min_score=draw(st.sampled_from([-(2**31) + 1, -50, 0, 50])),
        weight_rule=draw(st.sampled_from([EQUAL, SCORE])),
        pay_rule=draw(st.sampled_from([EQUAL, SCORE])),
    )
    return agreed, owners, members, votes


@given(rounds())
def test_no_more_is_paid_than_there_is(round_):
    terms = round_[0]
    result = settle(*round_)
    pays = (*result.node_pays, *result.validator_pays, result.aggregator_pay, result.returned)
    assert min(pays) >= 0 and sum(pays) == terms.reward
    assert sum(result.node_pays) <= terms.reward * terms.node_share // 10_000
    assert sum(result.validator_pays) <= terms.reward * terms.validator_share // 10_000


@given(rounds(), st.randoms())
def test_the_order_of_updates_and_of_slots_does_not_matter(round_, random):
    terms, owners, members, votes = round_
    result = settle(*round_)
    order = random.sample(range(len(owners)), len(owners))
    slots = random.sample(range(len(members)), len(members))
    shuffled = settle(
        terms,
        [owners[i] for i in order],
        [members[k] for k in slots],
        [None if votes[k] is None else [votes[k][i] for i in order] for k in slots],
    )
    for name in ("phi", "accepted", "weights", "node_pays"):
        assert getattr(shuffled, name) == tuple(getattr(result, name)[i] for i in order)
    assert shuffled.validator_pays == tuple(result.validator_pays[k] for k in slots)
    assert shuffled.returned == result.returned


@given(rounds())
def test_weights_and_pay_follow_from_acceptance_and_contribution(round_):
    terms = round_[0]
    result = settle(*round_)
    for phi, ok in zip(result.phi, result.accepted, strict=True):
        assert ok == (phi != INVALID and phi >= terms.min_score)
    credit = [max(p, 0) if ok else 0 for p, ok in zip(result.phi, result.accepted, strict=True)]
    total, pool = sum(credit), terms.reward * terms.node_share // 10_000
    shares = [Fraction(c, total) if total else Fraction(0) for c in credit]
    if terms.pay_rule == EQUAL:
        earners = sum(c > 0 for c in credit)
        assert result.node_pays == tuple(pool // earners if c else 0 for c in credit)
    else:
        assert result.node_pays == tuple(floor(pool * share) for share in shares)
    if terms.weight_rule == EQUAL or total == 0:
        assert result.weights == tuple(int(ok) for ok in result.accepted)
    else:
        assert result.weights == tuple(floor(MAX_WEIGHT * share) for share in shares)
    assert sum(result.weights) <= MAX_WEIGHT
    assert (sum(result.weights) > 0) == any(result.accepted)
    assert result.aggregator_pay == (aggregator_pool(terms) if any(result.accepted) else 0)


@given(rounds())
def test_validators_are_paid_by_their_distance_from_the_medians(round_):
    terms, owners, members, votes = round_
    result = settle(*round_)
    agreements = []
    for member, vote in zip(members, votes, strict=True):
        rows = [
            (phi, 0 if vote[i] == INVALID else vote[i])
            for i, (owner, phi) in enumerate(zip(owners, result.phi, strict=True))
            if vote is not None and owner != member and phi != INVALID
        ]
        norm, gap = sum(abs(p) for p, _ in rows), sum(abs(s - p) for p, s in rows)
        part = Fraction(max(norm - gap, 0), norm) if norm else Fraction(int(gap == 0))
        agreements.append(0 if vote is None else floor(part * FULL_AGREEMENT))
    pool, total = terms.reward * terms.validator_share // 10_000, sum(agreements)
    expected = [pool * a // total if total else 0 for a in agreements]
    assert list(result.validator_pays) == expected


@given(rounds())
def test_an_update_is_found_invalid_only_by_votes(round_):
    """The median of no votes is INVALID too, but no one is slashed for that."""
    _, owners, members, votes = round_
    result = settle(*round_)
    revealed = {id for id, vote in zip(members, votes, strict=True) if vote is not None}
    for owner, phi, invalid in zip(owners, result.phi, result.invalid, strict=True):
        assert invalid == (phi == INVALID and bool(revealed - {owner}))


@given(rounds(), scores, st.data())
def test_a_vote_on_the_own_update_counts_for_nothing(round_, score, data):
    terms, owners, members, votes = round_
    slot = data.draw(st.integers(0, len(members) - 1))
    if votes[slot] is None or members[slot] not in owners:
        return
    own = owners.index(members[slot])
    changed = [None if vote is None else list(vote) for vote in votes]
    changed[slot][own] = score
    assert settle(terms, owners, members, changed) == settle(*round_)


@given(
    st.lists(st.integers(-100, 100), min_size=3, max_size=9),
    st.data(),
)
def test_a_minority_cannot_move_the_median_beyond_the_honest(honest, data):
    lies = data.draw(st.lists(scores, max_size=len(honest) - 2))
    assert min(honest) <= median(honest + lies) <= max(honest)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([], INVALID),
        ([5], 5),
        ([INVALID], INVALID),
        ([3, 1, 2], 2),
        ([1, 2], 1),  # floor of 3/2
        ([-1, -2], -2),  # floor, not towards zero
        ([INVALID, 7], INVALID),
        ([INVALID, 7, 8], 7),
        ([INVALID, INVALID, 8], INVALID),
        ([INVALID, 4, 5, 9], 4),
        ([2**31 - 1, 2**31 - 1], 2**31 - 1),
        ([-(2**31) + 1, -(2**31) + 1], -(2**31) + 1),
    ],
)
def test_median(votes, expected):
    assert median(votes) == expected
    assert median(votes[::-1]) == expected


def test_a_round_by_hand(terms):
    """Nodes 1, 2 and 3 sent updates; 2, 4 and 5 vote; 5 votes low, 3 sent a bad update."""
    votes = [
        [300, 999_999, INVALID],  # node 2's vote for itself has no effect
        [300, 100, INVALID],
        [-300, 100, 50],
    ]
    result = settle(terms, [1, 2, 3], [2, 4, 5], votes)
    assert result.phi == (300, 100, INVALID)
    assert result.accepted == (True, True, False)
    assert result.weights == (65535 * 3 // 4, 65535 // 4, 0)
    assert result.node_pays == (850_000 * 3 // 4, 850_000 // 4, 0)
    assert result.validator_pays == (50_000, 50_000, 0)  # the third is off by 600 of 400
    assert result.aggregator_pay == 50_000
    assert result.returned == 0 and result.earned == 950_000


def test_an_unrevealed_verdict_neither_votes_nor_earns(terms):
    result = settle(terms, [1, 2], [3, 4, 5], [[10, 20], None, [10, 20]])
    assert result.phi == (10, 20)
    assert result.validator_pays == (50_000, 0, 50_000)


def test_an_accepted_update_can_have_no_weight(terms):
    """A slightly negative score is accepted, because of noise, but gives no weight by score."""
    votes = [[50, -50]] * 3
    by_score = settle(terms, [1, 2], [3, 4, 5], votes)
    assert by_score.accepted == (True, True) and by_score.weights == (65535, 0)
    equal = settle(replace(terms, weight_rule=EQUAL), [1, 2], [3, 4, 5], votes)
    assert equal.weights == (1, 1) and equal.node_pays == (850_000, 0)


def test_without_positive_scores_the_pool_is_refunded_but_the_merge_continues(terms):
    result = settle(terms, [1, 2], [3, 4, 5], [[0, -5]] * 3)
    assert result.weights == (1, 1) and result.node_pays == (0, 0)
    assert result.validator_pays == (33_333,) * 3
    assert result.returned == 850_000 + 1


def test_without_accepted_updates_there_is_no_merge(terms):
    result = settle(terms, [1, 2], [3, 4, 5], [[-101, INVALID]] * 3)
    assert result.accepted == (False, False) and result.aggregator_pay == 0
    assert result.returned == 900_000 + 1
    nobody = settle(terms, [1, 2], [3, 4, 5], [None] * 3)
    assert nobody.returned == terms.reward and nobody.phi == (INVALID, INVALID)


def test_splitting_an_update_earns_nothing(terms):
    """A copy shares the group's credit: the scores halve, and so does each part of the pay."""
    alone = settle(terms, [1, 2], [3, 4, 5], [[200, 200]] * 3)
    split = settle(terms, [1, 2, 6], [3, 4, 5], [[200, 100, 100]] * 3)
    assert split.node_pays[1] + split.node_pays[2] == alone.node_pays[1]


@pytest.mark.parametrize(
    "votes",
    [
        [[1, 2], [1, 2]],  # a slot is missing
        [[1, 2], [1, 2], [1]],
        [[1, 2], [1, 2], []],
        [[1, 2], [1, 2], [1, 2**31]],
        [[1, 2], [1, 2], [1, -(2**31) - 1]],
    ],
)
def test_votes_of_another_form_are_refused(terms, votes):
    with pytest.raises(BadVerdict):
        settle(terms, [1, 2], [3, 4, 5], votes)


def test_equal_pay_needs_a_positive_score():
    """An accepted update of score 0 is not paid; otherwise an empty one would earn a share."""
    agreed = terms(pay_rule=EQUAL, min_score=-10)
    votes = [[900, 1, 0, -5, -500, INVALID]] * 3
    result = settle(agreed, [1, 2, 3, 4, 5, 6], [7, 8, 9], votes)
    assert result.accepted == (True, True, True, True, False, False)
    assert result.node_pays == (425_000, 425_000, 0, 0, 0, 0)
    nothing = settle(agreed, [1, 2], [7, 8, 9], [[0, -5]] * 3)
    assert nothing.accepted == (True, True) and nothing.node_pays == (0, 0)
    assert nothing.returned >= 850_000  # the whole pool of the nodes


@pytest.mark.parametrize(("rule", "times"), [(SCORE, 1.0), (EQUAL, 1.8)])
def test_what_copies_earn_together_under_each_pay_rule(rule, times):
    """The committee divides the credit of copies; equal pay gives each copy a share even so."""
    agreed = terms(committee=1, min_updates=1, pay_rule=rule)
    alone = settle(agreed, [1, 2, 3], [9], [[3000, 3000, 3000]])
    copied = settle(agreed, [1, 2, 3, 4, 5], [9], [[3000, 3000, 1000, 1000, 1000]])
    together = sum(copied.node_pays[2:]) / alone.node_pays[2]
    assert together == pytest.approx(times, abs=0.001)
