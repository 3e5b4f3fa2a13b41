"""Merging is exact and independent of order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadMerge
from collegium.protocol import codec
from collegium.protocol.codec import Encoded
from collegium.protocol.rules.merging import MEAN, merge
from collegium.protocol.rules.table import MAX_WEIGHT


def encoded(rng, bits, lanes=256, exponent=24):
    limit = codec.max_code(bits)
    exponents = rng.integers(0, exponent + 1, lanes // 32).astype(np.uint8)
    return Encoded(bits, exponents, rng.integers(-limit, limit + 1, lanes).astype(np.int8))


@st.composite
def games(draw):
    """A state and weighted updates; some values are at the limits of int32 and of the weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(1, 6))
    heavy = draw(st.booleans())
    weights = [int(w) for w in rng.integers(1, MAX_WEIGHT // count + 1 if heavy else 4, count)]
    exponent = draw(st.sampled_from([2, 12, 24]))
    updates = [(w, encoded(rng, int(rng.choice(codec.BITS)), exponent=exponent)) for w in weights]
    edge = 2**31 if draw(st.booleans()) else 1000
    return rng.integers(-edge, edge, 256).astype(np.int32), updates


def reference(state, updates):
    """The formula in Python's unbounded integers, lane by lane."""
    total = sum(weight for weight, _ in updates)
    merged = []
    for lane, value in enumerate(int(v) for v in state):
        s = sum(
            weight * int(update.codes[lane]) * 2 ** int(update.exponents[lane // 32])
            for weight, update in updates
        )
        merged.append(max(-(2**31), min(2**31 - 1, value + (2 * s + total) // (2 * total))))
    return merged


@given(games())
def test_merging_equals_unbounded_integer_arithmetic(game):
    state, updates = game
    merged = merge(MEAN, state, updates)
    assert merged.dtype == np.int32 and merged.tolist() == reference(state, updates)


@given(games(), st.randoms())
def test_order_does_not_matter(game, random):
    state, updates = game
    shuffled = random.sample(updates, len(updates))
    assert np.array_equal(merge(MEAN, state, updates), merge(MEAN, state, shuffled))


@given(games())
def test_the_arguments_are_not_changed(game):
    state, updates = game
    before = state.copy()
    merge(MEAN, state, updates)
    assert np.array_equal(state, before)


@given(games(), st.integers(2, 5))
def test_only_the_ratio_of_weights_matters(game, factor):
    state, updates = game
    updates = [(weight % 100 + 1, update) for weight, update in updates]
    scaled = [(weight * factor, update) for weight, update in updates]
    assert np.array_equal(merge(MEAN, state, updates), merge(MEAN, state, scaled))


def test_halves_round_up_and_the_state_saturates():
    lanes = np.zeros(256, np.int8)
    lanes[:4] = [1, -1, 127, -127]
    small = Encoded(8, np.zeros(8, np.uint8), lanes)
    nothing = Encoded(8, np.zeros(8, np.uint8), np.zeros(256, np.int8))
    state = np.zeros(256, np.int32)
    assert merge(MEAN, state, [(1, small), (1, nothing)])[:4].tolist() == [1, 0, 64, -63]
    state[:4] = [2**31 - 1, -(2**31), 2**31 - 1, -(2**31)]
    assert merge(MEAN, state, [(1, small)])[:4].tolist() == [
        2**31 - 1,
        -(2**31),
        2**31 - 1,
        -(2**31),
    ]


def test_the_largest_sum_fits_int64():
    big = Encoded(8, np.full(8, 24, np.uint8), np.full(256, 127, np.int8))
    state = np.zeros(256, np.int32)
    assert set(merge(MEAN, state, [(MAX_WEIGHT, big)]).tolist()) == {127 << 24}


def test_a_large_state_merged_in_parts_equals_the_whole(monkeypatch):
    rng = np.random.default_rng(3)
    state = rng.integers(-1000, 1000, 2048).astype(np.int32)
    updates = [(weight, encoded(rng, 4, 2048)) for weight in (1, 2, 5)]
    whole = merge(MEAN, state, updates)
    monkeypatch.setattr(codec, "_CHUNK", 3)
    assert len(codec.ranges(2048)) == 22
    assert np.array_equal(merge(MEAN, state, updates), whole)


@pytest.mark.parametrize("weights", [[], [0], [1, -1], [MAX_WEIGHT, 1]])
def test_weights_out_of_range_are_refused(weights):
    rng = np.random.default_rng(0)
    updates = [(weight, encoded(rng, 8)) for weight in weights]
    with pytest.raises(BadMerge):
        merge(MEAN, np.zeros(256, np.int32), updates)


def test_other_layouts_and_dtypes_are_refused():
    rng = np.random.default_rng(0)
    update = (1, encoded(rng, 8))
    for state, updates in (
        (np.zeros(512, np.int32), [update]),
        (np.zeros(256, np.int64), [update]),
        (np.zeros(256, np.int32), [update, (1, encoded(rng, 8, 512))]),
    ):
        with pytest.raises(BadMerge):
            merge(MEAN, state, updates)
