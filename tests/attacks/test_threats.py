"""The page of threats names only tests that exist, and names every file of attacks."""

import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = (HERE.parents[1] / "docs" / "threats.md").read_text()
NAMED = re.findall(r"`(\w+)::(\w+)`", PAGE)


def names_in(file: str) -> list[str]:
    return re.findall(r"^def test_(\w+)", (HERE / f"test_{file}.py").read_text(), re.MULTILINE)


def test_every_threat_is_carried_out() -> None:
    missing = [f"{f}::{name}" for f, name in NAMED if not any(name in test for test in names_in(f))]
    assert missing == [] and len(NAMED) > 60


def test_every_line_names_its_test() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|") and "---" not in line]
    assert [row for row in rows if "::" not in row and not row.endswith("| Test |")] == []


def test_every_file_of_attacks_is_on_the_page() -> None:
    files = {path.stem.removeprefix("test_") for path in HERE.glob("test_*.py")}
    assert files - {file for file, _ in NAMED} == {"threats", "peers"}  # peers attack the server
