"""The table of tasks: kinds by name, loaded when asked for, and cards that fit their kind."""

import subprocess
import sys
from dataclasses import replace

import pytest
from tests.support.terms import LIMITS, terms

from collegium.errors import BadCard
from collegium.protocol.card import TaskCard
from collegium.tasks import registry

CARD = TaskCard(
    name="Test",
    task="xray-dialogue",
    layout="11" * 32,
    base_model="22" * 32,
    challenge="33" * 32,
    genesis="44" * 32,
    metric="answer accuracy",
    recipe={"rank": 4},
    limits=LIMITS,
    terms=terms(),
)


def test_an_unknown_task_is_refused() -> None:
    with pytest.raises(BadCard, match="xray-dialogue"):
        registry.task_kind("poetry")


@pytest.mark.parametrize("name", registry.KINDS)
def test_every_kind_is_what_the_table_says(name: str) -> None:
    kind = registry.task_kind(name)
    assert kind.name == name and kind.metric.better in ("higher", "lower")
    assert kind.recipe({}).to_json() == kind.recipe_for(None).to_json()


def test_a_card_gives_its_kind_and_recipe() -> None:
    kind, recipe = registry.agreed(CARD)
    assert kind.name == CARD.task and recipe.to_json()["rank"] == 4


def test_a_card_s_metric_is_that_of_its_task() -> None:
    with pytest.raises(BadCard, match="answer accuracy"):
        registry.agreed(replace(CARD, metric="exact match"))


def test_reading_data_loads_no_model_library() -> None:
    code = (
        "import sys; from collegium.tasks.registry import task_kind; "
        "task_kind('xray-dialogue').recipe_for(None); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "transformers", "peft", "tokenizers"} & set(done.stdout.split())


def test_the_table_loads_no_kind() -> None:
    code = "import sys, collegium.tasks.registry; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not any(name.startswith("collegium.tasks.xray") for name in done.stdout.split())
