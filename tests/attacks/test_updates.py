"""Dishonest updates that a node sends instead of what it learned.

In each test node 5 attacks and the others are honest. The attack runs to the end of the round; the
test checks its effect on the model and what it earns.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from tests.support.by_hand import ByHand, contributions
from tests.support.terms import TERMS
from tests.support.world import LAYOUT, Site, World, site

from collegium.protocol import codec, state
from collegium.protocol.codec import Encoded
from collegium.protocol.container import Update, decode_update
from collegium.protocol.rules.merging import MEAN, merge
from collegium.protocol.settlement import INVALID

ATTACKER = 5
Delta = npt.NDArray[np.float64]


def noise(scale: float, seed: int = 7) -> Delta:
    """Normal noise in parameter units, as a delta in state units."""
    delta = np.zeros(LAYOUT.padded)
    delta[: LAYOUT.lanes] = np.random.default_rng(seed).normal(0.0, scale, LAYOUT.lanes)
    return state.to_units(delta)


def attack(hand: ByHand, what: Delta | Encoded) -> ByHand:
    """A whole round in which the attacker sends ``what``."""
    hand.open()
    hand.submit(ATTACKER, hand.forge(ATTACKER, what))
    hand.commit()
    return hand.settle_all()


def update_of(hand: ByHand, number: int) -> Update:
    """What a node committed to."""
    data = hand.nodes[number].home.journal(hand.view.id).read("update.safetensors")
    assert data is not None
    return decode_update(data, LAYOUT)


def codes(hand: ByHand) -> set[str]:
    """Codes of the validators' findings about the attacker's update."""
    return {f.code for vote in hand.votes.values() for f in vote.findings[ATTACKER]}


def assert_kept_out(world: World, hand: ByHand) -> None:
    """The attacker is not paid, and the round ends on the merge of the honest updates."""
    weights = world.weights(1)
    assert weights[ATTACKER] == 0 and world.pays(1)[ATTACKER] == 0
    honest = [(weights[n], update_of(hand, n).encoded) for n in world.homes if n != ATTACKER]
    assert world.federation.state_root() == state.root(merge(MEAN, hand.base, honest))
    assert sum(world.pays(1).values()) > 0.84 * TERMS.reward  # the honest share the pool


# -- no work -------------------------------------------------------------------------------------


def test_null_update(world: World, hand: ByHand) -> None:
    """Null update: an update of zeros, to get a share without work."""
    attack(hand, np.zeros(LAYOUT.padded))
    assert codes(hand) == {"empty"} and world.scores(1)[ATTACKER] == INVALID
    assert_kept_out(world, hand)


def test_next_to_nothing(world: World, hand: ByHand) -> None:
    """Free rider: one state unit in one lane, so that the update is not empty."""
    delta = np.zeros(LAYOUT.padded)
    delta[0] = 1
    attack(hand, delta)
    assert abs(world.scores(1)[ATTACKER]) <= 1
    assert world.pays(1)[ATTACKER] < TERMS.reward / 10_000


def test_random_noise(world: World, hand: ByHand) -> None:
    """Random noise with the norm of an honest update: by luck it earns at most a little.

    Over 40 draws it was worth between -30 % and 14 % of an honest update, -9 % in the middle.
    """
    size = float(np.std(hand.delta(ATTACKER)[: LAYOUT.lanes])) / state.UNITS
    attack(hand, noise(size))
    scores, pays = world.scores(1), world.pays(1)
    assert scores[ATTACKER] < 0.2 * min(scores[n] for n in (1, 2, 3, 4))
    assert pays[ATTACKER] < 0.2 * min(pays[n] for n in (1, 2, 3, 4))
    with_noise, base = state.to_float(hand.merged), state.to_float(hand.base)
    assert all(site(n).loss(with_noise) < 0.6 * site(n).loss(base) for n in world.homes)


def test_random_noise_loses_in_the_long_run(hand: ByHand) -> None:
    """Over many draws random noise has negative worth: it only blurs the others' updates."""
    hand.play("commit")
    honest = {n: update_of(hand, n) for n in (1, 2)}
    size = float(np.std(hand.delta(ATTACKER)[: LAYOUT.lanes])) / state.UNITS
    found = [
        contributions(
            hand.base, honest | {9: hand.forge(ATTACKER, noise(size, seed))}, site(3).loss
        )[9]
        for seed in range(100, 125)
    ]
    assert np.mean(found) < -2 * np.std(found) / np.sqrt(len(found))


# -- others' work --------------------------------------------------------------------------------


def test_exact_copy(world: World, hand: ByHand) -> None:
    """Exact copy: the attacker commits the digest of another node that it sees on the chain."""
    hand.open()
    hand.commit(1)
    copied = hand.made[1].digest
    hand.nodes[ATTACKER].federation.commit_update(1, copied)
    hand.commit(2, 3, 4)
    hand.draw()
    # even if an accomplice provides the bytes
    file = hand.nodes[1].home.journal(1).read("update.safetensors")
    hand.nodes[ATTACKER].home.journal(1).write("update.safetensors", file)
    hand.play("finish", "deliver")
    assert codes(hand) >= {"signature", "node"}
    assert world.scores(1)[ATTACKER] == INVALID
    assert_kept_out(world, hand)


COPIES: dict[str, Callable[[Update], Encoded]] = {
    "re-signed": lambda u: u.encoded,
    "scaled": lambda u: codec.quantise(0.7 * codec.dequantise(u.encoded), 8),
    "re-noised": lambda u: codec.quantise(
        codec.dequantise(u.encoded)
        + 0.2 * np.std(codec.dequantise(u.encoded)) * noise(1, 3) / state.UNITS,
        8,
    ),
    "in another width": lambda u: codec.quantise(codec.dequantise(u.encoded), 4),
}


@pytest.mark.parametrize("how", COPIES)
def test_copies_share_one_credit(world: World, hand: ByHand, how: str) -> None:
    """Copy, re-signed or with noise: an accomplice provides its lanes before committing.

    Two names then earn together about what one would have earned: the accomplice pays for it.
    """
    hand.open()
    hand.commit(1)
    attack(hand, COPIES[how](update_of(hand, 1)))
    scores = world.scores(1)
    assert codes(hand) == {"near-duplicate"}
    # The owner's own vote does not count for its own update, so medians may differ a little.
    assert scores[1] == pytest.approx(scores[ATTACKER], rel=0.15)
    honest = np.mean([scores[n] for n in (2, 3, 4)])
    assert scores[1] + scores[ATTACKER] < 1.3 * honest


# -- one data set under several names --------------------------------------------------------------


def learned(site_: Site) -> Delta:
    return state.to_units(site_.learn(np.zeros(LAYOUT.padded, np.float32)))


def sybils(make_world: Callable[..., World], parts: list[Delta], cosine: float) -> float:
    """Share of the nodes' pool that node 4's data earns under the names 4, 5, …."""
    world = make_world(nodes=3 + len(parts), limits={"cosine": cosine})
    hand = ByHand(world)
    hand.open()
    for number, delta in enumerate(parts, start=4):
        hand.submit(number, hand.forge(number, delta))
    hand.commit()
    hand.settle_all()
    pays = world.pays(1)
    return sum(pays[number] for number in range(4, 4 + len(parts))) / sum(pays.values())


def test_sybils_on_the_same_data(make_world: Callable[..., World]) -> None:
    """Sybil: three names train on the whole data of one hospital, each with its own batches."""
    whole = learned(site(4))
    one = sybils(make_world, [whole], cosine=0.95)
    jitter = 0.15 * float(np.std(whole[: LAYOUT.lanes])) / state.UNITS
    three = sybils(make_world, [whole + noise(jitter, seed) for seed in range(3)], cosine=0.95)
    assert three == pytest.approx(one, rel=0.1)


def test_sybil_split_of_one_data_set(make_world: Callable[..., World]) -> None:
    """Sybil split: three names, each with a third of one hospital's examples.

    The updates of the thirds are far more alike (cosine 0.88) than those of hospitals (0.4). A
    card with a limit between the two groups them into one player, and splitting earns nothing. A
    card with a higher limit does not detect it, and splitting pays: then only admission by the
    council and the stake of every name prevent it.
    """
    inputs, answers = site(4).train
    thirds = [learned(Site((inputs[i::3], answers[i::3]), site(4).held_out)) for i in range(3)]
    one = sybils(make_world, [learned(site(4))], cosine=0.8)
    assert sybils(make_world, thirds, cosine=0.8) == pytest.approx(one, rel=0.1)
    assert sybils(make_world, thirds, cosine=0.95) > 1.5 * one


# -- harm ----------------------------------------------------------------------------------------


def test_sign_flip(world: World, hand: ByHand) -> None:
    """Sign flip: the negative of what was learned."""
    attack(hand, -hand.delta(ATTACKER))
    assert world.scores(1)[ATTACKER] < 0
    assert_kept_out(world, hand)


def test_scaled_poison_beyond_the_norm_limit(world: World, hand: ByHand) -> None:
    """Scaled poison: the negative times twenty, to outweigh all others."""
    attack(hand, -20 * hand.delta(ATTACKER))
    assert "norm" in codes(hand) and world.scores(1)[ATTACKER] == INVALID
    assert_kept_out(world, hand)


def test_scaled_poison_at_the_norm_limit(world: World, hand: ByHand) -> None:
    """Scaled poison just below the limit: it passes all checks, but its score is negative."""
    honest = hand.delta(ATTACKER)
    norm = float(np.linalg.norm(honest)) / state.UNITS
    attack(hand, -honest * 0.99 * world.card.limits.norm / norm)
    assert codes(hand) == set() and world.scores(1)[ATTACKER] < 0
    assert_kept_out(world, hand)


def test_largest_numbers_of_the_format(world: World, hand: ByHand) -> None:
    """Every lane at its maximum: nothing overflows, and the update is rejected."""
    lanes = np.zeros(LAYOUT.padded, np.int8)
    lanes[: LAYOUT.lanes] = 127
    attack(hand, Encoded(8, np.full(LAYOUT.blocks, 24, np.uint8), lanes))
    assert "norm" in codes(hand)
    assert_kept_out(world, hand)


def test_poison_cannot_pass_as_a_copy_of_an_honest_update(world: World, hand: ByHand) -> None:
    """A harmful update that is built to resemble node 1's, to drag it down into one group.

    An update whose cosine reaches the card's limit helps about as much as the one it resembles: at
    0.95 it cannot do harm. Below the limit it is scored alone and loses.
    """
    honest = hand.delta(1)
    against = -hand.delta(2)  # undoes another's work
    against -= honest * (against @ honest) / (honest @ honest)
    against *= np.linalg.norm(honest) / np.linalg.norm(against)
    attack(hand, honest + 0.6 * against)  # cosine 0.86
    scores = world.scores(1)
    assert "near-duplicate" not in codes(hand)
    assert scores[ATTACKER] < 0.8 * scores[1]
    assert world.weights(1)[1] > 0


# -- lies ----------------------------------------------------------------------------------------


def test_liar_about_the_sample_count(make_world: Callable[..., World]) -> None:
    """False sample count: claiming a million examples changes neither weight nor pay."""
    outcomes = []
    for claimed in (60, 10**6):
        world = make_world()
        hand = ByHand(world)
        hand.open()
        honest = hand.delta(ATTACKER)
        hand.submit(ATTACKER, hand.forge(ATTACKER, honest, samples=claimed))
        hand.commit()
        hand.settle_all()
        outcomes.append((world.weights(1), world.pays(1), world.federation.state_root()))
    assert outcomes[0] == outcomes[1]
