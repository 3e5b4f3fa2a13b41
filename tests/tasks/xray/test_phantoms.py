"""Phantoms: repeatable, and each finding visible where it is said to be."""

import numpy as np
import pytest
from PIL import Image

from collegium.tasks.xray import cases
from collegium.tasks.xray.folder import read_folder
from collegium.tasks.xray.hospitals import SPECIALISTS, write_federation
from collegium.tasks.xray.phantoms import FINDINGS, SIZE, Study, Style, render


def drawn(study: Study, seed: int = 1, style: Style | None = None) -> np.ndarray:
    return render(study, style or Style(noise=0.0), np.random.default_rng(seed))


def test_a_picture_is_its_seed():
    study = Study({"effusion": "left"})
    assert drawn(study).tobytes() == drawn(study).tobytes()
    assert drawn(study).tobytes() != drawn(study, seed=2).tobytes()
    assert drawn(study).shape == (SIZE, SIZE) and drawn(study).dtype == np.float32


@pytest.mark.parametrize("finding", [f for f in FINDINGS if f != "cardiomegaly"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_finding_changes_its_side_of_the_image(finding, side):
    change = np.abs(drawn(Study({finding: side})) - drawn(Study()))
    halves = {"right": change[:, : SIZE // 2].sum(), "left": change[:, SIZE // 2 :].sum()}
    assert halves[side] > 4 * halves[{"left": "right", "right": "left"}[side]]


def test_an_enlarged_heart_is_wider():
    usual = np.mean([drawn(Study(), seed) for seed in range(20)], 0)
    large = np.mean([drawn(Study({"cardiomegaly": "left"}), seed) for seed in range(20)], 0)
    assert (large - usual)[36:48, 40:52].mean() > 0.05


@pytest.mark.parametrize(
    "style",
    [
        Style(gamma=1.6),
        Style(contrast=0.6),
        Style(vignette=0.4),
        Style(grid=0.15),
        Style(blur=1),
        Style(bias=-0.2),
        Style(marker=True),
        Style(detail=28),
        Style(zoom=1.1),
        Style(noise=0.1),
    ],
)
def test_every_style_shows_and_stays_in_range(style):
    image = render(Study(), style, np.random.default_rng(1))
    assert image.min() >= 0 and image.max() <= 1
    assert np.abs(image - render(Study(), Style(), np.random.default_rng(1))).mean() > 0.003


@pytest.mark.parametrize("name", cases.DIAGNOSES)
def test_a_diagnosis_has_its_findings_and_its_side(name):
    study = cases.diagnosed_study(np.random.default_rng(3), name)
    assert tuple(study.findings) == cases.DIAGNOSES[name][0]
    sided = cases.DIAGNOSES[name][1]
    answer = cases.diagnosis_turn(study).answer
    assert answer == (f"{study.findings[sided]} {name}" if sided else name)


def test_air_and_fluid_share_a_side():
    for seed in range(10):
        sides = cases.diagnosed_study(np.random.default_rng(seed), "hydropneumothorax").findings
        assert sides["pneumothorax"] == sides["effusion"]


def test_answers_say_what_is_there():
    study = Study({"effusion": "left"})
    assert cases.presence_turn(study, "effusion").answer == "yes"
    assert cases.presence_turn(study, "nodule").answer == "no"
    assert cases.side_turn(study, "effusion").answer == "left side"
    assert cases.side_turn(study, "nodule").answer == "not present"
    assert "left pleural effusion" in cases.report_turn(study).answer
    with pytest.raises(ValueError, match="no diagnosis"):
        cases.diagnosis_turn(study)


def test_the_base_is_never_asked_for_a_diagnosis_on_a_picture():
    rng = np.random.default_rng(0)
    study = cases.diagnosed_study(rng, "pleurisy")
    turns = [cases.picture_turn(study, rng) for _ in range(400)]
    assert {turn.kind for turn in turns} == {"finding", "report"}
    assert not any("pleurisy" in turn.answer for turn in turns)


def test_a_federation_is_its_seed(phantoms, tmp_path):
    write_federation(tmp_path / "again", seed=501, images=24, challenge=20, reference=20)
    write_federation(tmp_path / "other", seed=502, images=24, challenge=20, reference=20)
    for name in [h.name for h in SPECIALISTS] + ["challenge", "reference"]:
        assert read_folder(phantoms / name).digest == read_folder(tmp_path / "again" / name).digest
        assert read_folder(phantoms / name).digest != read_folder(tmp_path / "other" / name).digest


def test_no_set_shares_a_picture_with_another(federation):
    sets = [*federation.sites.values(), federation.challenge, federation.reference]
    pictures = [image.pixels().tobytes() for part in sets for image in part.images.values()]
    assert len(pictures) == len(set(pictures))


def test_specialists_mostly_see_their_own(federation):
    for hospital in SPECIALISTS:
        asked = [e for e in federation.sites[hospital.name].examples if e.kind == "diagnosis"]
        own = [e for e in asked if any(e.answer.endswith(d) for d in hospital.diagnoses)]
        assert len(asked) == 24 and len(own) >= 18


def test_pictures_are_plain_grey_files(phantoms):
    with Image.open(phantoms / "trauma" / "0000.png") as image:
        assert image.mode == "L" and image.size == (SIZE, SIZE)
