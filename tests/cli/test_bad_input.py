"""What people get wrong: a number, an exit code, and the same command works afterwards."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.processes import running

from collegium.chain import engines
from collegium.chain.engines import connect
from collegium.chain.sender import Sender

from .conftest import Outcome, Run, write_site


def refused(done: Outcome, code: str) -> dict[str, Any]:
    """The error document of a command that failed with this number."""
    assert done.code == 1, done.err
    error: dict[str, Any] = done.json["error"]
    assert error["code"] == code, error
    assert error["expected"] and error["found"] and error["action"]
    assert code in done.err, "people read it on stderr"
    return error


def edit_run(folder: Path, **fields: object) -> None:
    path = folder / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_no_run(tmp_path: Path, folder: Path, run: Run) -> None:
    refused(run("node", "list", "--dir", tmp_path / "nothing", "--json"), "CG505")
    (tmp_path / "run.json").write_text("{}")
    refused(run("federation", "status", "--dir", tmp_path, "--json"), "CG505")
    assert run("federation", "status", "--dir", folder).code == 0


def test_a_path_through_a_file(tmp_path: Path, folder: Path, run: Run) -> None:
    file = folder / "run.json"
    refused(run("node", "list", "--dir", file, "--json"), "CG700")
    error = refused(run("model", "export", "--out", file / "x", "--dir", file, "--json"), "CG700")
    assert str(file) in error["expected"]


@pytest.mark.parametrize("option, value", [("--rounds", 0), ("--nodes", 0), ("--workers", -1)])
def test_a_demo_of_nothing(tmp_path: Path, run: Run, option: str, value: int) -> None:
    done = run("demo", option, str(value), "--out", tmp_path / "demo", "--json")
    assert done.code == 2 and option in done.json["error"]["found"]


def test_a_negative_seed(tmp_path: Path, run: Run) -> None:
    done = run("demo", "--seed", "-1", "--out", tmp_path / "demo", "--json")
    assert done.code == 2 and "--seed" in done.json["error"]["found"]


def test_the_current_folder_is_the_run(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert run("node", "list", "--json").code == 0
    monkeypatch.chdir(folder.parent)
    refused(run("node", "list", "--json"), "CG505")
    folder.rename(folder.parent / "collegium-run")
    assert run("node", "list", "--json").code == 0


def test_unknown_chain(folder: Path, run: Run) -> None:
    card = folder / "card.toml"
    card.write_text(CARD)
    new = folder.parent / "new"
    command = ("federation", "create", card, "--dir", new, "--json", "--chain")
    refused(run(*command, "bitcoin"), "CG201")
    refused(run(*command, "hardhat"), "CG203")  # none runs from this folder
    refused(run(*command, "elsewhere.sqlite"), "CG207")
    assert not (new / "run.json").exists()


@pytest.mark.parametrize("command", [("node", "list"), ("federation", "status")], ids=" ".join)
def test_the_chain_file_is_gone(folder: Path, run: Run, command: tuple[str, str]) -> None:
    (folder / "chain.sqlite").rename(folder / "away")
    refused(run(*command, "--dir", folder, "--json"), "CG207")
    assert not (folder / "chain.sqlite").exists(), "no empty chain in its place"
    (folder / "away").rename(folder / "chain.sqlite")
    assert run(*command, "--dir", folder, "--json").code == 0


@pytest.mark.parametrize("command", [("node", "list"), ("federation", "status")], ids=" ".join)
def test_a_file_that_is_no_chain(folder: Path, run: Run, command: tuple[str, str]) -> None:
    (folder / "chain.sqlite").write_bytes(b"not a database, certainly not one" * 100)
    refused(run(*command, "--dir", folder, "--json"), "CG207")


@pytest.mark.parametrize("command", [("node", "list"), ("round", "status")], ids=" ".join)
def test_the_rpc_goes_away(folder: Path, run: Run, command: tuple[str, str]) -> None:
    chain = engines.start("embedded", folder, port=0)
    edit_run(folder, chain=chain.url)
    assert run(*command, "--dir", folder, "--json").code == 0
    engines.stop(folder)
    refused(run(*command, "--dir", folder, "--json"), "CG203")
    engines.start("embedded", folder, port=chain.port)
    assert run(*command, "--dir", folder, "--json").code == 0
    engines.stop(folder)


@pytest.mark.parametrize("command", [("node", "list"), ("federation", "status")], ids=" ".join)
def test_no_federation_at_the_address(folder: Path, run: Run, command: tuple[str, str]) -> None:
    edit_run(folder, federation="0x" + "12" * 20)
    refused(run(*command, "--dir", folder, "--json"), "CG208")


def test_a_wallet_without_funds(folder: Path, run: Run) -> None:
    home = folder / "poor"
    account = run("node", "keygen", "--home", home, "--json").json["account"]
    wallet = home / "keys" / "account.json"
    command = ("round", "advance", "--dir", folder, "--wallet", wallet, "--json")
    assert run("round", "open", "--dir", folder).code == 0
    with connect(str(folder / "chain.sqlite")) as chain:
        chain.increase_time(3_601)
        error = refused(run(*command), "CG204")
        assert account in error["expected"] or account in error["action"]
        Sender(chain, chain.dev_accounts[0]).send(account, value=10**18)
    assert run(*command).code == 0


def test_a_node_without_tokens_for_its_stake(folder: Path, run: Run) -> None:
    home = folder / "nodes" / "poor"
    account = run("node", "keygen", "--home", home, "--json").json["account"]
    assert run("node", "admit", account, "--dir", folder).code == 0
    data = write_site(folder / "data" / "poor")
    command = (
        "node", "register", "--home", home, "--data", data,
        "--challenge", folder / "data" / "challenge", "--dir", folder, "--json",
    )  # fmt: skip
    with connect(str(folder / "chain.sqlite")) as chain:
        Sender(chain, chain.dev_accounts[0]).send(account, value=10**18)
    refused(run(*command), "CG204")
    assert not (home / "node.json").exists()
    assert run("node", "admit", account, "--dir", folder, "--fund").code == 0
    assert run(*command).code == 0


def test_a_sender_without_the_role(folder: Path, run: Run) -> None:
    error = refused(run("round", "open", "--dir", folder, "--wallet", "dev:5", "--json"), "CG205")
    assert "AccessControlUnauthorizedAccount" in error["found"]
    assert run("round", "open", "--dir", folder, "--json").code == 0


@pytest.mark.parametrize("wallet", ["dev:20", "dev:x", "nowhere.json", "run.json"])
def test_a_wallet_that_is_not_there(
    folder: Path, run: Run, wallet: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    refused(run("round", "open", "--wallet", wallet, "--json"), "CG305")


@pytest.mark.parametrize("node", ["9", "0", "0x" + "12" * 20])
def test_an_unregistered_node(folder: Path, run: Run, node: str) -> None:
    for command in (("node", "list"), ("node", "revoke"), ("rewards", "claim")):
        refused(run(*command, node, "--dir", folder, "--json"), "CG302")
    assert run("rewards", "claim", "1", "--dir", folder).code == 0


def test_wrong_passphrase(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    command = (
        "node", "register", "--home", folder / "nodes" / "trauma",
        "--data", folder / "data" / "trauma", "--challenge", folder / "data" / "challenge",
        "--dir", folder, "--json",
    )  # fmt: skip
    monkeypatch.setenv("COLLEGIUM_PASSPHRASE", "wrong")
    refused(run(*command), "CG301")
    wallet = folder / "nodes" / "trauma" / "keys" / "account.json"
    refused(run("round", "open", "--dir", folder, "--wallet", wallet, "--json"), "CG301")
    monkeypatch.undo()
    assert run(*command).code == 0


def test_no_keys(folder: Path, run: Run, tmp_path: Path) -> None:
    command = (
        "node", "register", "--home", tmp_path / "none", "--data", folder / "data" / "trauma",
        "--challenge", folder / "data" / "challenge", "--dir", folder, "--json",
    )  # fmt: skip
    refused(run(*command), "CG305")
    refused(run("node", "admit", tmp_path / "none", "--dir", folder, "--json"), "CG305")


def test_data_without_metadata(folder: Path, run: Run) -> None:
    data = folder / "data" / "trauma"
    command = (
        "node", "register", "--home", folder / "nodes" / "trauma", "--data", data,
        "--challenge", folder / "data" / "challenge", "--dir", folder, "--json",
    )  # fmt: skip
    (data / "metadata.jsonl").rename(data / "away")
    refused(run(*command), "CG101")
    (data / "away").rename(data / "metadata.jsonl")
    assert run(*command).code == 0


def test_another_challenge_set(folder: Path, run: Run) -> None:
    other = write_site(folder / "other", images=3)
    data = folder / "data" / "trauma"
    done = run(
        "node", "register", "--home", folder / "nodes" / "trauma", "--data", data,
        "--challenge", other, "--dir", folder, "--json",
    )  # fmt: skip
    refused(done, "CG105")


CARD = """
name = "Test"
challenge = "data/challenge"
[limits]
norm = 10.0
cosine = 0.98
[terms]
reward = "12.5"
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name", "nmae"),
        ('"Test"', "3"),
        ('"12.5"', "12.5"),  # a binary fraction is not exact
        ('"12.5"', '"-1"'),
        ("[limits]\nnorm = 10.0", "[limits]"),
        ("[terms]", "[terms]\nshares = [1, 2]"),
        ("[terms]", "[terms]\nshares = [9000, 500, 501]"),
        ("[terms]", "[terms]\ncommittee = 16"),
        ("[limits]", "[recipe]\nrank = 0\n[limits]"),
        ("[limits]", "[limits"),
    ],
)
def test_a_card_that_cannot_be(folder: Path, run: Run, old: str, new: str) -> None:
    card = folder / "card.toml"
    card.write_text(CARD.replace(old, new, 1))
    target = folder.parent / "new"
    refused(run("federation", "create", card, "--dir", target, "--json"), "CG503")
    assert not (target / "run.json").exists()


def test_a_folder_in_use(folder: Path, run: Run) -> None:
    before = (folder / "run.json").read_bytes()
    refused(run("federation", "create", "card.toml", "--dir", folder, "--json"), "CG501")
    assert (folder / "run.json").read_bytes() == before


def test_a_fault_of_the_program(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Path) -> None:
        raise RuntimeError("a wire came loose")

    monkeypatch.setattr(engines, "status", broken)
    done = run("chain", "status", "--dir", tmp_path)
    assert done.code == 70 and "a wire came loose" in done.err and "--debug" in done.err
    assert "Traceback" not in done.err
    assert "Traceback" in run("chain", "status", "--dir", tmp_path, "--debug").err
    document = run("chain", "status", "--dir", tmp_path, "--json")
    assert document.code == 70 and document.json["error"]["code"] == "fault"


def test_a_reader_that_leaves(folder: Path) -> None:
    with running("-m", "collegium.cli", "node", "list", "--dir", str(folder)) as listing:
        assert listing.stdout is not None and listing.stderr is not None
        listing.stdout.close()
        assert listing.stderr.read() == ""
        assert listing.wait(timeout=10) == 1
