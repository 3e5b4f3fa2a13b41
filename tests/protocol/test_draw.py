"""The draw: without replacement, among the active, and evenly."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.protocol import draw
from collegium.protocol.digest import keccak

FEDERATION = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
seat_sets = st.sets(st.integers(0, 255), min_size=1, max_size=40)
seeds = st.binary(min_size=32, max_size=32)


def shuffled(seed: bytes, top: int) -> list[int]:
    """The whole Fisher–Yates shuffle, written out."""
    order = list(range(top))
    for i in range(top):
        word = int.from_bytes(keccak(seed + i.to_bytes(32, "big")), "big")
        j = i + word % (top - i)
        order[i], order[j] = order[j], order[i]
    return order


@given(seeds, seat_sets, st.integers(1, 15))
def test_the_committee_is_the_start_of_a_whole_shuffle(seed, active, size):
    order = [seat for seat in shuffled(seed, max(active) + 1) if seat in active]
    assert draw.committee(seed, active, size) == order[:size]


@given(seeds, seat_sets, st.integers(1, 15))
def test_members_are_active_and_drawn_once(seed, active, size):
    committee = draw.committee(seed, active, size)
    assert len(committee) == len(set(committee)) == min(size, len(active))
    assert set(committee) <= active


def test_every_active_seat_is_equally_likely():
    active = {0, 3, 4, 9}
    counts = Counter(
        seat
        for number in range(2000)
        for seat in draw.committee(number.to_bytes(32, "big"), active, 2)
    )
    # Expected 1000 each with a standard deviation of 22.
    assert set(counts) == active and all(abs(count - 1000) < 110 for count in counts.values())


def test_every_pair_of_slots_is_equally_likely():
    pairs = Counter(
        tuple(draw.committee(number.to_bytes(32, "big"), {0, 1, 2}, 2)) for number in range(3000)
    )
    assert len(pairs) == 6 and all(abs(count - 500) < 110 for count in pairs.values())


def test_the_seed_depends_on_block_contract_and_round():
    seed = draw.seed(5, FEDERATION, 7)
    packed = (5).to_bytes(32, "big") + bytes(12) + bytes.fromhex(FEDERATION[2:])
    assert seed == keccak(packed + (7).to_bytes(32, "big"))
    others = {
        draw.seed(6, FEDERATION, 7),
        draw.seed(5, "0x" + "11" * 20, 7),
        draw.seed(5, FEDERATION, 8),
    }
    assert len(others | {seed}) == 4


@pytest.mark.parametrize(
    ("round_id", "expected"), [(1, 2), (2, 2), (3, 5), (5, 5), (6, 2), (8, 2), (9, 5), (300, 2)]
)
def test_the_aggregator_rotates_over_active_seats(round_id, expected):
    assert draw.aggregator(round_id, {2, 5}) == expected


@given(seat_sets)
def test_every_active_seat_has_its_turn(active):
    turns = {draw.aggregator(round_id, active) for round_id in range(max(active) + 1)}
    assert turns == active
