"""Absurd command lines: each ends with a numbered error or a usage error, never as a fault."""

import json
from pathlib import Path

import click
import numpy as np
import pytest

from collegium.cli import main
from collegium.cli.root import build, load

VALUES = (
    "", " ", "-1", "0", "1", "99999", "1e9", "9" * 40, "0x", "0x123", "0x" + "0" * 40,
    "0x" + "zz" * 20, "0x70997970C51812dc3A010C7d01b50e0d17dc79C9", "NaN", "--", "-x", "[/red]",
    "\u202e\u0663", "a\nb",
    "/dev/null", "/nonexistent/x", ".", "..", "file:///etc/passwd", "http://127.0.0.1:1", "ws://x",
    "dev:999", "dev:x", "x" * 5_000, "\udcff", "CG505", "{}", "%s", "$HOME", "relay", "8",
)  # fmt: skip
LONG = {"chain up", "node keygen", "node start", "demo", "model pretrain", "model ask"}
"""Commands that would begin to work for long with some of these values."""


def commands() -> dict[str, click.Command]:
    found = {}
    for noun in build().commands:
        command = load(noun)
        subs = command.commands if isinstance(command, click.Group) else {"": command}
        found |= {f"{noun} {name}".strip(): sub for name, sub in subs.items()}
    return {name: sub for name, sub in found.items() if name not in LONG}


COMMANDS = commands()


@pytest.mark.parametrize("name", COMMANDS)
def test_absurd_values(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = [option for p in COMMANDS[name].params for option in p.opts if option[0] == "-"]
    options = [option for option in options if option not in ("--help", "--debug", "--json")]
    rng = np.random.default_rng(sum(map(ord, name)))
    for _ in range(120):
        words = [*name.split(), "--json"]
        for _ in range(int(rng.integers(0, 5))):
            if options and rng.uniform() < 0.6:
                words.append(options[rng.integers(len(options))])
            words.append(VALUES[rng.integers(len(VALUES))])
        code = main(words)
        out = capfd.readouterr().out
        assert code in (0, 1, 2), (words, out)
        if code:
            error = json.loads(out)["error"]
            assert error["code"] == "usage" or error["code"].startswith("CG"), words
