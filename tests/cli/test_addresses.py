"""A mistyped address is refused wherever a command or a file takes one, before anything is sent."""

import json
from pathlib import Path

import pytest

from .conftest import Run
from .test_bad_input import CARD, edit_run, refused

RIGHT = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BAD = ("0x123", "0x", "0x" + "00" * 20, RIGHT[:-1] + "9", RIGHT.replace("C", "c", 1))


@pytest.mark.parametrize("address", BAD)
def test_on_the_command_line(folder: Path, run: Run, address: str) -> None:
    for noun, verb in (
        ("node", "admit"), ("node", "revoke"), ("node", "withdraw"), ("node", "list"),
        ("rewards", "claim"),
    ):  # fmt: skip
        error = refused(run(noun, verb, address, "--dir", folder, "--json"), "CG309")
        assert "NODE" in error["expected"]
    away = ("--rpc", "http://127.0.0.1:9", "--federation", address, "--json")
    refused(run("audit", *away), "CG309")
    refused(run("evidence", "export", *away, "--out", folder / "bundle"), "CG309")
    assert run("node", "list", "--dir", folder).code == 0


@pytest.mark.parametrize("address", [*BAD, 5])
def test_in_files(folder: Path, run: Run, address: object) -> None:
    card = folder / "wrong.toml"
    card.write_text(f"token = {json.dumps(address)}\n{CARD}")
    refused(run("federation", "create", card, "--dir", folder.parent / "new", "--json"), "CG309")
    assert not (folder.parent / "new" / "run.json").exists()
    edit_run(folder, federation=address)
    refused(run("federation", "status", "--dir", folder, "--json"), "CG309")


def test_without_checksum(folder: Path, run: Run) -> None:
    account = run("node", "list", "1", "--dir", folder, "--json").json["nodes"][0]["account"]
    for written in (account.lower(), "0x" + account[2:].upper()):
        found = run("node", "list", written, "--dir", folder, "--json").json["nodes"]
        assert [one["account"] for one in found] == [account]
