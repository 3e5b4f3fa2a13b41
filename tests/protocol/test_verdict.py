"""Verdicts: scores as bytes, and seals that only one validator can open."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadVerdict
from collegium.protocol import verdict
from collegium.protocol.digest import keccak

ADDRESS = "0x5FbDB2315678afecb367f032d93F642f64180aa3"


@given(st.lists(st.integers(-(2**31), 2**31 - 1), max_size=12))
def test_scores_survive(scores):
    data = verdict.encode_scores(scores)
    assert len(data) == 4 * len(scores)
    assert verdict.decode_scores(data, len(scores)) == scores


def test_scores_are_big_endian():
    assert verdict.encode_scores([1, -2, -(2**31)]).hex() == "00000001fffffffe80000000"


def test_other_numbers_of_scores_are_refused():
    for data, count in ((b"\0" * 7, 2), (b"\0" * 8, 1), (b"\0" * 8, 3), (b"", 1)):
        with pytest.raises(BadVerdict):
            verdict.decode_scores(data, count)
    for scores in ([2**31], [-(2**31) - 1], [1.5]):
        with pytest.raises(BadVerdict):
            verdict.encode_scores(scores)


def test_the_seal_is_the_hash_of_the_abi_encoding():
    scores, salt = verdict.encode_scores([1, 2, 3]), b"\5" * 32
    address = bytes(12) + bytes.fromhex(ADDRESS[2:])
    words = [31337, 0, 7, 0, 6 * 32, 0]
    head = [word.to_bytes(32, "big") for word in words]
    head[1] = head[3] = address
    head[5] = salt
    tail = len(scores).to_bytes(32, "big") + scores.ljust(32, b"\0")
    expected = keccak(b"".join(head) + tail)
    assert verdict.seal(31337, ADDRESS, 7, ADDRESS, scores, salt) == expected


def test_a_copied_seal_does_not_open_for_the_copier():
    scores, salt = verdict.encode_scores([1]), b"\5" * 32
    other = "0x" + "11" * 20
    seals = {
        verdict.seal(31337, ADDRESS, 7, ADDRESS, scores, salt),
        verdict.seal(1, ADDRESS, 7, ADDRESS, scores, salt),
        verdict.seal(31337, other, 7, ADDRESS, scores, salt),
        verdict.seal(31337, ADDRESS, 8, ADDRESS, scores, salt),
        verdict.seal(31337, ADDRESS, 7, other, scores, salt),
        verdict.seal(31337, ADDRESS, 7, ADDRESS, scores + scores, salt),
        verdict.seal(31337, ADDRESS, 7, ADDRESS, scores, b"\6" * 32),
    }
    assert len(seals) == 7
