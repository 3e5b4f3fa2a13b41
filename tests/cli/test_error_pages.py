"""Every error has a page, and every page an error."""

from pathlib import Path

import pytest

from collegium import errors

PAGES = Path(__file__).parents[2] / "docs" / "errors"
SECTIONS = ("## What it means", "## Typical causes", "## What to do")
TITLES = {
    f"CG{kind.number:03d}": kind.title
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.CollegiumError) and kind.number
}


def test_pages_and_errors_are_the_same() -> None:
    assert {page.stem for page in PAGES.glob("CG*.md")} == set(TITLES)


def test_no_number_is_used_twice() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and hasattr(k, "number")]
    numbers = [kind.number for kind in kinds]
    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("code", TITLES)
def test_a_page_says_what_a_person_needs(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text()
    assert text.startswith(f"# {code}: {TITLES[code]}\n")
    parts = [text.index(section) for section in SECTIONS]
    assert parts == sorted(parts)
    for start, end in zip(parts, [*parts[1:], len(text)], strict=True):
        assert len(text[start:end].split()) > 6, "a section with something in it"


def test_the_index_lists_every_page() -> None:
    index = (PAGES / "README.md").read_text().splitlines()
    listed = [line for line in index if line.startswith("- [CG")]
    assert listed == [f"- [{code}]({code}.md): {TITLES[code]}" for code in sorted(TITLES)]
