"""What an evaluation says beside the share of right answers, and who may be talked to."""

from pathlib import Path

import numpy as np
import pytest
from tests.support.regression.kind import KIND as REGRESSION

from collegium.errors import ModelMismatch
from collegium.tasks.xray.data import Dataset, Example
from collegium.tasks.xray.kind import KIND
from collegium.tasks.xray.metric import AUC
from collegium.tasks.xray.models import as_dialogue
from collegium.tasks.xray.pictures import Picture
from collegium.tasks.xray.scoring import quality


def dataset(patients: list[int], answers: list[str]) -> Dataset:
    """One question for each entry, on pictures that nobody looks at."""
    examples = tuple(
        Example(f"{k}.png", "Is there pneumonia?", answer, "finding", f"p{patient}")
        for k, (patient, answer) in enumerate(zip(patients, answers, strict=True))
    )
    return Dataset("site", examples, {e.image: Picture(Path(), e.image, 0, 0) for e in examples})


def width(interval: tuple[float, float] | None) -> float:
    assert interval is not None
    return interval[1] - interval[0]


def test_the_interval_of_independent_answers_is_the_binomial_one() -> None:
    right = [k % 4 != 0 for k in range(400)]
    found = quality(dataset(list(range(400)), ["left"] * 400), right, {})
    assert found.value == 0.75 and found.rows == 400
    assert width(found.interval) == pytest.approx(2 * 1.96 * np.sqrt(0.75 * 0.25 / 399))


def test_answers_on_one_patient_are_not_independent() -> None:
    """Each answer given twice says no more than once: the interval is as wide."""
    right = [k % 4 != 0 for k in range(400)]
    once = quality(dataset(list(range(400)), ["left"] * 400), right, {})
    twice = quality(dataset(2 * list(range(400)), ["left"] * 800), right + right, {})
    assert width(twice.interval) == pytest.approx(width(once.interval))


def test_one_patient_gives_no_interval() -> None:
    assert quality(dataset([1, 1], ["left", "right"]), [True, False], {}).interval is None


def test_yes_no_questions_give_an_area_if_there_are_both() -> None:
    both = dataset([1, 2, 3], ["yes", "no", "left"])
    assert quality(both, [True] * 3, {0: 0.9, 1: 0.2}).parts == {"finding": 1.0, AUC: 1.0}
    assert AUC not in quality(dataset([1, 2], ["yes", "yes"]), [True] * 2, {0: 0.9, 1: 0.2}).parts


def test_a_model_of_another_kind_is_not_asked() -> None:
    with pytest.raises(ModelMismatch, match="regression"):
        as_dialogue(REGRESSION.load(REGRESSION.recipe({})))


def test_more_hospitals_than_specialists_are_like_them(tmp_path: Path) -> None:
    drawn = KIND.draw(tmp_path, seed=3, hospitals=5)
    assert list(drawn.hospitals) == ["cardiac", "pulmonary", "trauma", "oncology", "cardiac-2"]
    sets = [*drawn.hospitals.values(), drawn.challenge, drawn.reference]
    assert len({KIND.read(folder).digest for folder in sets}) == 7
