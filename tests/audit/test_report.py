"""The result for people and for programs, and the commands that print it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from collegium import evidence
from collegium.audit.report import AuditResult
from collegium.audit.trail import CODES, Trail, show
from collegium.cli import main
from collegium.cli.audit_tables import render
from collegium.queries import audit_page as page
from collegium.queries import from_audit


def _shown(result: AuditResult) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(render(result))
    return capture.get()


@pytest.fixture(scope="module")
def held(story: Any, bundle: Path) -> AuditResult:
    return evidence.audit(bundle, anchor=story.head)


@pytest.fixture
def failed(forger: Any) -> AuditResult:
    forger.edit_event("Claimed", amount=10**6)
    forger.index["token"] = "0x000000000000000000000000000000000000dEaD"
    forger.rebuild()
    return evidence.audit(forger.seal())


def test_the_terminal_says_that_it_holds(held: AuditResult) -> None:
    text = _shown(held)
    assert "The evidence is valid." in text and "Test consortium" in text
    assert len(re.findall(r"│ exact +│", text)) == 3 and "not checked" in text
    assert "node 3's" in text and "attestation" in text
    assert "Violations" not in text


def test_the_terminal_says_what_fails(failed: AuditResult) -> None:
    text = _shown(failed)
    assert "is invalid" in text and "Claimed, event" in text and "1000000" in text


def test_the_page_needs_nothing_else(held: AuditResult) -> None:
    text = page.html(held)
    assert not re.search(r"(\bsrc=|href|@import|url\()", text)
    assert "<script" not in text
    for row in from_audit.rounds(held):
        assert f"Round {row.id}: final" in text and row.root.hex() in text
        assert all(fallen.root.hex() in text for fallen in row.rejected)
    assert "block 1 of leaf 1 wrong" in text and "too few members signed" in text
    assert text.count("equivocation") == 1 and text.count("the rules") >= 2
    assert "The evidence is valid." in text and held.subject.head_hash in text
    assert all(meaning in text for meaning in CODES.values() if "'" not in meaning)


def test_the_page_says_what_fails(failed: AuditResult, tmp_path: Path) -> None:
    page.write(failed, tmp_path / "audit.html")
    text = (tmp_path / "audit.html").read_text()
    assert "The evidence is invalid." in text and "Claimed, event" in text
    assert sorted(path.name for path in tmp_path.glob("*.html*")) == ["audit.html"]


def test_the_page_and_the_terminal_trust_no_text(forger: Any) -> None:
    """A card's name can be anything."""
    path = forger.folder / "card.json"
    path.write_bytes(path.read_bytes().replace(b"Test consortium", b"<script>x</script>[red]"))
    result = evidence.audit(forger.seal())
    assert "<script>" not in page.html(result)
    assert "<script>x</script>[red]" in _shown(result)


def test_a_bundle_that_cannot_be_read_still_gives_a_page(forger: Any) -> None:
    (forger.folder / "bundle.json").write_text("{}")
    result = evidence.audit(forger.folder)
    assert "is invalid" in page.html(result) and "bundle" in _shown(result)
    assert json.loads(json.dumps(from_audit.document(result)))["rounds"] == []


def test_a_sealed_audit_gives_a_page(story: Any) -> None:
    source = evidence.from_chain(str(story.chain), story.federation, story.run / "store")
    text = page.html(evidence.audit(source))
    assert "could not be recomputed" in text and "sealed" in text


def test_the_audit_command(
    story: Any, bundle: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    html = tmp_path / "audit.html"
    code = main(["audit", str(bundle), "--anchor", story.head, "--html", str(html), "--json"])
    out, _ = capfd.readouterr()
    assert code == 0 and json.loads(out)["ok"] is True
    assert "The evidence is valid." in html.read_text()


def test_the_audit_command_fails(forger: Any, capfd: pytest.CaptureFixture[str]) -> None:
    forger.edit_event("Claimed", amount=10**6)
    code = main(["audit", str(forger.seal()), "--json"])
    document = json.loads(capfd.readouterr().out)
    assert code == 1 and document["ok"] is False and document["findings"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "bundle", "--dir", "x"],
        ["audit", "--dir", "x", "--rpc", "http://127.0.0.1:1", "--federation", "0x12"],
        ["audit", "--rpc", "http://127.0.0.1:1"],
        ["audit", "--dir", "x", "--federation", "0x12"],
        ["evidence", "export", "--out", "x", "--store", "y"],
    ],
)
def test_a_command_line_that_names_too_little_or_too_much(
    arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert "--rpc" in capfd.readouterr().err


@pytest.mark.parametrize("arguments", [["audit"], ["evidence", "export", "--out", "x"]])
def test_the_run_is_here_unless_a_folder_is_given(
    arguments: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*arguments, "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["error"]["code"] == "CG505"


def test_an_audit_of_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(tmp_path / "none"), "--json"]) == 1
    assert json.loads(capfd.readouterr().out)["error"]["code"] == "CG601"


def test_the_export_command(story: Any, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "evidence.zip"
    code = main([
        "evidence", "export", "--rpc", str(story.chain), "--federation", story.federation,
        "--store", str(story.run / "store"), "--home", str(story.run / "node2"),
        "--home", str(story.run / "node3"), "--out", str(out), "--json",
    ])  # fmt: skip
    document = json.loads(capfd.readouterr().out)
    assert code == 0 and document["updates"] == {"opened": 12, "sealed": 0}
    assert main(["audit", str(out), "--anchor", document["head"]["hash"]]) == 0


def test_a_check_has_to_be_a_known_one() -> None:
    with pytest.raises(KeyError):
        Trail().expect("no-such-check", "record", 1, 1)


def test_values_are_shown_within_bounds() -> None:
    assert show(b"\x01\x02") == "0x0102"
    assert show([b"\x01", 2]) == "[0x01, 2]"
    assert len(show("x" * 10_000)) < 500


def test_damage_is_a_finding_and_faults_are_not() -> None:
    trail = Trail()
    assert trail.attempt("event", "record", lambda: {}["missing"]) is None
    assert [f.code for f in trail.findings] == ["event"]

    def fault() -> None:
        raise NotADirectoryError("a fault of this machine")

    with pytest.raises(NotADirectoryError):
        trail.attempt("event", "record", fault)
