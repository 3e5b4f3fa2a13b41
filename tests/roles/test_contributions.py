"""What updates are worth: Shapley values of coalitions that the exact merge makes.

The properties are those of a fair division: nothing for nothing, all that was gained is divided,
copies share one credit, and neither names nor the order of arrival matter.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.by_hand import contributions
from tests.support.world import LAYOUT, site

from collegium.protocol import codec, state
from collegium.protocol.codec import Encoded
from collegium.protocol.container import Update
from collegium.protocol.manifest import Manifest
from collegium.protocol.rules.merging import MEAN, merge

BASE = state.zeros(LAYOUT)


def update(delta: np.ndarray) -> Update:
    encoded = codec.quantise(delta, 8)
    manifest = Manifest(
        federation="0x5FbDB2315678afecb367f032d93F642f64180aa3",
        chain_id=31337,
        round=1,
        node="0x5FbDB2315678afecb367f032d93F642f64180aa3",
        base=state.root(BASE).hex(),
        layout=LAYOUT.digest.hex(),
        bits=8,
        lane_root=codec.lane_root(encoded).hex(),
        samples=1,
    )
    return Update(manifest, bytes(65), encoded)


def learned(number: int) -> np.ndarray:
    return state.to_units(site(number).learn(state.to_float(BASE)))


HONEST = {number: update(learned(number)) for number in (1, 2, 3)}


def noise(seed: int, scale: float = 1e5) -> np.ndarray:
    delta = np.zeros(LAYOUT.padded)
    delta[: LAYOUT.lanes] = np.random.default_rng(seed).normal(0, scale, LAYOUT.lanes)
    return delta


def test_all_that_was_gained_is_divided() -> None:
    found = contributions(BASE, HONEST, site(4).loss)
    merged = merge(MEAN, BASE, [(1, u.encoded) for u in HONEST.values()])
    gain = site(4).loss(state.to_float(BASE)) - site(4).loss(state.to_float(merged))
    assert gain > 0.1
    assert sum(found.values()) == pytest.approx(1e6 * gain, abs=3)


def test_an_update_of_nothing_is_worth_exactly_nothing() -> None:
    found = contributions(BASE, HONEST | {9: update(np.zeros(LAYOUT.padded))}, site(4).loss)
    assert found[9] == 0
    assert all(found[number] > 0 for number in HONEST)


def test_an_update_that_the_validator_cannot_feel_is_worth_exactly_nothing() -> None:
    """It changes a lane that the loss does not read, and gains nothing by standing beside harm."""
    unseen = np.zeros(LAYOUT.padded)
    unseen[7] = 2.0**20
    others = {1: HONEST[1], 8: update(-learned(2))}

    def loss(vector: np.ndarray) -> float:
        blind = vector.copy()
        blind[7] = 0.0
        return site(4).loss(blind)

    assert contributions(BASE, others | {9: update(unseen)}, loss)[9] == 0


def test_harm_is_worth_less_than_nothing() -> None:
    found = contributions(BASE, HONEST | {8: update(-learned(2))}, site(4).loss)
    assert found[8] < 0 < min(found[number] for number in HONEST)


def test_copies_share_the_credit_of_one() -> None:
    alone = contributions(BASE, HONEST, site(4).loss)
    copies = {n: HONEST[3] for n in (7, 8)}
    together = contributions(BASE, HONEST | copies, site(4).loss)
    assert together[3] == together[7] == together[8]
    assert 3 * together[3] == pytest.approx(alone[3], abs=3)
    assert [together[1], together[2]] == [alone[1], alone[2]]  # the others lose nothing by it


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_a_scaled_copy_is_a_copy(scale: float) -> None:
    copy = update(scale * learned(3))
    found = contributions(BASE, HONEST | {9: copy}, site(4).loss)
    assert found[9] == found[3]


def test_a_noisy_copy_is_a_copy() -> None:
    copy = update(learned(3) + noise(1, scale=0.2 * np.std(learned(3)[: LAYOUT.lanes])))
    found = contributions(BASE, HONEST | {9: copy}, site(4).loss)
    assert found[9] == found[3]


@settings(max_examples=10)
@given(st.permutations([1, 2, 3]))
def test_neither_names_nor_order_matter(order: list[int]) -> None:
    renamed = {10 * place: HONEST[number] for place, number in enumerate(order, start=1)}
    found = contributions(BASE, renamed, site(4).loss)
    original = contributions(BASE, HONEST, site(4).loss)
    for place, number in enumerate(order, start=1):
        assert found[10 * place] == pytest.approx(original[number], abs=1)


def test_every_coalition_is_asked_for_once() -> None:
    asked: list[bytes] = []

    def loss(vector: np.ndarray) -> float:
        asked.append(vector.tobytes())
        return site(4).loss(vector)

    contributions(BASE, HONEST, loss)
    assert len(asked) == len(set(asked)) == 2 ** len(HONEST)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_update_that_breaks_the_model_does_not_keep_a_committee_from_voting(
    bad: float,
) -> None:
    """The loss of every coalition with the breaking update is no number."""
    breaking = noise(2)
    breaking[0] = 2.0**30

    def loss(vector: np.ndarray) -> float:
        return bad if vector[0] > 8 else site(4).loss(vector)

    found = contributions(BASE, HONEST | {9: update(breaking)}, loss)
    if bad != -np.inf:  # a validator whose loss can be minus infinity has a broken metric
        assert found[9] < -(10**8)
    assert all(isinstance(value, int) for value in found.values())


def test_nothing_to_score() -> None:
    assert contributions(BASE, {}, site(4).loss) == {}


def test_same_codes_are_the_same_player_whatever_their_width() -> None:
    delta = learned(3)
    four = codec.quantise(delta, 4)
    narrow = Update(update(delta).manifest, bytes(65), Encoded(4, four.exponents, four.codes))
    found = contributions(BASE, HONEST | {9: narrow}, site(4).loss)
    assert found[9] == found[3]
