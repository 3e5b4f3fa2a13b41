"""A federation that merges by the trimmed mean and pays equally is audited by these rules."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.story import TERMS, tell

from collegium import evidence
from collegium.audit import merges
from collegium.protocol.rules.merging import MEAN, Trimmed
from collegium.protocol.rules.shares import EQUAL

RULES = {"merge_rule": Trimmed.id, "merge_parameter": 1, "pay_rule": EQUAL}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence of the story under other rules: also there the altered lane was disproved."""
    run = tmp_path_factory.mktemp("trimmed")
    tell(run, replace(TERMS, **RULES))
    return evidence.export(run, run / "evidence")


def test_every_merge_and_every_pay_is_derived_again(bundle: Path) -> None:
    result = evidence.audit(bundle)
    assert not result.findings
    assert all(row.merged == row.record.final for row in result.rounds)
    fallen = result.rounds[1].record.rejected
    assert len(fallen) == 1 and fallen[0].root != result.rounds[1].merged
    for row in result.rounds:
        assert len({pay for pay in row.record.settlement.node_pays if pay}) == 1


def test_the_mean_would_have_been_another_merge(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exact = merges.merging.merge
    monkeypatch.setattr(merges.merging, "merge", lambda rule, *rest: exact(MEAN, *rest))
    result = evidence.audit(bundle)
    assert {finding.code for finding in result.findings} >= {"merge"}
