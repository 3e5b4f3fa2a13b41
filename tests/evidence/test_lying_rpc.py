"""A server that lies to the auditor: the lie contradicts the hashes or the anchor."""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from collegium import evidence
from collegium.audit.report import AuditResult
from collegium.chain import engines
from collegium.chain.connection import Chain

Lie = Callable[[str, tuple[Any, ...], Any], Any]


class _Liar:
    """A chain whose answers are changed on the way."""

    def __init__(self, chain: Chain, lie: Lie) -> None:
        self._chain, self._lie = chain, lie

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    @property
    def head(self) -> int:
        return int(self.rpc("eth_blockNumber"), 16)

    def rpc(self, method: str, *params: Any) -> Any:
        answer = copy.deepcopy(self._chain.rpc(method, *params))
        return self._lie(method, params, answer)


@pytest.fixture
def audit_through(
    story: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Lie], AuditResult]:
    """Audit the chain through a server that lies."""

    def carry_out(lie: Lie) -> AuditResult:
        @contextmanager
        def connected(source: evidence.Source) -> Iterator[Any]:
            with engines.connect(source.chain) as chain:
                yield _Liar(chain, lie)

        monkeypatch.setattr("collegium.evidence.exporter.connected", connected)
        source = evidence.from_chain(str(story.chain), story.federation, story.run / "store")
        return evidence.audit(source, anchor=story.head)

    return carry_out


def test_an_honest_server(audit_through: Any) -> None:
    assert audit_through(lambda method, params, answer: answer).ok


def test_an_altered_event(audit_through: Any) -> None:
    def lie(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        if method == "eth_getTransactionReceipt" and answer and answer["logs"]:
            answer["logs"][-1]["data"] = answer["logs"][-1]["data"][:-2] + "ff"
        return answer

    result = audit_through(lie)
    assert {"receipts", "event"} <= {finding.code for finding in result.findings}


def test_a_hidden_transaction(audit_through: Any) -> None:
    def lie(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        if method == "eth_getBlockByNumber" and int(answer["number"], 16) == 40:
            answer["transactions"] = []
        return answer

    result = audit_through(lie)
    assert any(f.code == "transactions" and "block 40" in f.record for f in result.findings)


def test_another_block_in_its_place(audit_through: Any) -> None:
    def lie(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        if method == "eth_getBlockByNumber" and int(answer["number"], 16) == 20:
            answer["timestamp"] = hex(int(answer["timestamp"], 16) + 5)
        return answer

    result = audit_through(lie)
    assert any(f.code == "header" and f.record == "block 20" for f in result.findings)


def test_a_shorter_chain(audit_through: Any, story: Any) -> None:
    def lie(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        return hex(50) if method == "eth_blockNumber" else answer

    result = audit_through(lie)
    assert [finding.code for finding in result.findings] == ["anchor"]


def test_another_token(audit_through: Any) -> None:
    """The token's address comes from the vault: a wrong answer contradicts the evidence."""

    def lie(method: str, params: tuple[Any, ...], answer: Any) -> Any:
        if method == "eth_call" and str(answer).endswith("aa3"):
            return answer[:-1] + "4"
        return answer

    result = audit_through(lie)
    assert [f.code for f in result.findings if f.code != "transfer"] == ["deployment"]
    assert "token" in result.findings[0].record
