"""The recipe on a task card: plain JSON, bounded, nothing unknown."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadCard
from collegium.tasks.xray.recipe import Recipe


def test_a_recipe_survives_json():
    recipe = Recipe(rank=4, learning_rate=1e-3)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    assert Recipe.from_json({}) == Recipe()


@pytest.mark.parametrize(
    "change",
    [
        {"rank": 0},
        {"rank": 8.0},
        {"rank": True},
        {"rank": None},
        {"learning_rate": 0},
        {"learning_rate": float("nan")},
        {"learning_rate": "1e-3"},
        {"decay": 1.5},
        {"balance": -0.1},
        {"held_out": 1.0},
        {"min_score": 0},  # money is in the terms
        {"weight_rule": "equal"},
        {"base": ""},
        {"targets": 3},
        {"warmup": 40, "local_steps": 40},
        {"unknown": 1},
        {"min_score": 250},  # money is in the terms
    ],
)
def test_what_is_out_of_range_is_refused(change):
    with pytest.raises(BadCard):
        Recipe.from_json({**Recipe().to_json(), **change})


@given(st.none() | st.integers() | st.text() | st.lists(st.integers()))
def test_only_an_object_is_a_recipe(document):
    with pytest.raises(BadCard):
        Recipe.from_json(document)
