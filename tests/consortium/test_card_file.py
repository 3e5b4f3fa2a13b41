"""A card in TOML says what is agreed; what it leaves out is as usual."""

from pathlib import Path

import pytest

from collegium.consortium.card_file import CardFile
from collegium.errors import BadCard
from collegium.protocol.card import Scoring
from collegium.protocol.rules.merging import MEAN, Trimmed
from collegium.protocol.rules.shares import EQUAL, SCORE
from collegium_incentives import NAMES

CARD = """
name = "Chest X-ray"
challenge = "challenge"

[limits]
norm = 10.0
cosine = 0.98

[terms]
reward = "100"
stake = "50"
challenge_window = 600
"""


def read(tmp_path: Path, more: str = "") -> CardFile:
    path = tmp_path / "card.toml"
    path.write_text(CARD + more)
    return CardFile.read(path)


def test_what_a_card_leaves_out_is_as_usual(tmp_path: Path) -> None:
    terms = read(tmp_path).terms
    assert terms.dispute_window == 60
    assert terms.unbonding == 2 * (4 * 3_600 + 600 + 60)
    assert (terms.unrevealed_penalty, terms.invalid_penalty) == (1_000, 1_000)
    assert (terms.merge_penalty, terms.attestation_penalty) == (10_000, 5_000)
    assert terms.equivocation_penalty == 10_000


def test_what_it_names_is_agreed(tmp_path: Path) -> None:
    more = "dispute_window = 300\nunbonding = 100000\nmerge_penalty = 2500\ninvalid_penalty = 0\n"
    terms = read(tmp_path, more).terms
    assert (terms.dispute_window, terms.unbonding) == (300, 100_000)
    assert (terms.merge_penalty, terms.invalid_penalty) == (2_500, 0)
    assert terms.bond == terms.stake // 4


@pytest.mark.parametrize(
    "line", ["dispute_window = 601", "unbonding = 15000", "merge_penalty = 10001", "penalty = 1"]
)
def test_terms_that_the_contract_would_refuse_are_refused_here(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadCard, match="CG503"):
        read(tmp_path, line + "\n")


def test_a_card_names_an_estimator_or_takes_the_usual_one(tmp_path: Path) -> None:
    assert read(tmp_path).scoring == Scoring("auto", 0)
    more = '[scoring]\nestimator = "mean-field"\nsamples = 3\n'
    assert read(tmp_path, more).scoring == Scoring("mean-field", 3)


def test_an_unknown_estimator_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(BadCard, match="CG503") as refused:
        read(tmp_path, '[scoring]\nestimator = "shapely"\n')
    assert all(name in str(refused.value) for name in NAMES)
    with pytest.raises(BadCard, match="estimator, samples"):
        read(tmp_path, "[scoring]\nsample = 3\n")


def test_money_and_rules_are_as_usual(tmp_path: Path) -> None:
    terms = read(tmp_path).terms
    assert (terms.min_score, terms.weight_rule, terms.pay_rule) == (250, EQUAL, SCORE)
    assert terms.merging == MEAN


def test_rules_are_chosen_by_name(tmp_path: Path) -> None:
    more = 'min_score = -7\nweight_rule = "score"\npay_rule = "score"\nmerge_rule = "mean"\n'
    terms = read(tmp_path, more).terms
    assert (terms.min_score, terms.weight_rule, terms.pay_rule) == (-7, SCORE, SCORE)
    assert read(tmp_path, 'pay_rule = "equal"\n').terms.pay_rule == EQUAL
    assert terms.merging == MEAN


def test_the_trimmed_mean_says_how_much_it_leaves_out(tmp_path: Path) -> None:
    assert read(tmp_path, 'merge_rule = "trimmed"\ntrim = 2\n').terms.merging == Trimmed(2)


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ('merge_rule = "median"', "mean, trimmed"),
        ("merge_rule = 0", "mean, trimmed"),
        ("trim = 1", "left out with merge_rule 'mean'"),
        ('merge_rule = "trimmed"', "terms.trim to be an integer from 1 to 127"),
        ('merge_rule = "trimmed"\ntrim = 0', "an integer from 1 to 127"),
        ('merge_rule = "trimmed"\ntrim = 128', "an integer from 1 to 127"),
        ('merge_rule = "trimmed"\ntrim = "1"', "an integer from 1 to 127"),
        ('pay_rule = "fair"', "equal, score"),
        ('weight_rule = "samples"', "equal, score"),
        ("weight_rule = 1", "equal, score"),
        ('min_score = "0"', "integer"),
    ],
)
def test_an_unknown_rule_is_refused_with_those_there_are(
    tmp_path: Path, line: str, known: str
) -> None:
    with pytest.raises(BadCard, match="CG503") as caught:
        read(tmp_path, line + "\n")
    assert known in caught.value.expected


def test_money_is_not_part_of_the_recipe(tmp_path: Path) -> None:
    with pytest.raises(BadCard, match="min_score"):
        read(tmp_path, "[recipe]\nmin_score = 0\n")
