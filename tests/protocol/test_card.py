"""Task card and terms: complete, in range and hashed."""

from dataclasses import replace

import pytest

from collegium.errors import BadCard, NotCanonical
from collegium.protocol.card import Limits, Scoring, TaskCard
from collegium.protocol.rules.merging import Trimmed
from collegium.protocol.rules.shares import EQUAL
from collegium.protocol.terms import Terms


def test_a_card_survives_its_document(card):
    assert TaskCard.decode(card.encode()) == card
    assert TaskCard.decode(card.encode()).digest == card.digest


def test_every_part_changes_the_digest(card):
    others = [
        replace(card, name="Five hospitals"),
        replace(card, layout="ab" * 32),
        replace(card, challenge="ab" * 32),
        replace(card, genesis="ab" * 32),
        replace(card, metric="auc"),
        replace(card, recipe=card.recipe | {"lr": 0.005}),
        replace(card, limits=replace(card.limits, epsilon=8.0)),
        replace(card, terms=replace(card.terms, min_score=0)),
        replace(card, scoring=Scoring("exact")),
        replace(card, scoring=Scoring("mean-field", 3)),
        replace(card, version=2),
    ]
    assert len({card.digest, *(other.digest for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"task": 5},
        {"layout": "0x" + "ab" * 32},
        {"recipe": ["steps"]},
        {"version": 0},
    ],
)
def test_card_fields_out_of_range_are_refused(card, changes):
    with pytest.raises(BadCard):
        replace(card, **changes)


def test_a_recipe_without_json_form_has_no_digest(card):
    with pytest.raises(NotCanonical):
        _ = replace(card, recipe={"lr": float("nan")}).digest


def test_cards_of_another_form_are_refused(card):
    for document in (
        card.to_json() | {"format": "collegium-card/9"},
        card.to_json() | {"scoring": {"estimator": "exact"}},
        card.to_json() | {"scoring": {"estimator": "guess", "samples": 0}},
        card.to_json() | {"extra": 1},
        card.to_json() | {"terms": {}},
        card.to_json() | {"limits": {"norm": 1}},
        [],
    ):
        with pytest.raises(BadCard):
            TaskCard.from_json(document)


def test_a_card_of_the_first_form_is_refused_by_its_form(card):
    """It has no scoring section; the error names the form and not a missing field."""
    document = card.to_json() | {"format": "collegium-card/1"}
    del document["scoring"]
    with pytest.raises(BadCard) as refused:
        TaskCard.from_json(document)
    assert "'format'" in refused.value.expected and "collegium-card/2" in refused.value.expected
    assert "collegium-card/1" in refused.value.found


@pytest.mark.parametrize(
    ("estimator", "samples"),
    [
        ("auto", 1),
        ("exact", 1),
        ("mean-field", 17),
        ("sampled", 4097),
        ("sampled", -1),
        ("mean-field", 2.0),
        ("", 0),
        (None, 0),
    ],
)
def test_scoring_out_of_range_is_refused(estimator, samples):
    with pytest.raises(BadCard):
        Scoring(estimator, samples)


@pytest.mark.parametrize(
    "limits", [{"norm": -1}, {"norm": float("inf")}, {"cosine": 1.1}, {"epsilon": -0.1}]
)
def test_limits_out_of_range_are_refused(limits):
    with pytest.raises(BadCard):
        replace(Limits(1.0, 0.9, 8.0), **limits)


@pytest.mark.parametrize(
    "changes",
    [
        {"reward": -1},
        {"reward": 2**96},
        {"stake": 1.0},
        {"node_share": 8501},
        {"node_share": 10_001, "validator_share": -501},
        {"committee": 0},
        {"committee": 16},
        {"min_updates": 0},
        {"min_updates": 257},
        {"min_score": -(2**31)},  # INVALID must never be accepted
        {"weight_rule": 2},
        {"weight_rule": True},
        {"pay_rule": 2},
        {"pay_rule": True},
        {"merge_rule": 2},
        {"merge_rule": "mean"},
        {"merge_parameter": 1},  # the mean takes no parameter
        {"merge_parameter": False},
        {"commit_window": 0},
        {"challenge_window": 2**32},
        {"dispute_window": 0},
        {"dispute_window": 501},
        {"unbonding": 1550},
        {"unbonding": 2**32},
        {"merge_penalty": 10_001},
        {"invalid_penalty": -1},
        {"attestation_penalty": True},
    ],
)
def test_terms_out_of_the_contracts_range_are_refused(terms, changes):
    with pytest.raises(BadCard):
        replace(terms, **changes)


def test_token_units_beyond_double_precision_survive(terms):
    rich = replace(terms, reward=2**96 - 1, stake=10**18 + 1, weight_rule=EQUAL)
    assert rich.to_json()["reward"] == str(2**96 - 1)
    assert Terms.from_json(rich.to_json()) == rich


@pytest.mark.parametrize("amount", [1, "-1", "1.5", "１", "", "9" * 40, None])
def test_amounts_are_plain_decimal_strings(terms, amount):
    with pytest.raises(BadCard):
        Terms.from_json(terms.to_json() | {"reward": amount})


@pytest.mark.parametrize(
    ("committee", "quorum"), [(1, 1), (2, 2), (3, 2), (4, 3), (7, 5), (15, 10)]
)
def test_quorum_is_two_thirds_rounded_up(terms, committee, quorum):
    assert replace(terms, committee=committee).quorum == quorum


def test_terms_survive_their_struct(terms):
    assert Terms.from_struct(terms.to_struct(b"c" * 32, b"g" * 32)) == terms


def test_the_struct_has_the_contracts_names(terms):
    struct = terms.to_struct(b"c" * 32, b"g" * 32)
    assert list(struct)[:5] == ["card", "genesis", "reward", "stake", "nodeShare"]
    assert list(struct)[18:21] == ["challengeWindow", "disputeWindow", "unbonding"]
    assert list(struct)[-1] == "equivocationPenalty"
    assert struct["minScore"] == -100 and len(struct) == 26


def test_terms_have_the_usual_defaults(terms):
    assert terms.dispute_window == 50 and terms.unbonding == 2 * 1550
    assert terms.bond == terms.stake and terms.attestation_penalty == 5_000
    agreed = {**terms.to_json(), "reward": 1, "stake": 1001, "merge_penalty": 500}
    assert Terms.usual(**agreed) == replace(terms, reward=1, stake=1001, merge_penalty=500)
    assert Terms.usual(**agreed).bond == 50
    for window in (0, None, "500", 2**32):
        with pytest.raises(BadCard):
            Terms.usual(**agreed | {"challenge_window": window})
    quick = {"challenge_window": 1}
    for name in ("dispute_window", "unbonding"):
        del agreed[name]
    assert Terms.usual(**agreed | quick).dispute_window == 1
    with pytest.raises(BadCard):
        Terms.usual(**agreed | {"score_window": "an hour"})


def test_an_estimator_that_asks_for_parts_needs_a_rule_that_knows_parts(card):
    trimmed = replace(card.terms, merge_rule=Trimmed.id, merge_parameter=1)
    with pytest.raises(BadCard, match="no meaning for part of an update"):
        replace(card, terms=trimmed, scoring=Scoring("mean-field"))
    for name in ("auto", "exact", "sampled"):
        assert replace(card, terms=trimmed, scoring=Scoring(name)).scoring.estimator == name
    assert replace(card, scoring=Scoring("mean-field")).terms.merging.linear
