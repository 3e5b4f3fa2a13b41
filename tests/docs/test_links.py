"""Links in README and docs lead somewhere: the file exists, and the heading in it."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from .lines import ROOT, documents

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.S | re.M)


def links() -> Iterator[tuple[Path, str]]:
    """All links of all documents to other files and headings."""
    for path in [*documents(), ROOT / "CHANGELOG.md"]:
        for target in _LINK.findall(_FENCED.sub("", path.read_text(encoding="utf-8"))):
            if "://" not in target and not target.startswith("NNNN"):
                yield path, target


def anchors(path: Path) -> set[str]:
    """What headings of a Markdown file are called in links, as GitHub names them."""
    text = _FENCED.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize(("path", "target"), links(), ids=lambda value: str(value)[-60:])
def test_a_link_leads_somewhere(path: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    place = path if not name else path.parent / name
    assert place.exists(), f"{path.relative_to(ROOT)}: {target}"
    if anchor:
        assert anchor in anchors(place), f"{path.relative_to(ROOT)}: no heading {target}"


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_table_ends_with_an_empty_line(path: Path) -> None:
    """A line of text right after a table becomes a row of it."""
    lines = _FENCED.sub("", path.read_text(encoding="utf-8")).splitlines()
    for line, following in pairwise(lines):
        if line.startswith("|"):
            assert following.startswith("|") or not following.strip(), following
