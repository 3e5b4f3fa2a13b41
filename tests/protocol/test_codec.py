"""Block quantisation: bounded error, smallest scale, one byte form."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadCodes
from collegium.protocol import codec, tree
from collegium.protocol.codec import Encoded, dequantise, quantise

bits_ = st.sampled_from(codec.BITS)
roundings = st.sampled_from(["nearest", "stochastic"])


@st.composite
def deltas(draw):
    """Leaves whose blocks differ in scale, from far below one unit to beyond the largest."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    scales = np.exp2(rng.uniform(-6, draw(st.sampled_from([4, 20, 32])), 16))
    kind = draw(st.sampled_from(["normal", "heavy", "integer", "zero"]))
    values = rng.standard_t(2, 512) if kind == "heavy" else rng.normal(size=512)
    values = values.reshape(16, 32) * (scales[:, None] if kind != "zero" else 0)
    return (np.rint(values) if kind == "integer" else values).ravel()


def rng():
    return np.random.default_rng(5)


def clipped(delta, bits):
    """Blocks whose peak does not fit at the largest exponent."""
    return np.abs(delta.reshape(-1, 32)).max(axis=1) > codec.max_code(bits) * 2.0**24


@given(deltas(), bits_, roundings)
def test_error_is_below_one_step_and_half_of_it_when_nearest(delta, bits, rounding):
    encoded = quantise(delta, bits, rounding, rng())
    error = np.abs(dequantise(encoded) - delta).reshape(-1, 32)
    step = np.exp2(encoded.exponents.astype(float))[:, None]
    bound = step / 2 if rounding == "nearest" else step
    assert (error <= bound)[~clipped(delta, bits)].all()


@given(deltas(), bits_)
def test_the_exponent_is_the_smallest_that_clips_nothing(delta, bits):
    encoded = quantise(delta, bits)
    for block, exponent in zip(delta.reshape(-1, 32), encoded.exponents, strict=True):
        peaks = [np.abs(np.rint(block / 2.0**e)).max() for e in range(25)]
        fitting = [e for e, peak in enumerate(peaks) if peak <= codec.max_code(bits)]
        assert exponent == (fitting[0] if fitting else 24)


@given(bits_, st.integers(0, 23))
def test_the_exponent_is_exact_at_the_edge_of_a_tie(bits, e):
    """limit + 1/2 rounds to the even limit + 1, which is not a code; slightly less still fits."""
    edge = (codec.max_code(bits) + 0.5) * 2.0**e
    for peak, expected in ((np.nextafter(edge, 0), e), (edge, e + 1), (-edge, e + 1)):
        delta = np.zeros(256)
        delta[31] = peak
        assert quantise(delta, bits).exponents[0] == expected


@given(bits_, st.data())
def test_representable_values_are_kept_exactly(bits, data):
    limit = codec.max_code(bits)
    codes = np.array(data.draw(st.lists(st.integers(-limit, limit), min_size=32, max_size=32)))
    exponent = data.draw(st.integers(0, 24))
    delta = np.tile(codes * 2.0**exponent, 8)
    for rounding in ("nearest", "stochastic"):
        encoded = quantise(delta, bits, rounding, rng())
        assert np.array_equal(dequantise(encoded), delta)
        assert encoded.exponents.max() <= exponent


def test_values_beyond_the_largest_scale_are_clipped():
    for bits in codec.BITS:
        encoded = quantise(np.full(256, -1e30), bits)
        assert set(encoded.exponents) == {24}
        assert set(encoded.codes) == {-codec.max_code(bits)}
        assert dequantise(encoded).min() == -codec.max_code(bits) << 24 > -(2**31)


def test_ties_round_to_even():
    delta = np.zeros(256)
    delta[:4] = [0.5, 1.5, -0.5, -2.5]
    assert list(quantise(delta, 8).codes[:4]) == [0, 2, 0, -2]


def test_stochastic_rounding_is_unbiased():
    delta = np.tile(np.linspace(-7, 7, 32), 8 * 500)
    mean = dequantise(quantise(delta, 4, "stochastic", rng())).reshape(-1, 32).mean(axis=0)
    assert np.abs(mean - delta[:32]).max() < 0.03  # 4000 draws: standard error below 0.008


def test_stochastic_rounding_needs_a_random_generator():
    with pytest.raises(TypeError):
        quantise(np.zeros(256), 4, "stochastic")


def test_error_feedback_loses_nothing_over_rounds():
    """The sum of everything sent plus the last residual equals the sum of the true updates."""
    random, carried, sent = rng(), np.zeros(256), np.zeros(256)
    deltas = random.normal(scale=300, size=(20, 256))
    for delta in deltas:
        encoded = quantise(delta + carried, 2)
        carried = codec.residual(delta + carried, encoded)
        sent += dequantise(encoded)
    assert np.allclose(sent + carried, deltas.sum(axis=0), atol=1e-6)
    without = sum(dequantise(quantise(delta, 2)) for delta in deltas)
    wanted = deltas.sum(axis=0)
    assert np.linalg.norm(sent - wanted) < np.linalg.norm(without - wanted)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_lanes_that_are_not_finite_are_refused(bad):
    delta = np.zeros(256)
    delta[7] = bad
    with pytest.raises(BadCodes, match="finite"):
        quantise(delta, 8)


def test_other_sizes_and_widths_are_refused():
    for delta, bits in ((np.zeros(255), 8), (np.zeros(32), 8), (np.zeros(0), 8), (np.ones(256), 3)):
        with pytest.raises(BadCodes):
            quantise(delta, bits)


@given(bits_, st.data())
def test_packing_is_undone_by_unpacking(bits, data):
    limit = codec.max_code(bits)
    codes = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    codes = codes.integers(-limit, limit + 1, 256).astype(np.int8)
    packed = codec.pack(Encoded(bits, np.zeros(8, np.uint8), codes))
    assert packed.size == 32 * bits
    assert np.array_equal(codec.unpack(packed, bits), codes)


def test_the_first_lane_is_in_the_most_significant_bits():
    codes = np.zeros(256, np.int8)
    codes[:4] = [1, -1, 0, 1]
    expected = {8: "01ff0001", 4: "1f01", 2: "71"}
    for bits, text in expected.items():
        packed = codec.pack(Encoded(bits, np.zeros(8, np.uint8), codes))
        assert packed.tobytes().hex().startswith(text)
    # So a block at 8 bits is one EVM word, whose top byte is lane 0.
    assert codec.pack(Encoded(8, np.zeros(8, np.uint8), codes))[:32].tobytes()[0] == 1


@pytest.mark.parametrize(("bits", "size"), [(8, 264), (4, 136), (2, 72)])
def test_a_leaf_is_eight_exponents_and_eight_blocks(bits, size):
    encoded = quantise(np.random.default_rng(1).normal(scale=1e4, size=512), bits)
    leaves = codec.to_leaves(encoded)
    assert codec.leaf_size(bits) == size and [len(leaf) for leaf in leaves] == [size, size]
    packed = codec.pack(encoded).tobytes()
    assert bytes(leaves[1]) == encoded.exponents[8:].tobytes() + packed[len(packed) // 2 :]
    root = codec.lane_root(encoded)
    tree.verify_proof(root, leaves[1], 1, 2, codec.proof(encoded, 1))


def test_a_changed_exponent_or_code_changes_the_root():
    encoded = quantise(np.random.default_rng(1).normal(scale=1e4, size=512), 4)
    exponents, codes = encoded.exponents.copy(), encoded.codes.copy()
    exponents[-1] ^= 1
    codes[-1] = -codes[-1] if codes[-1] else 1
    others = [replace(encoded, exponents=exponents), replace(encoded, codes=codes)]
    roots = {codec.lane_root(update) for update in (encoded, *others)}
    assert len(roots) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"bits": 3},
        {"exponents": np.full(8, 25, np.uint8)},
        {"exponents": np.zeros(7, np.uint8)},
        {"exponents": np.zeros(8, np.int8)},
        {"codes": np.full(256, -8, np.int8)},  # the lowest code, which has no positive counterpart
        {"codes": np.full(256, 8, np.int8)},
        {"codes": np.zeros(256, np.uint8)},
        {"codes": np.zeros((8, 32), np.int8)},
        {"exponents": np.zeros(0, np.uint8), "codes": np.zeros(0, np.int8)},
        {"exponents": np.zeros(1, np.uint8), "codes": np.zeros(32, np.int8)},
    ],
)
def test_an_encoding_outside_the_format_cannot_be_made(changes):
    good = Encoded(4, np.zeros(8, np.uint8), np.zeros(256, np.int8))
    with pytest.raises(BadCodes):
        replace(good, **changes)


@given(deltas(), bits_)
def test_ranges_cover_the_vector_once(delta, bits):
    encoded = quantise(delta, bits)
    parts = [dequantise(encoded, blocks) for blocks, _ in codec.ranges(delta.size)]
    assert np.array_equal(np.concatenate(parts), dequantise(encoded))


def test_four_million_lanes_take_well_under_a_second():
    delta = np.random.default_rng(1).normal(scale=1e4, size=1 << 22).astype(np.float32)
    start = time.process_time()
    encoded = quantise(delta, 4)
    assert time.process_time() - start < 2  # 0.1 s on an idle machine
    assert encoded.codes.size == 1 << 22
