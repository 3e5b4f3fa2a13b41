"""The platform speaks of no task in particular: words of the dialogue stay in its folder."""

import re
from pathlib import Path

import pytest

import collegium

ROOT = Path(collegium.__file__).parent
# That a chain answers ("until it answers") is another meaning and may be said.
ROOMS = ("lab", "flower", "consortium", "workspace", "cli", "roles", "queries")
WORDS = re.compile(
    r"questions?\b|(?<!it )answer|accuracy|\bauc\b|radiograph|tasks\.xray", re.IGNORECASE
)
FILES = [
    path.relative_to(ROOT).as_posix()
    for room in ROOMS
    for path in sorted((ROOT / room).rglob("*"))
    if path.suffix in (".py", ".html", ".toml")
]


@pytest.mark.parametrize("name", FILES)
def test_no_word_of_the_dialogue(name: str) -> None:
    lines = (ROOT / name).read_text().splitlines()
    assert [f"{n}: {line}" for n, line in enumerate(lines, 1) if WORDS.search(line)] == []


@pytest.mark.parametrize("name", ["task.py", "registry.py", "challenge.py", "baselines.py"])
def test_nor_in_the_seam(name: str) -> None:
    text = (ROOT / "tasks" / name).read_text()
    assert not WORDS.search(text.replace("collegium.tasks.xray.kind:KIND", ""))  # the table
