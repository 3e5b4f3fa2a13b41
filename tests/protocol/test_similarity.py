"""Norms, cosines and groups of near-duplicates."""

import numpy as np
import pytest

from collegium.protocol import codec, similarity
from collegium.protocol.codec import Encoded, dequantise, quantise


@pytest.fixture(scope="module")
def deltas():
    return np.random.default_rng(4).normal(scale=1e5, size=(4, 512))


def groups(updates, threshold):
    return similarity.groups(similarity.cosines(updates), threshold)


def test_norm_is_in_parameter_units():
    encoded = Encoded(8, np.full(8, 22, np.uint8), np.eye(1, 256, 0, np.int8).ravel() * 4)
    assert similarity.norm(encoded) == 1.0


def test_cosines_are_computed_over_the_lanes(deltas):
    updates = [quantise(delta, bits) for delta, bits in zip(deltas, (8, 8, 4, 2), strict=True)]
    lanes = np.stack([dequantise(update) for update in updates]).astype(float)
    unit = lanes / np.linalg.norm(lanes, axis=1, keepdims=True)
    assert np.allclose(similarity.cosines(updates), unit @ unit.T)


def test_large_updates_are_compared_in_parts(deltas, monkeypatch):
    updates = [quantise(delta, 8) for delta in deltas]
    whole = similarity.cosines(updates)
    monkeypatch.setattr(codec, "_CHUNK", 3)
    assert np.allclose(similarity.cosines(updates), whole)


def test_an_empty_update_is_similar_to_no_other(deltas):
    empty = Encoded(8, np.zeros(16, np.uint8), np.zeros(512, np.int8))
    assert not similarity.cosines([empty, quantise(deltas[0], 8)])[0].any()
    assert groups([empty, empty], 0.9) == ((0,), (1,))


def test_copies_are_found_through_requantising_scaling_and_noise(deltas):
    noise = np.random.default_rng(9).normal(scale=1e4, size=512)  # a tenth of the signal
    updates = [
        quantise(deltas[0], 8),
        quantise(deltas[1], 8),
        quantise(deltas[0], 4),
        quantise(3 * deltas[0], 8),
        quantise(deltas[0] + noise, 8),
        quantise(-deltas[0], 8),
    ]
    assert groups(updates, 0.95) == ((0, 2, 3, 4), (1,), (5,))


def test_a_chain_of_small_changes_is_one_group():
    """Each is close to the next but the ends are not: links are transitive in any order."""
    angles = [0.0, 0.5, 0.25]
    vectors = [np.concatenate([[np.cos(a), np.sin(a)], np.zeros(254)]) * 1e6 for a in angles]
    updates = [quantise(vector, 8) for vector in vectors]
    assert similarity.cosines(updates)[0, 1] < 0.95
    assert groups(updates, 0.95) == ((0, 1, 2),)
    assert groups(updates[:2], 0.95) == ((0,), (1,))


def test_honest_hospitals_are_not_grouped(deltas):
    common = deltas[0]
    updates = [quantise(common + delta, 4) for delta in deltas[1:]]
    assert similarity.cosines(updates)[0, 1] > 0.3
    assert groups(updates, 0.95) == ((0,), (1,), (2,))
    assert groups([], 0.95) == ()
