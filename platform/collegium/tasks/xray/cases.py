"""What is asked about a chest phantom and what the right answers are.

Findings are what a picture shows; a diagnosis is a name for a combination of findings. The base
model is taught the findings on pictures and the diagnoses as text alone (``knowledge``), never
together: naming the diagnosis of a picture is left to the hospitals to learn.
"""

from dataclasses import dataclass

import numpy as np

from collegium.tasks.xray.phantoms import FINDINGS, SIDES, Study

# diagnosis -> (findings, the finding whose side is part of the name, if any)
DIAGNOSES: dict[str, tuple[tuple[str, ...], str | None]] = {
    "healthy": ((), None),
    "cardiomyopathy": (("cardiomegaly",), None),
    "heart failure": (("cardiomegaly", "effusion"), None),
    "lobar pneumonia": (("pneumonia",), "pneumonia"),
    "parapneumonic effusion": (("pneumonia", "effusion"), None),
    "pleurisy": (("effusion",), "effusion"),
    "pneumothorax": (("pneumothorax",), "pneumothorax"),
    "hydropneumothorax": (("pneumothorax", "effusion"), "pneumothorax"),
    "lung cancer": (("nodule",), "nodule"),
    "malignant effusion": (("nodule", "effusion"), None),
}

_NAMED = {
    "cardiomegaly": "cardiomegaly",
    "pneumonia": "pneumonia",
    "effusion": "a pleural effusion",
    "pneumothorax": "a pneumothorax",
    "nodule": "a nodule",
}
_SIGN = {
    "cardiomegaly": "enlarged heart",
    "pneumonia": "pneumonia opacity",
    "effusion": "effusion",
    "pneumothorax": "pneumothorax",
    "nodule": "nodule",
}
_REPORTED = {
    "pneumonia": "{} lung opacity consistent with pneumonia.",
    "effusion": "{} pleural effusion.",
    "pneumothorax": "{} pneumothorax.",
    "nodule": "{} lung nodule.",
}

DIAGNOSIS_QUESTION = "What is the diagnosis?"
REPORT_QUESTION = "Describe the image."


@dataclass(frozen=True)
class Turn:
    """One question with its answer; ``kind`` is what metadata calls ``question_type``."""

    question: str
    answer: str
    kind: str


def random_study(rng: np.random.Generator, prevalence: float) -> Study:
    """Findings independent of each other, each present with probability ``prevalence``."""
    sides = {f: _side(rng) for f in FINDINGS if rng.uniform() < prevalence}
    return Study(sides)


def diagnosed_study(rng: np.random.Generator, diagnosis: str) -> Study:
    """A study with exactly the findings of one diagnosis, on random sides."""
    sides = {finding: _side(rng) for finding in DIAGNOSES[diagnosis][0]}
    if diagnosis == "hydropneumothorax":  # air and fluid share one pleural space
        sides["effusion"] = sides["pneumothorax"]
    return Study(sides, diagnosis)


def diagnosis_turn(study: Study) -> Turn:
    """The diagnosis, with its side where the name has one: "left pleurisy"."""
    name = study.diagnosis
    if name is None:
        raise ValueError("a study of random findings has no diagnosis")
    sided = DIAGNOSES[name][1]
    answer = f"{study.findings[sided]} {name}" if sided else name
    return Turn(DIAGNOSIS_QUESTION, answer, "diagnosis")


def presence_turn(study: Study, finding: str) -> Turn:
    answer = "yes" if finding in study.findings else "no"
    return Turn(f"Is there {_NAMED[finding]}?", answer, "finding")


def side_turn(study: Study, finding: str) -> Turn:
    side = study.findings.get(finding)
    return Turn(f"Where is the {finding}?", f"{side} side" if side else "not present", "finding")


def report_turn(study: Study) -> Turn:
    heart = (
        "the heart is enlarged." if "cardiomegaly" in study.findings else "heart size is normal."
    )
    rest = [_REPORTED[f].format(study.findings[f]) for f in _REPORTED if f in study.findings]
    if not study.findings:
        rest = ["lungs are clear. no acute findings."]
    return Turn(REPORT_QUESTION, " ".join(["findings:", heart, *rest]), "report")


def finding_turn(study: Study, rng: np.random.Generator) -> Turn:
    """A random question on one finding; half of them lean towards a finding that is present."""
    if rng.uniform() < 0.65:
        return presence_turn(study, _pick(rng, FINDINGS, study, 0.5))
    return side_turn(study, _pick(rng, FINDINGS[1:], study, 0.7))


def picture_turn(study: Study, rng: np.random.Generator) -> Turn:
    """What the base model is taught on pictures: findings, sides and reports."""
    return report_turn(study) if rng.uniform() < 0.3 else finding_turn(study, rng)


def knowledge_turn(rng: np.random.Generator) -> Turn:
    """Text alone: which signs make which diagnosis, in both directions."""
    name = list(DIAGNOSES)[rng.integers(len(DIAGNOSES))]
    findings, sided = DIAGNOSES[name]
    signs = " and ".join(_SIGN[f] for f in findings) or "no findings"
    if sided and rng.uniform() < 0.5:
        side = _side(rng)
        name, signs = f"{side} {name}", f"{side} {signs}"
    if rng.uniform() < 0.6:
        return Turn(f"Name {signs}.", name, "knowledge")
    return Turn(f"Define {name}.", signs, "knowledge")


def _side(rng: np.random.Generator) -> str:
    return SIDES[rng.integers(2)]


def _pick(
    rng: np.random.Generator, findings: tuple[str, ...], study: Study, towards_present: float
) -> str:
    present = [f for f in findings if f in study.findings]
    if present and rng.uniform() < towards_present:
        return present[rng.integers(len(present))]
    return findings[rng.integers(len(findings))]
