"""The vectors for the tests of the contracts come from the current reference model."""

import json

import pytest
from eth_utils import decode_hex
from tests.vectors import make
from tests.vectors.reading import FOLDER, unhexed, vectors

from collegium.errors import BadDispute
from collegium.protocol import merge_proof
from collegium.protocol.rules.merging import merge_rule


@pytest.fixture(scope="module")
def built() -> dict:
    return make.build()


def test_the_files_are_current(built):
    assert {path.stem for path in FOLDER.glob("*.json")} == set(built)
    for name, cases in built.items():
        assert vectors(name) == cases, (
            f"{name}.json is out of date: run python -m tests.vectors.make"
        )


def test_the_files_have_one_case_a_line(built):
    for name, cases in built.items():
        lines = (FOLDER / f"{name}.json").read_text().splitlines()
        assert [json.loads(line.removesuffix(",")) for line in lines[1:-1]] == cases


def test_the_disputes_are_judged_as_recorded(built):
    for case in built["dispute"]:
        proof = merge_proof.MergeProof.from_call(unhexed(case["proof"]))
        rule = merge_rule(case["mergeRule"], case["mergeParameter"])
        roots = [decode_hex(case[name]) for name in ("base", "proposal", "outcome")]
        if case["refusal"]:
            with pytest.raises(BadDispute) as caught:
                merge_proof.verify(rule, proof, *roots)
            said = " ".join([caught.value.refusal, *map(str, caught.value.values.values())])
            assert said == case["refusal"]
        else:
            merge_proof.verify(rule, proof, *roots)
    refusals = {case["refusal"].split(" ")[0] for case in built["dispute"]}
    assert refusals == {"", "WrongOutcome", "WrongBlock", "WrongLeaf", "MergeCorrect"}


def test_the_settlements_show_every_kind_of_outcome(built):
    """Vectors without the edge cases would prove little."""
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
