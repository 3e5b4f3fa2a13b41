"""The vectors that the contracts are tested against are those of the reference model."""

import importlib.util
import json
from pathlib import Path

import pytest
from eth_utils import decode_hex

from collegium.errors import BadDispute
from collegium.protocol import dispute

FOLDER = Path(__file__).parent.parent / "vectors"


@pytest.fixture(scope="module")
def built() -> dict:
    spec = importlib.util.spec_from_file_location("vectors_make", FOLDER / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build()


def test_the_files_are_current(built):
    assert {path.stem for path in FOLDER.glob("*.json")} == set(built)
    for name, cases in built.items():
        assert json.loads((FOLDER / f"{name}.json").read_text()) == cases, (
            f"{name}.json is out of date: run python tests/vectors/make.py"
        )


def test_the_disputes_are_judged_as_they_say(built):
    for case in built["dispute"]:
        proof = dispute.MergeProof.from_call(unhexed(case["proof"]))
        roots = [decode_hex(case[name]) for name in ("base", "proposal", "outcome")]
        if case["refusal"]:
            with pytest.raises(BadDispute) as caught:
                dispute.verify(proof, *roots)
            said = " ".join([caught.value.refusal, *map(str, caught.value.values.values())])
            assert said == case["refusal"]
        else:
            dispute.verify(proof, *roots)
    refusals = {case["refusal"].split(" ")[0] for case in built["dispute"]}
    assert refusals == {"", "WrongOutcome", "WrongBlock", "WrongLeaf", "MergeCorrect"}


def unhexed(value):
    """A proof as a call takes it."""
    match value:
        case str():
            return decode_hex(value)
        case dict():
            return {key: unhexed(item) for key, item in value.items()}
        case list():
            return [unhexed(item) for item in value]
    return value


def test_the_settlements_show_every_kind_of_outcome(built):
    """Vectors that avoid the corners would prove little."""
    cases = built["settlement"]
    assert any(False in case["revealed"] for case in cases)
    assert any(-(2**31) in case["phi"] for case in cases)
    assert any(any(case["invalid"]) for case in cases)
    assert any(not any(case["accepted"]) for case in cases)
    assert any(set(case["owners"]) & set(case["members"]) for case in cases)
    assert any(
        any(int(pay) for pay in case["nodePays"])
        and any(0 < score < int(case["terms"]["min_score"]) for score in case["phi"])
        for case in cases
    ), "a rejected update of some worth has no part in the denominator"
    zero_weight = [
        ok and not weight
        for case in cases
        for ok, weight in zip(case["accepted"], case["weights"], strict=True)
    ]
    assert any(zero_weight)
