"""The game of a round: states of coalitions, of parts of updates, and of groups of copies."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadMerge
from collegium.protocol import codec
from collegium.protocol.coalitions import Coalitions
from collegium.protocol.codec import Encoded
from collegium.protocol.rules.merging import MEAN, Trimmed, merge
from collegium.protocol.rules.table import MAX_WEIGHT
from collegium_incentives import InvalidGroups, coalition

LANES = 256
EMPTY = Encoded(8, np.full(8, 9, np.uint8), np.zeros(LANES, np.int8))


def encoded(rng, bits, lanes=LANES, exponent=24):
    limit = codec.max_code(bits)
    exponents = rng.integers(0, exponent + 1, lanes // 32).astype(np.uint8)
    return Encoded(bits, exponents, rng.integers(-limit, limit + 1, lanes).astype(np.int8))


@st.composite
def games(draw, most=6):
    """A state and updates; some values are at the limits of int32."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    exponent = draw(st.sampled_from([2, 12, 24]))
    count = draw(st.integers(1, most))
    updates = [encoded(rng, int(rng.choice(codec.BITS)), exponent=exponent) for _ in range(count)]
    edge = 2**31 if draw(st.booleans()) else 1000
    return rng.integers(-edge, edge, LANES).astype(np.int32), updates


def alone(updates):
    return [(i,) for i in range(len(updates))]


def game_of(state, updates, groups=None):
    return Coalitions(MEAN, state, updates, groups or alone(updates))


@given(games(), st.data())
def test_a_coalition_is_the_merge_with_the_absent_as_zeros(game, data):
    state, updates = game
    members = data.draw(st.lists(st.booleans(), min_size=len(updates), max_size=len(updates)))
    found = game_of(state, updates).merged(coalition(members))
    zeroed = [(1, u if there else EMPTY) for u, there in zip(updates, members, strict=True)]
    assert np.array_equal(found, merge(MEAN, state, zeroed))


@given(games())
def test_all_players_give_the_merge_and_none_give_the_base(game):
    state, updates = game
    coalitions, count = game_of(state, updates), len(updates)
    whole = coalitions.merged((Fraction(1),) * count)
    assert np.array_equal(whole, merge(MEAN, state, [(1, update) for update in updates]))
    assert np.array_equal(coalitions.merged((Fraction(0),) * count), state)


@given(games(), st.data())
def test_a_part_of_an_update_has_that_part_of_its_weight(game, data):
    """In the merge rule's own integers: as if an update were split into itself and zeros."""
    state, updates = game
    part = st.fractions(0, 1, max_denominator=1 << 16)
    amounts = data.draw(st.lists(part, min_size=len(updates), max_size=len(updates)))
    found = game_of(state, updates).merged(tuple(amounts))
    each = MAX_WEIGHT // len(updates)
    taken = [int(each * amount) for amount in amounts]
    rows = [(weight, u) for weight, u in zip(taken, updates, strict=True) if weight]
    rest = each * len(updates) - sum(taken)
    rows += [(rest, EMPTY)] if rest else []
    assert np.array_equal(found, merge(MEAN, state, rows))


def test_a_part_is_as_exact_as_documented():
    """To one in 65535 / players of a player's weight: with twelve players 0.02 % of an update."""
    update = Encoded(8, np.full(8, 20, np.uint8), np.full(LANES, 100, np.int8))
    game = game_of(np.zeros(LANES, np.int32), [update] * 12, [(i,) for i in range(12)])
    whole, part = 100 << 20, Fraction(13_849, 65_536)
    found = game.merged((part,) * 12)[0]
    assert abs(found / whole - float(part)) < 12 / MAX_WEIGHT


@given(games(), st.data())
def test_an_empty_update_changes_no_state(game, data):
    """Otherwise it would be paid for diluting the others (docs/decisions/0001)."""
    state, updates = game
    part = st.fractions(0, 1, max_denominator=1 << 16)
    amounts = data.draw(st.lists(part, min_size=len(updates), max_size=len(updates)))
    coalitions = game_of(state, [*updates, EMPTY])
    found = [coalitions.merged((*amounts, amount)) for amount in map(Fraction, (0, 1, "1/3"))]
    assert np.array_equal(found[0], found[1]) and np.array_equal(found[0], found[2])


@given(games(most=4), st.integers(2, 5))
def test_a_group_of_copies_equals_the_original(game, copies):
    state, updates = game
    groups = [(0, *range(len(updates), len(updates) + copies - 1)), *alone(updates)[1:]]
    split = game_of(state, [*updates, *updates[:1] * (copies - 1)], groups)
    amounts = coalition(i == 0 for i in range(len(updates)))
    assert np.array_equal(split.merged(amounts), game_of(state, updates).merged(amounts))


def test_a_large_state_merged_in_parts_equals_the_whole(monkeypatch):
    rng = np.random.default_rng(3)
    state = rng.integers(-1000, 1000, 2048).astype(np.int32)
    updates = [encoded(rng, 4, 2048) for _ in range(3)]
    amounts = (Fraction(1), Fraction(0), Fraction(1, 3))
    whole = game_of(state, updates).merged(amounts)
    monkeypatch.setattr(codec, "_CHUNK", 3)
    assert np.array_equal(game_of(state, updates).merged(amounts), whole)


@given(games(), st.data())
def test_a_rule_that_is_not_a_sum_gets_all_rows_with_the_absent_as_zeros(game, data):
    state, updates = game
    members = data.draw(st.lists(st.booleans(), min_size=len(updates), max_size=len(updates)))
    found = Coalitions(Trimmed(1), state, updates, alone(updates)).merged(coalition(members))
    zeroed = [(1, u if there else EMPTY) for u, there in zip(updates, members, strict=True)]
    assert np.array_equal(found, merge(Trimmed(1), state, zeroed))


@given(games(), st.integers(1, 3), st.data())
def test_an_empty_update_changes_no_coalition_of_a_trimmed_merge(game, trim, data):
    """Otherwise it would be paid for diluting the others (docs/decisions/0018)."""
    state, updates = game
    members = data.draw(st.lists(st.booleans(), min_size=len(updates), max_size=len(updates)))
    every = [*updates, EMPTY]
    coalitions = Coalitions(Trimmed(trim), state, every, alone(every))
    without, with_ = (coalitions.merged(coalition([*members, there])) for there in (False, True))
    assert np.array_equal(without, with_)


def test_meaningless_arguments_are_refused():
    rng = np.random.default_rng(0)
    state, updates = np.zeros(LANES, np.int32), [encoded(rng, 8), encoded(rng, 8)]
    half = (Fraction(1, 2), Fraction(1))
    with pytest.raises(BadMerge, match="not a weighted sum"):
        Coalitions(Trimmed(1), state, updates, alone(updates)).merged(half)
    for amounts in ((Fraction(1),), (Fraction(2), Fraction(0)), (Fraction(-1), Fraction(0))):
        with pytest.raises(BadMerge, match="2 amounts from 0 to 1"):
            game_of(state, updates).merged(amounts)
    for other in (np.zeros(512, np.int32), np.zeros(LANES, np.int64)):
        with pytest.raises(BadMerge, match="updates of its"):
            game_of(other, updates)
    with pytest.raises(BadMerge, match="groups of 2 updates"):
        game_of(state, updates, [(0,)])
    with pytest.raises(InvalidGroups):
        game_of(state, updates, [(0,), (0,)])
