"""Every command line in the documents can be typed.

Here each line is only parsed: one of ``collegium`` by its own parser, which knows every option and
checks values; of other programs, the targets and files they are given must exist. The lines of
``docs/hospital.md``, and the audit that README.md recommends, are carried out in
``test_hospital.py``, those of the example in ``test_flower_app.py``; ``tests/e2e`` carries out
``collegium demo``.
"""

import re
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from collegium.cli import output
from collegium.cli.root import build, load

from .lines import ROOT, Line, lines, lines_of

ALL = lines()


def parse(line: Line) -> None:
    """Fail as the command line would, without carrying it out."""
    _, noun, *rest = line.words
    if noun.startswith("--"):
        assert noun in ("--help", "--version")
        return
    assert noun in build().commands, f"no command {noun}"
    command = load(noun)
    while isinstance(command, click.Group) and rest:
        name = rest.pop(0)
        assert name in command.commands, f"no command {noun} {name}"
        command = command.commands[name]
    if isinstance(command, click.Group):
        assert line.inline, "a noun alone does nothing"
        return
    try:
        command.make_context(noun, rest)
    except click.MissingParameter:
        assert line.inline, "an argument is missing"
    finally:
        output.use_json(False)


@pytest.mark.parametrize("line", [x for x in ALL if x.words[0] == "collegium"], ids=str)
def test_collegium_understands_it(line: Line) -> None:
    parse(line)


@pytest.mark.parametrize("line", [x for x in ALL if x.words[0] != "collegium"], ids=str)
def test_what_other_programs_are_given_exists(line: Line) -> None:
    program, *rest = line.words
    if program == "make":
        targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M)
        assert set(rest) <= set(targets)
    if program == "python" and rest[0] == "-m":
        assert find_spec(rest[1]) is not None
    for word in rest:
        if word.endswith((".py", ".txt")) or word.startswith("tests/"):
            assert (ROOT / word).exists() or (ROOT / line.path).with_name(word).exists(), word


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("    collegium node list --dir x   # all", ["collegium node list --dir x"]),
        ("```sh\ncollegium audit a.zip \\\n  --json\n```", ["collegium audit a.zip --json"]),
        ("```python\ncollegium = 1\n```", []),
        ("Use `collegium node\nlist` now.", ["collegium node list"]),
        ("    VARIABLE=… collegium demo", ["collegium demo"]),
        ("    cardiac/\n      it's not a command", []),
    ],
)
def test_lines_are_found(
    text: str, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{lines_of.__module__}.ROOT", tmp_path)
    (tmp_path / "page.md").write_text(text + "\n")
    assert [" ".join(line.words) for line in lines_of(tmp_path / "page.md")] == words


@pytest.mark.parametrize(
    "words",
    ["collegium hospital list", "collegium node lst", "collegium audit x --run y",
     "collegium evidence export", "collegium round watch --interval never", "collegium node"],
)  # fmt: skip
def test_a_wrong_line_is_noticed(words: str) -> None:
    with pytest.raises((AssertionError, click.UsageError)):
        parse(Line("page.md", 1, tuple(words.split())))
