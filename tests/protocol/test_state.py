"""The state: integers are hashed, float views are not."""

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadLayout
from collegium.protocol import state, tree

lanes = st.lists(st.integers(-(2**31), 2**31 - 1), min_size=512, max_size=512)


def test_bytes_are_big_endian_and_come_back(layout):
    values = np.random.default_rng(0).integers(-(2**31), 2**31, 512).astype(np.int32)
    values[:2] = [1, -(2**31)]
    data = state.encode(values)
    assert data[:8] == bytes([0, 0, 0, 1, 0x80, 0, 0, 0])
    assert np.array_equal(state.decode(data, layout), values)
    for wrong in (data[:-1], data + b"\0", b""):
        with pytest.raises(BadLayout):
            state.decode(wrong, layout)


def test_root_covers_leaves_of_256_lanes(layout):
    values = np.arange(512, dtype=np.int32)
    data = state.encode(values)
    halves = [hashlib.sha256(b"\0" + data[:1024]), hashlib.sha256(b"\0" + data[1024:])]
    pair = b"".join(half.digest() for half in halves)
    assert state.root(values) == hashlib.sha256(b"\1" + pair).digest()
    leaf = state.to_leaves(values)[1]
    tree.verify_proof(state.root(values), leaf, 1, 2, state.proof(values, 1))


@given(st.integers(0, 511), st.integers(0, 31))
def test_any_changed_bit_changes_the_root(place, bit):
    values = np.zeros(512, np.int32)
    before = state.root(values)
    values.view(np.uint32)[place] ^= np.uint32(1 << bit)
    assert state.root(values) != before


def test_zeros_fill_the_layout(layout):
    assert state.zeros(layout).shape == (512,) and state.zeros(layout).dtype == np.int32
    assert not state.zeros(layout).any()


def test_floats_are_the_integers_times_two_to_the_minus_24():
    values = np.array([0, 1, -1, 2**24, -(2**31)], np.int32)
    assert list(state.to_float(values)) == [0, 2**-24, -(2**-24), 1, -128]
    assert state.to_float(values).dtype == np.float32
    assert list(state.to_units(state.to_float(values))) == list(values)
    assert list(state.to_units([0.5, 1e-9])) == [2**23, 1e-9 * 2**24]
