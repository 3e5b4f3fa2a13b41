"""Large rounds: with eleven updates and more, all are scored, paid, merged and audited.

Exact scores would take 2^12 evaluations a validator; the card's estimator takes 50.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from tests.support.by_hand import ByHand, contributions
from tests.support.world import LAYOUT, World, site

from collegium import evidence
from collegium.protocol import draw, state
from collegium.protocol.card import Scoring
from collegium.protocol.container import decode_update, encode_state
from collegium.protocol.rules.merging import Trimmed
from collegium.protocol.settlement import INVALID
from collegium.queries import from_audit
from collegium.roles import scoring, validator

NODES = 12
PLAYERS = 11
"""Two of the hospitals see the same so much that they are one player."""


@pytest.fixture
def final(played: Callable[..., ByHand]) -> ByHand:
    return played("finish", nodes=NODES)


def test_all_are_scored_paid_and_merged(final: ByHand) -> None:
    world = final.world
    assert world.view().phase == "Final"
    scores, pays, weights = world.scores(1), world.pays(1), world.weights(1)
    assert len(scores) == NODES and INVALID not in scores.values()
    assert all(score > 0 for score in scores.values())
    assert all(pay > 0 for pay in pays.values()) and all(weights.values())
    assert all(fee > 0 for fee in world.fees(1).values())
    assert world.federation.state_root() == state.root(final.merged) != state.root(final.base)


def test_the_scores_are_close_to_the_exact_ones(final: ByHand) -> None:
    """The first ten updates, by both; the game is a merge of regressions."""
    updates = {
        number: decode_update(
            final.nodes[number].home.journal(1).read("update.safetensors"), LAYOUT
        )
        for number in range(1, 11)
    }
    exact, estimated = (
        np.array(list(contributions(final.base, updates, site(12).loss, Scoring(name)).values()))
        for name in ("exact", "mean-field")
    )
    assert np.abs(exact - estimated).sum() < 0.01 * np.abs(exact).sum()


def test_the_audit_confirms_the_round(final: ByHand) -> None:
    world = final.world
    for envelope in final.envelopes.values():
        world.store.put(envelope)
    for one in (final.base, final.merged):
        world.store.put(encode_state(one))
    for document in ("card.json", "layout.json"):
        world.store.put((world.homes[1].path / document).read_bytes())
    source = evidence.from_chain(
        str(world.folder / "chain.sqlite"), world.federation.address, world.folder / "store"
    ).with_keys(*(home.path for home in world.homes.values()))
    head = world.chain.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    result = evidence.audit(source, anchor=head)
    assert result.ok and result.findings == ()
    shown = from_audit.rounds(result)[0]
    assert [u.accepted for u in shown.updates] == [True] * NODES
    assert shown.merge == "exact"


def asked_by(hand: ByHand, number: int) -> list[bytes]:
    """The states that a member evaluates, in order."""
    asked: list[bytes] = []

    def loss(vector: np.ndarray) -> float:
        asked.append(vector.tobytes())
        return site(number).loss(vector)

    validator.vote(hand.nodes[number], hand.view, hand.file, hand.envelopes, loss)
    return asked


def test_a_committee_asks_the_same_questions_in_the_same_order(
    played: Callable[..., ByHand],
) -> None:
    hand = played("deliver", nodes=NODES)
    asked = [asked_by(hand, number) for number in hand.view.committee]
    assert asked[0] == asked[1] == asked[2]
    assert len(asked[0]) == len(set(asked[0])) == 4 * PLAYERS + 2


def test_a_committee_shares_a_seed_that_the_draw_decides(
    played: Callable[..., ByHand], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = played("deliver", nodes=NODES)
    seeds: list[int] = []
    real = scoring.estimate

    def noted(*args: object, seed: int, **named: object) -> object:
        seeds.append(seed)
        return real(*args, seed=seed, **named)

    monkeypatch.setattr(scoring, "estimate", noted)
    for number in hand.view.committee:
        hand.score(number)
    view = hand.view
    assert seeds == [draw.scoring_seed(view.seed, view.id)] * 3
    assert seeds[0] != draw.scoring_seed(view.seed, view.id + 1)
    assert seeds[0] != draw.scoring_seed(bytes(32), view.id)


def test_sampled_coalitions_depend_on_the_seed_alone(played: Callable[..., ByHand]) -> None:
    """The estimator that draws: its questions are those of the seed, for every member."""
    hand = played("deliver", nodes=NODES)
    card = replace(hand.nodes[1].card, scoring=Scoring("sampled", 2))
    for number in hand.view.committee:
        hand.nodes[number] = replace(hand.nodes[number], card=card)
    asked = [asked_by(hand, number) for number in hand.view.committee]
    assert asked[0] == asked[1] == asked[2] and len(asked[0]) > 2 * PLAYERS


def test_a_card_that_names_exact_is_estimated_where_exact_is_too_much(
    played: Callable[..., ByHand],
) -> None:
    hand = played("deliver", nodes=NODES)
    number = hand.view.committee[0]
    card = replace(hand.nodes[number].card, scoring=Scoring("exact"))
    hand.nodes[number] = replace(hand.nodes[number], card=card)
    assert len(asked_by(hand, number)) == 4 * PLAYERS + 2


def test_six_updates_are_scored_exactly(make_world: Callable[..., World]) -> None:
    hand = ByHand(make_world(nodes=6)).play("deliver")
    assert len(asked_by(hand, hand.view.committee[0])) == 2**6


def test_a_rule_that_is_no_weighted_sum_is_scored_by_coalitions(
    make_world: Callable[..., World],
) -> None:
    """Above ten groups the shared seed draws them, the same for all members."""
    world = make_world(nodes=NODES, merge_rule=Trimmed.id, merge_parameter=1)
    hand = ByHand(world).play("deliver")
    asked = [asked_by(hand, number) for number in hand.view.committee]
    assert asked[0] == asked[1] == asked[2]
    assert 4 * PLAYERS + 2 < len(asked[0]) <= 2 * 16 * (PLAYERS + 1) + 2
    hand.play("finish", "vote")
    assert world.view().phase == "Final" and INVALID not in world.scores(1).values()
    assert world.federation.state_root() == state.root(hand.merged) != state.root(hand.base)


def test_a_rule_that_is_no_weighted_sum_is_exact_up_to_ten(
    make_world: Callable[..., World],
) -> None:
    world = make_world(nodes=6, merge_rule=Trimmed.id, merge_parameter=1)
    hand = ByHand(world).play("deliver")
    assert len(asked_by(hand, hand.view.committee[0])) == 2**6
