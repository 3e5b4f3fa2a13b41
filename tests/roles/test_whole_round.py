"""Honest nodes take a round from its opening to its end, and everything adds up."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.support.by_hand import ByHand
from tests.support.world import LAYOUT, World, site

from collegium.protocol import state
from collegium.protocol.container import decode_update
from collegium.protocol.rules.merging import MEAN, merge
from collegium.protocol.rules.shares import EQUAL


@pytest.fixture
def final(played: Callable[..., ByHand]) -> ByHand:
    return played("finish")


def test_a_round_ends_on_the_exact_merge(final: ByHand) -> None:
    hand, world = final, final.world
    updates = [
        decode_update(hand.nodes[n].home.journal(1).read("update.safetensors"), LAYOUT).encoded
        for n in world.homes
    ]
    weights = world.weights(1)
    expected = merge(
        MEAN,
        hand.base,
        [(weights[n], u) for n, u in zip(world.homes, updates, strict=True)],
    )
    assert world.view().phase == "Final"
    assert world.federation.state_root() == state.root(expected) == state.root(hand.merged)


def test_the_model_becomes_better_for_every_hospital(final: ByHand) -> None:
    before, after = state.to_float(final.base), state.to_float(final.merged)
    assert all(site(n).loss(after) < 0.6 * site(n).loss(before) for n in final.nodes)


def test_all_is_paid_and_money_is_conserved(final: ByHand) -> None:
    hand, world = final, final.world
    pays, fees = world.pays(1), world.fees(1)
    assert all(pay > 0 for pay in pays.values()) and all(fee > 0 for fee in fees.values())
    assert 0 <= 950_000 - sum(pays.values()) - sum(fees.values()) < 10  # rounded down
    for number in world.homes:
        due = world.federation.due(number)
        bonus = 50_000 if number == hand.view.aggregator else 0
        assert due == pays[number] + fees.get(number, 0) + bonus
        world.federation.claim(number)
        assert world.federation.balance(hand.nodes[number].keys.account.address) == due
    books = world.federation.escrow()
    assert books.conserved and books.reserved == 0 and books.earned == books.claimed


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_any_code_width_learns(make_world: Callable[..., World], bits: int) -> None:
    world = make_world(nodes=3, settings={"bits": bits})
    hand = ByHand(world).play()
    sizes = [made.size for made in hand.made.values()]
    assert all(size < LAYOUT.padded * bits // 8 + 1_000 for size in sizes)
    loss = np.mean([site(n).loss(state.to_float(hand.merged)) for n in world.homes])
    assert loss < 0.75 * np.mean([site(n).loss(state.to_float(hand.base)) for n in world.homes])


def test_rounds_build_on_each_other(played: Callable[..., ByHand]) -> None:
    first = played("finish", nodes=3, weight_rule=EQUAL)
    world = first.world
    second = ByHand(world, first.merged).play()
    assert world.view().id == 2 and world.view().base == state.root(first.merged)
    losses = [site(1).loss(state.to_float(s)) for s in (first.base, second.base, second.merged)]
    assert losses == sorted(losses, reverse=True)
