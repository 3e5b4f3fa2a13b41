"""Packed lists are read back as written, and truncated ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadContainer
from collegium.protocol import packed
from collegium.protocol.settlement import INVALID, settle

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
digests = st.binary(min_size=32, max_size=32)


@given(st.lists(st.tuples(st.integers(1, 65535), digests), max_size=5))
def test_updates_survive(updates):
    data = packed.pack_updates(updates)
    assert len(data) == 34 * len(updates) and packed.unpack_updates(data) == updates


@given(digests, st.binary(min_size=64, max_size=64), st.integers(0, 255))
def test_signed_items_survive(digest, signature, slot):
    data = packed.pack_commitment(ADDRESS, digest, signature)
    assert len(data) == 116
    assert packed.unpack_commitments(data * 2) == [(ADDRESS, digest, signature)] * 2
    data = packed.pack_attestation(slot, signature)
    assert len(data) == 65 and packed.unpack_attestations(data) == [(slot, signature)]


def test_results_and_fees_survive(terms):
    result = settle(terms, [1, 2, 3], [4, 5, 6], [[300, -70, INVALID]] * 3)
    rows = zip(result.phi, result.weights, result.node_pays, strict=True)
    assert packed.unpack_results(packed.pack_results(result)) == list(rows)
    assert packed.unpack_fees(packed.pack_fees(result.validator_pays)) == [33_333] * 3


def test_the_outcome_lists_all_accepted_updates_even_without_weight(terms):
    result = settle(terms, [1, 2, 3], [4, 5, 6], [[300, -70, INVALID]] * 3)
    updates = [(i, bytes([i]) * 32) for i in (1, 2, 3)]
    expected = b"\0\1" + b"\1" * 32 + b"\xff\xff" + b"\0\2" + b"\2" * 32 + b"\0\0"
    assert packed.pack_accepted(updates, result) == expected


@pytest.mark.parametrize(
    "unpack",
    [
        packed.unpack_updates,
        packed.unpack_commitments,
        packed.unpack_attestations,
        packed.unpack_results,
        packed.unpack_fees,
    ],
)
def test_a_cut_list_is_refused(unpack):
    assert unpack(b"") == []
    with pytest.raises(BadContainer):
        unpack(b"\0" * 11)


def test_bitmap():
    assert packed.bitmap([0, 3, 3, 255]) == 1 + 8 + (1 << 255)
    assert packed.bitmap([]) == 0
