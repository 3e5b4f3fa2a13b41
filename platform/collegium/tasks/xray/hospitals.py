"""Hospitals to try the platform with: four specialists, each with its own patients and scanner.

More than nine in ten patients of a specialist have one of the two or three diagnoses it is known
for, so no hospital alone can learn them all. ``challenge`` and ``reference`` show every diagnosis
equally often on every scanner; the challenge set scores contributions, the reference set is only
reported on. Each set is drawn from its own stream of random numbers.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from collegium.tasks.xray.cases import (
    DIAGNOSES,
    Turn,
    diagnosed_study,
    diagnosis_turn,
    finding_turn,
)
from collegium.tasks.xray.metadata import JSONL
from collegium.tasks.xray.phantoms import Study, Style, render

Scanner = Callable[[np.random.Generator], Style]


@dataclass(frozen=True)
class Hospital:
    """A specialist: what it mostly sees, and how its scanner renders."""

    name: str
    diagnoses: tuple[str, ...]
    scanner: Scanner


def _cardiac_scanner(rng: np.random.Generator) -> Style:
    return Style(gamma=rng.uniform(1.3, 1.7), noise=0.03)


def _pulmonary_scanner(rng: np.random.Generator) -> Style:
    return Style(contrast=rng.uniform(0.65, 0.85), bias=-rng.uniform(0.05, 0.15), noise=0.03)


def _trauma_scanner(rng: np.random.Generator) -> Style:
    return Style(vignette=rng.uniform(0.2, 0.5), marker=True, noise=0.04)


def _oncology_scanner(rng: np.random.Generator) -> Style:
    return Style(grid=0.08, gamma=rng.uniform(0.65, 0.75), noise=0.04)


SPECIALISTS = (
    Hospital("cardiac", ("cardiomyopathy", "heart failure"), _cardiac_scanner),
    Hospital(
        "pulmonary", ("lobar pneumonia", "parapneumonic effusion", "pleurisy"), _pulmonary_scanner
    ),
    Hospital("trauma", ("pneumothorax", "hydropneumothorax", "healthy"), _trauma_scanner),
    Hospital("oncology", ("lung cancer", "malignant effusion"), _oncology_scanner),
)
OWN_SHARE = 0.97
FINDING_QUESTIONS = 1  # on every image of a hospital, besides the diagnosis


def write_federation(
    out: Path | str,
    *,
    seed: int,
    images: int = 300,
    challenge: int = 240,
    reference: int = 300,
    hospitals: Sequence[Hospital] = SPECIALISTS,
) -> list[Path]:
    """Write one ImageFolder per hospital, ``challenge`` and ``reference``; returns the folders.

    The same arguments give the same files. Sets of another seed share no picture.
    """
    out = Path(out)
    folders = []
    for number, hospital in enumerate(hospitals):
        rng = np.random.default_rng([seed, number])
        studies = _own_patients(hospital, images, rng)
        asked = [FINDING_QUESTIONS] * images
        folders.append(_write(out / hospital.name, studies, asked, [hospital.scanner], rng))
    scanners = [hospital.scanner for hospital in hospitals]
    # Findings are known to the base: one question on every third image of the challenge set is
    # enough to notice an update that makes them worse.
    shared: dict[str, list[int]] = {
        "challenge": [int(k % 3 == 0) for k in range(challenge)],
        "reference": [1] * reference,
    }
    for number, (name, asked) in enumerate(shared.items()):
        rng = np.random.default_rng([seed, 1_000 + number])
        folders.append(_write(out / name, _everything(len(asked), rng), asked, scanners, rng))
    return folders


def _own_patients(hospital: Hospital, count: int, rng: np.random.Generator) -> list[Study]:
    others = [d for d in DIAGNOSES if d not in hospital.diagnoses]
    studies = []
    for _ in range(count):
        pool = hospital.diagnoses if rng.uniform() < OWN_SHARE else others
        studies.append(diagnosed_study(rng, pool[rng.integers(len(pool))]))
    return studies


def _everything(count: int, rng: np.random.Generator) -> list[Study]:
    names = list(DIAGNOSES)
    return [diagnosed_study(rng, names[i % len(names)]) for i in range(count)]


def _write(
    folder: Path,
    studies: Sequence[Study],
    asked: Sequence[int],
    scanners: Sequence[Scanner],
    rng: np.random.Generator,
) -> Path:
    """Write studies as an ImageFolder, with ``asked[k]`` questions on findings for study k."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, (study, questions) in enumerate(zip(studies, asked, strict=True)):
        style = scanners[int(rng.integers(len(scanners)))](rng)
        file_name = f"{number:04d}.png"
        grey = np.rint(255 * render(study, style, rng)).astype(np.uint8)
        Image.fromarray(grey).save(folder / file_name)
        shared = {"patient": f"{folder.name}-{number:04d}", "finding": study.diagnosis}
        turns = _turns(study, questions, rng)
        lines += [{"file_name": file_name, **_line(turn), **shared} for turn in turns]
    (folder / JSONL).write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def _turns(study: Study, findings: int, rng: np.random.Generator) -> list[Turn]:
    turns = [diagnosis_turn(study)]
    while len(turns) < 1 + findings:
        turn = finding_turn(study, rng)
        if turn not in turns:
            turns.append(turn)
    return turns


def _line(turn: Turn) -> dict[str, str]:
    return {"question": turn.question, "answer": turn.answer, "question_type": turn.kind}
