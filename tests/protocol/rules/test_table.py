"""Rules have numbers for contracts and names for people; the error for an unknown one names it."""

import pytest

from collegium.errors import BadCard
from collegium.protocol.rules.merging import MERGE_RULES, merge_rule
from collegium.protocol.rules.shares import EQUAL, PAY_RULES, SCORE, WEIGHT_RULES
from collegium.protocol.rules.table import named, numbered

TABLES = {"merge_rule": MERGE_RULES, "pay_rule": PAY_RULES, "weight_rule": WEIGHT_RULES}


@pytest.mark.parametrize("kind", TABLES)
def test_every_rule_is_found_by_its_number_and_its_name(kind):
    table = TABLES[kind]
    assert len({rule.id for rule in table}) == len({rule.name for rule in table}) == len(table)
    for rule in table:
        assert numbered(kind, table, rule.id) is named(kind, table, rule.name) is rule
        assert 0 <= rule.id < 256
        assert rule.sentence[0].isupper() and rule.sentence.endswith(".")


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("unknown", [255, -1, True, "0", None, 1.0])
def test_the_error_for_an_unknown_number_lists_the_known_ones(kind, unknown):
    with pytest.raises(BadCard, match=kind) as caught:
        numbered(kind, TABLES[kind], unknown)
    assert all(f"{rule.id} ({rule.name})" in caught.value.expected for rule in TABLES[kind])


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("unknown", ["median", "", 0, None])
def test_the_error_for_an_unknown_name_lists_the_known_ones(kind, unknown):
    with pytest.raises(BadCard, match=kind) as caught:
        named(kind, TABLES[kind], unknown)
    assert all(rule.name in caught.value.expected for rule in TABLES[kind])


def test_the_rules_of_weight():
    equal, score = (numbered("weight_rule", WEIGHT_RULES, each)() for each in (EQUAL, SCORE))
    accepted = [True, False, True, True]
    assert equal.weights([30, 0, 10, 0], accepted) == [1, 0, 1, 1]
    assert score.weights([30, 0, 10, 0], accepted) == [49151, 0, 16383, 0]
    assert score.weights([0, 0, 0, 0], accepted) == [1, 0, 1, 1]


def test_pay_by_score_is_in_proportion_to_it():
    assert numbered("pay_rule", PAY_RULES, SCORE)().shares([30, 0, 10]) == [30, 0, 10]


def test_equal_pay_goes_to_all_updates_with_a_positive_score():
    assert numbered("pay_rule", PAY_RULES, EQUAL)().shares([30, 0, 10]) == [1, 0, 1]


def test_the_mean_takes_no_parameter():
    rule = merge_rule(0, 0)
    assert (rule.name, rule.bounds, rule.linear) == ("mean", (0, 0), True)
