"""Evidence from another chain than the embedded one is audited in the same way."""

from pathlib import Path

import pytest
from tests.support.story import tell_on

from collegium import evidence
from collegium.chain import engines
from collegium.errors import ChainStopped
from collegium.queries import from_audit


def test_hardhat(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    try:
        chain = engines.connect("hardhat", run_dir=tmp_path / "chain", start_engine=True)
    except ChainStopped as error:
        if "not installed" not in error.found and "no such program" not in error.found:
            raise
        pytest.skip(f"Hardhat is not installed here: {error.found}")
    with chain:
        story = tell_on(chain, run)
        running = engines.status(tmp_path / "chain")
        assert running is not None
        source = evidence.from_chain(running.url, story.federation, run / "store")
        homes = [run / f"node{number}" for number in range(1, 5)]
        result = evidence.audit(source.with_keys(*homes), anchor=story.head)
    assert result.findings == ()
    assert [row.merge for row in from_audit.rounds(result)] == ["exact"] * 3
