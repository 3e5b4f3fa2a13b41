"""The Solidity libraries and the Python protocol compute the same numbers."""

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.terms import terms

from collegium.protocol import draw, ledger, packed, settlement, verdict
from collegium.protocol.settlement import INVALID

scores = st.integers(-(2**31), 2**31 - 1) | st.integers(-5, 5) | st.just(INVALID)


@st.composite
def rounds(draw_):
    """Owners, committee, votes and terms, within the bounds of the protocol."""
    nodes = draw_(st.integers(1, 20))
    ids = st.integers(1, nodes)
    owners = draw_(st.lists(ids, unique=True, min_size=1, max_size=12))
    members = draw_(st.lists(ids, unique=True, min_size=1, max_size=min(nodes, 15)))
    row = st.lists(scores, min_size=len(owners), max_size=len(owners))
    votes = draw_(st.lists(st.none() | row, min_size=len(members), max_size=len(members)))
    share = draw_(st.integers(0, 10_000))
    validator = draw_(st.integers(0, 10_000 - share))
    agreed = terms(
        reward=draw_(st.integers(0, 2**96 - 1)),
        node_share=share,
        validator_share=validator,
        aggregator_share=10_000 - share - validator,
        committee=len(members),
        min_updates=1,
        min_score=draw_(st.integers(-100, 100) | st.integers(-(2**31) + 1, 2**31 - 1)),
        weight_rule=draw_(st.sampled_from([0, 1])),
        pay_rule=draw_(st.sampled_from([0, 1])),
    )
    totals = draw_(st.lists(st.integers(0, 2**80), min_size=nodes, max_size=nodes))
    return SimpleNamespace(owners=owners, members=members, votes=votes, terms=agreed, totals=totals)


@settings(max_examples=150)
@given(case=rounds())
def test_settlement(libraries, case):
    terms = case.terms
    updates = [(id, bytes([id]) * 32) for id in case.owners]
    answer = libraries(
        "settle",
        {
            "nodePool": terms.reward * terms.node_share // 10_000,
            "validatorPool": terms.reward * terms.validator_share // 10_000,
            "minScore": terms.min_score,
            "payRule": terms.pay_rule,
            "weightRule": terms.weight_rule,
        },
        packed.pack_updates(updates),
        case.members,
        [b"" if vote is None else verdict.encode_scores(vote) for vote in case.votes],
        sum(1 << slot for slot, vote in enumerate(case.votes) if vote is not None),
        case.totals,
    )
    wanted = settlement.settle(terms, case.owners, case.members, case.votes)
    assert answer["results"] == packed.pack_results(wanted)
    assert answer["fees"] == b"".join(pay.to_bytes(12) for pay in wanted.validator_pays)
    assert answer["accepted"] == packed.pack_accepted(updates, wanted)
    assert answer["earned"] == wanted.earned
    totals = list(case.totals)
    for id, pay in zip(case.owners, wanted.node_pays, strict=True):
        totals[id - 1] += pay
    for id, pay in zip(case.members, wanted.validator_pays, strict=True):
        totals[id - 1] += pay
    assert answer["totals"] == totals


@settings(max_examples=60)
@given(
    seed=st.binary(min_size=32, max_size=32),
    seats=st.sets(st.integers(0, 255), min_size=1, max_size=60),
    data=st.data(),
)
def test_draw(libraries, seed, seats, data):
    members = packed.bitmap(dict.fromkeys(seats, 0))
    size = data.draw(st.integers(1, min(15, len(seats))))
    assert libraries("committee", seed, members, size) == draw.committee(seed, seats, size)
    round_id = data.draw(st.integers(1, 2**32 - 1))
    assert libraries("aggregator", members, round_id) == draw.aggregator(round_id, seats)


@settings(max_examples=60)
@given(totals=st.lists(st.integers(0, 2**96 - 1), max_size=40))
def test_ledger(libraries, totals):
    assert libraries("ledgerRoot", totals) == ledger.root(totals)


@settings(max_examples=60)
@given(number=st.integers(0, 2**256 - 1))
def test_bit_count(libraries, number):
    assert libraries("count", number) == number.bit_count()
