"""What every command has: help with an example, --json, numbered failures."""

from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

import click
import pytest

from collegium.cli.root import build, load

from .conftest import Run


def commands() -> Iterator[tuple[str, click.Command]]:
    """All commands by what is typed; a noun without a file is for the last test to report."""
    for noun in build().commands:
        if find_spec(f"collegium.cli.{noun}") is None:
            continue
        command = load(noun)
        if isinstance(command, click.Group):
            yield from ((f"{noun} {name}", sub) for name, sub in command.commands.items())
        else:
            yield noun, command


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_has_help_with_an_example(name: str, run: Run) -> None:
    done = run(*name.split(), "--help")
    assert done.code == 0
    assert "Example" in done.out and f"collegium {name}" in " ".join(done.out.split())


@pytest.mark.parametrize("name", ALL)
def test_each_parameter_is_explained(name: str) -> None:
    parameters: list[Any] = ALL[name].params
    assert [each.name for each in parameters if not each.help] == []


@pytest.mark.parametrize("name", ALL)
def test_has_json(name: str) -> None:
    options = [option for parameter in ALL[name].params for option in parameter.opts]
    assert options.count("--json") == 1


def test_all_nouns_are_there() -> None:
    nouns = {name.split()[0] for name in ALL}
    wanted = {"demo", "chain", "federation", "node", "round", "rewards", "model"}
    assert nouns == wanted | {"evidence", "audit", "explain"}


def test_an_unknown_noun(run: Run) -> None:
    done = run("hospital", "list")
    assert done.code == 2 and done.out == ""
    assert "No such command 'hospital'" in done.err


def test_a_misused_option_is_one_json_document(run: Run) -> None:
    done = run("chain", "up", "--port", "x", "--json")
    assert done.code == 2
    assert done.json["error"]["code"] == "usage" and "--port" in done.json["error"]["found"]
