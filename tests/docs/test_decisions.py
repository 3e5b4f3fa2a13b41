"""Decision records have one form, and the index lists them all."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"
RECORDS = sorted(path for path in FOLDER.glob("[0-9]*.md") if not path.name.startswith("0000"))
TEMPLATE = FOLDER / "0000-template.md"


def headings(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.startswith("## ")]


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_the_form_of_the_template(path: Path) -> None:
    title, blank, status, *_ = path.read_text().splitlines()
    assert re.fullmatch(rf"# {path.name[:4]}: \S.+", title) and blank == ""
    assert re.fullmatch(r"Status: (proposed|accepted|replaced by \[\d{4}\]\(.+\.md\))", status)
    assert headings(path) == headings(TEMPLATE) == ["## Context", "## Decision", "## Consequences"]


def test_numbers_are_consecutive() -> None:
    assert [int(path.name[:4]) for path in RECORDS] == list(range(1, len(RECORDS) + 1))


def test_the_index_lists_every_record_by_its_title() -> None:
    listed = re.findall(r"^- \[(\d{4})\]\((.+)\): (.+)$", (FOLDER / "README.md").read_text(), re.M)
    titles = [path.read_text().splitlines()[0] for path in RECORDS]
    wanted = [
        (path.name[:4], path.name, title[8:]) for path, title in zip(RECORDS, titles, strict=True)
    ]
    assert listed == wanted
