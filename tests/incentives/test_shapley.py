"""Shapley values: the axioms, an independent computation, and the cost promised."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium_incentives import MAX_PLAYERS, TooManyPlayers
from collegium_incentives import exact as exact_of_amounts


@st.composite
def games(draw, most=5):
    """Players and a table of utilities by coalition; the empty one is worth anything."""
    players = draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return players, rng.normal(scale=draw(st.sampled_from([1e-3, 1.0, 1e3])), size=1 << players)


def exact(utility, players):
    """The value of a game whose utility is given by bitmask."""
    return exact_of_amounts(lambda amounts: utility(mask_of(amounts)), players)


def mask_of(amounts):
    assert set(amounts) <= {0, 1}
    return sum(1 << i for i, amount in enumerate(amounts) if amount)


def by_orders_of_arrival(table, players):
    """The definition: the mean gain over all orders in which players can arrive."""
    values, orders = np.zeros(players), list(permutations(range(players)))
    for order in orders:
        mask = 0
        for player in order:
            values[player] += table[mask | 1 << player] - table[mask]
            mask |= 1 << player
    return values / len(orders)


def value(game):
    players, table = game
    return exact(lambda mask: table[mask], players)


@given(games())
def test_the_value_is_the_mean_gain_over_all_orders(game):
    players, table = game
    assert np.allclose(value(game), by_orders_of_arrival(table, players))


@given(games(most=7))
def test_efficiency(game):
    _, table = game
    assert np.isclose(value(game).sum(), table[-1] - table[0])


@given(games(), st.data())
def test_symmetry(game, data):
    """Renaming players renames their values; so players who are alike get the same."""
    players, table = game
    order = data.draw(st.permutations(range(players)))

    def renamed(mask):
        return table[sum(1 << order[i] for i in range(players) if mask >> i & 1)]

    assert np.allclose(exact(renamed, players), value(game)[list(order)])


@given(games(), st.integers(0, 5))
def test_a_player_who_changes_nothing_is_worth_exactly_nothing(game, place):
    players, table = game
    place %= players + 1

    def without(mask):
        low = mask & ((1 << place) - 1)
        return table[low | mask >> place + 1 << place]

    values = exact(without, players + 1)
    assert values[place] == 0.0
    assert np.allclose(np.delete(values, place), value(game))


@given(games(), games(), st.floats(-3, 3))
def test_linearity(game, other, factor):
    players = min(game[0], other[0])
    one, two = game[1][: 1 << players], other[1][: 1 << players]
    joint = exact(lambda mask: one[mask] + factor * two[mask], players)
    assert np.allclose(joint, value((players, one)) + factor * value((players, two)))


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=8))
def test_in_an_additive_game_everybody_gets_what_they_bring(worths):
    def utility(mask):
        return sum(worth for i, worth in enumerate(worths) if mask >> i & 1)

    assert np.allclose(exact(utility, len(worths)), worths)


def test_substitutes_share():
    """Either of two copies is enough: leaving out one loses nothing, yet both were useful."""

    def utility(mask):
        return 1.0 if mask else 0.0

    assert list(exact(utility, 2)) == [0.5, 0.5]


@pytest.mark.parametrize("players", [0, 1, 4, 10])
def test_each_coalition_is_evaluated_once(players):
    asked = []
    exact(lambda mask: asked.append(mask) or float(mask % 7), players)
    assert asked == list(range(1 << players))


def test_more_players_are_refused_before_anything_is_evaluated():
    with pytest.raises(TooManyPlayers, match="at most 10"):
        exact(lambda mask: pytest.fail("evaluated"), MAX_PLAYERS + 1)


@given(games(most=6))
@settings(max_examples=10)
def test_shapiq_computes_the_same(game):
    shapiq = pytest.importorskip("shapiq")
    players, table = game

    def batch(coalitions):
        return table[np.asarray(coalitions, bool) @ (1 << np.arange(players))] - table[0]

    computer = shapiq.ExactComputer(game=batch, n_players=players)
    theirs = computer(index="SV", order=1)
    values = [theirs[(i,)] for i in range(players)]
    assert np.allclose(values, value(game), atol=1e-6 * np.abs(table).max())
