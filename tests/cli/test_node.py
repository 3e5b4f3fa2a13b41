"""``collegium node``: keys, admission, registration, listing, revocation."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from collegium.chain import engines
from collegium.chain.engines import connect
from collegium.chain.federation import Federation
from collegium.chain.light import read_registry
from collegium.protocol.card import TaskCard

from .conftest import Outcome, Run, python, write_site


@pytest.fixture
def home(folder: Path, run: Run) -> Path:
    """A third node with fresh keys, not yet admitted."""
    assert run("node", "keygen", "--home", folder / "nodes" / "oncology").code == 0
    return folder / "nodes" / "oncology"


def register(run: Run, folder: Path, home: Path, data: Path, *more: str) -> object:
    return run(
        "node", "register", "--home", home, "--data", data, "--challenge",
        folder / "data" / "challenge", "--dir", folder, "--json", *more,
    )  # fmt: skip


def rotate(run: Run, folder: Path, name: str, *more: str) -> Outcome:
    return run(
        "node", "rotate", "--home", folder / "nodes" / name, "--dir", folder, "--json", *more
    )


def test_the_light_listing_is_what_the_contract_says(folder: Path, run: Run) -> None:
    assert run("node", "revoke", "1", "--dir", folder).code == 0
    assert rotate(run, folder, "trauma").code == 0
    document = json.loads((folder / "run.json").read_text())
    listed = read_registry(str(folder / "chain.sqlite"), document["federation"])
    with connect(str(folder / "chain.sqlite")) as chain:
        federation = Federation(chain, document["federation"])
        assert [
            (n.id, n.account, n.signer, n.active_from, n.active_until) for n in federation.nodes()
        ] == [(n.id, n.account, n.signer, n.active_from, n.active_until) for n in listed.nodes]
        stakes = [federation.vault.call("stakeOf", n.id) for n in federation.nodes()]
        assert stakes == [n.stake for n in listed.nodes]
        assert federation.round().id == listed.newest_round == 0


@pytest.fixture
def served(folder: Path) -> Iterator[str]:
    """The run's chain over HTTP."""
    chain = engines.start("embedded", folder, port=0)
    yield chain.url
    engines.stop(folder)


def test_the_listing_over_http_is_the_same(folder: Path, served: str, run: Run) -> None:
    assert run("round", "open", "--dir", folder).code == 0
    assert rotate(run, folder, "cardiac").code == 0
    assert run("node", "exit", "--home", folder / "nodes" / "trauma", "--dir", folder).code == 0
    address = json.loads((folder / "run.json").read_text())["federation"]
    assert read_registry(served, address) == read_registry(str(folder / "chain.sqlite"), address)
    assert read_registry(served, address).newest_round == 1


def test_list(folder: Path, run: Run) -> None:
    done = run("node", "list", "--dir", folder, "--json")
    assert [n["name"] for n in done.json["nodes"]] == ["cardiac", "trauma"]
    assert {n["status"] for n in done.json["nodes"]} == {"active"}
    assert {n["stake"] for n in done.json["nodes"]} == {"100"}
    account = done.json["nodes"][1]["account"]
    for wanted in ("2", account, account.lower(), "trauma", str(folder / "nodes" / "trauma")):
        one = run("node", "list", wanted, "--dir", folder, "--json")
        assert one.json["nodes"] == [done.json["nodes"][1]], wanted
    assert account in run("node", "list", "--dir", folder).out


def test_a_hospital_joins(folder: Path, home: Path, run: Run) -> None:
    data = write_site(folder / "data" / "oncology")
    refused = register(run, folder, home, data)
    assert refused.code == 1 and refused.json["error"]["code"] == "CG302"
    assert run("node", "admit", home, "--dir", folder, "--fund", "--json").json["funded"]
    joined = register(run, folder, home, data)
    assert joined.code == 0 and joined.json["id"] == 3 and joined.json["registered_now"]
    again = register(run, folder, home, data, "--bits", "4")
    assert again.code == 0 and not again.json["registered_now"]
    settings = json.loads((home / "node.json").read_text())
    assert settings["name"] == "oncology" and settings["bits"] == 4
    rows = run("node", "list", "--dir", folder, "--json").json["nodes"]
    assert [r["name"] for r in rows] == ["cardiac", "trauma", "oncology"]
    with connect(str(folder / "chain.sqlite")) as chain:
        gas = int(chain.rpc("eth_getBalance", joined.json["signer"], "latest"), 16)
    assert gas == 5 * 10**17, "the signer can send its votes"


def test_no_stake_is_paid_on_another_card_than_the_federations(
    folder: Path, home: Path, run: Run
) -> None:
    """The hospital was given a card that promises more than the contract."""
    data = write_site(folder / "data" / "oncology")
    assert run("node", "admit", home, "--dir", folder, "--fund", "--json").json["funded"]
    card = TaskCard.decode((folder / "card.json").read_bytes())
    better = replace(card, terms=replace(card.terms, reward=2 * card.terms.reward))
    (folder / "card.json").write_bytes(better.encode())
    refused = register(run, folder, home, data)
    assert refused.code == 1 and refused.json["error"]["code"] == "CG105"
    assert len(run("node", "list", "--dir", folder, "--json").json["nodes"]) == 2
    (folder / "card.json").write_bytes(card.encode())
    assert register(run, folder, home, data).code == 0


def test_a_node_that_joins_during_a_round_waits(folder: Path, home: Path, run: Run) -> None:
    assert run("round", "open", "--dir", folder).code == 0
    assert run("node", "admit", home, "--dir", folder, "--fund").code == 0
    assert register(run, folder, home, write_site(folder / "data" / "oncology")).code == 0
    assert run("node", "list", "3", "--dir", folder, "--json").json["nodes"][0]["status"] == (
        "pending"
    )


def test_a_revoked_node_stays_out_until_it_is_admitted_again(folder: Path, run: Run) -> None:
    assert run("node", "revoke", "trauma", "--dir", folder).code == 1, "not an id or a folder"
    done = run("node", "revoke", folder / "nodes" / "trauma", "--dir", folder, "--json")
    assert done.code == 0 and done.json == done.json | {"id": 2, "active_until": 1}
    rows = run("node", "list", "--dir", folder, "--json").json["nodes"]
    assert [row["status"] for row in rows] == ["active", "left"]
    home, data = folder / "nodes" / "trauma", folder / "data" / "trauma"
    refused = register(run, folder, home, data)
    assert refused.code == 1 and refused.json["error"]["code"] == "CG302"
    again = run("node", "revoke", "2", "--dir", folder, "--json")
    assert again.code == 1 and again.json["error"]["code"] == "CG303"
    assert run("node", "admit", home, "--dir", folder).code == 0
    back = register(run, folder, home, data)
    assert back.code == 0 and back.json["id"] == 2 and back.json["registered_now"]
    rows = run("node", "list", "--dir", folder, "--json").json["nodes"]
    assert [row["status"] for row in rows] == ["active", "active"]
    assert rows[1]["signer"] == back.json["signer"]


def test_a_node_rotates_its_keys(folder: Path, run: Run) -> None:
    before = run("node", "list", "trauma", "--dir", folder, "--json").json["nodes"][0]
    done = rotate(run, folder, "trauma", "--signer-gas", "0.25")
    assert done.code == 0 and done.json["id"] == 2 and done.json["active_from"] == 1
    after = run("node", "list", "trauma", "--dir", folder, "--json").json["nodes"][0]
    assert after == before | {"signer": done.json["signer"]} != before
    with connect(str(folder / "chain.sqlite")) as chain:
        gas = int(chain.rpc("eth_getBalance", done.json["signer"], "latest"), 16)
        node = Federation(chain, json.loads((folder / "run.json").read_text())["federation"]).node(
            2
        )
    assert gas == 25 * 10**16
    assert done.json["encryption_key"] == "0x" + node.encryption_key.hex()
    assert done.json["transport_key"] == "0x" + node.transport_key.hex()
    moved = rotate(run, folder, "trauma", "--transport")
    assert moved.json["transport_key"] != done.json["transport_key"]
    assert (
        "encryption_key"
        in run("node", "rotate", "--home", folder / "nodes" / "cardiac", "--dir", folder).out
    )


def test_a_node_leaves_and_takes_its_stake(folder: Path, run: Run) -> None:
    home = folder / "nodes" / "trauma"
    locked = run("node", "withdraw", home, "--dir", folder, "--json")
    assert locked.code == 1 and locked.json["error"]["code"] == "CG307"
    done = run("node", "exit", "--home", home, "--dir", folder, "--json")
    assert done.code == 0 and done.json == done.json | {"id": 2, "active_until": 1}
    for command in ("exit", "rotate"):
        again = run("node", command, "--home", home, "--dir", folder, "--json")
        assert again.code == 1 and again.json["error"]["code"] == "CG303"
    early = run("node", "withdraw", "2", "--dir", folder, "--json")
    assert early.code == 1 and str(done.json["unbonded_at"]) in early.json["error"]["found"]
    with connect(str(folder / "chain.sqlite")) as chain:
        chain.increase_time(done.json["unbonded_at"] - chain.timestamp())
    paid = run("node", "withdraw", "2", "--dir", folder, "--wallet", "dev:7", "--json")
    assert paid.code == 0 and paid.json["paid"] == "100"
    rows = run("node", "list", "--dir", folder, "--json").json["nodes"]
    assert [(row["status"], row["stake"]) for row in rows] == [("active", "100"), ("left", "0")]
    twice = run("node", "withdraw", "2", "--dir", folder, "--json")
    assert twice.code == 1 and twice.json["error"]["code"] == "CG508"


def test_leaving_ends_with_the_round(folder: Path, run: Run) -> None:
    assert run("round", "open", "--dir", folder).code == 0
    done = run("node", "exit", "--home", folder / "nodes" / "trauma", "--dir", folder)
    assert done.code == 0 and "left as of round 2" in done.out and "becomes free at" in done.out
    rows = run("node", "list", "--dir", folder, "--json").json["nodes"]
    assert [row["status"] for row in rows] == ["active", "leaving"]


def test_keys_are_not_overwritten(home: Path, run: Run) -> None:
    before = {p.name: p.read_bytes() for p in (home / "keys").iterdir()}
    done = run("node", "keygen", "--home", home, "--json")
    assert done.code == 1 and done.json["error"]["code"] == "CG304"
    assert {p.name: p.read_bytes() for p in (home / "keys").iterdir()} == before


def test_a_passphrase_is_needed_and_never_an_argument(folder: Path, tmp_path: Path) -> None:
    script = "import os, sys; os.environ.pop('COLLEGIUM_PASSPHRASE', None); "
    script += "from collegium.cli import main; sys.exit(main(sys.argv[1:]))"
    command = ["-c", script, "node", "keygen", "--home", str(tmp_path / "new"), "--json"]
    done = python(*command)
    assert done.code == 1 and done.json["error"]["code"] == "CG306"
    assert not (tmp_path / "new").exists()
    assert "--passphrase" not in python("-m", "collegium.cli", "node", "keygen", "--help").out
