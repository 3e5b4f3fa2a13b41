"""A node's folder: written in one step, kept apart by federation and round."""

import json
import threading
from pathlib import Path

import pytest

from collegium.errors import BadSettings, MissingKeys
from collegium.workspace.home import NodeHome, NodeSettings

ONE, OTHER = "0x5FbDB2315678afecb367f032d93F642f64180aa3", "0x" + "22" * 20


def settings(federation: str = ONE) -> NodeSettings:
    return NodeSettings("north", "chain.sqlite", federation, "data", "challenge", bits=4)


@pytest.fixture
def home(tmp_path: Path) -> NodeHome:
    home = NodeHome(tmp_path / "node")
    home.write_settings(settings(), b"card", b"layout")
    return home


def test_settings_and_documents_come_back(home: NodeHome) -> None:
    assert home.settings() == settings()
    assert (home.card(), home.layout()) == (b"card", b"layout")


def test_a_folder_without_a_node_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MissingKeys, match="collegium node keygen"):
        NodeHome(tmp_path).settings()


@pytest.mark.parametrize(
    ("change", "named"),
    [({"attack": "liar"}, "attack"), ({"bits": "8"}, "bits"), ({"chain": None}, "chain")],
    ids=["unknown name", "wrong kind", "missing value"],
)
def test_settings_that_cannot_be_read(
    home: NodeHome, change: dict[str, object], named: str
) -> None:
    path = home.path / "node.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BadSettings, match=named) as caught:
        home.settings()
    assert named in caught.value.found


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff"])
def test_settings_that_are_not_json(home: NodeHome, data: bytes) -> None:
    (home.path / "node.json").write_bytes(data)
    with pytest.raises(BadSettings, match="first_block"):
        home.settings()


def test_the_journal_keeps_bytes_and_documents(home: NodeHome) -> None:
    journal = home.journal(1)
    assert journal.read("x") is None and journal.read_json("y") is None
    journal.write("x", b"\x00")
    journal.write_json("y", {"scores": [1, -2]})
    again = NodeHome(home.path).journal(1)
    assert again.read("x") == b"\x00" and again.read_json("y") == {"scores": [1, -2]}
    assert home.journal(2).read("x") is None


def test_a_node_that_joins_another_federation_starts_an_empty_journal(home: NodeHome) -> None:
    home.journal(1).write("update.safetensors", b"for the first")
    home.write_settings(settings(OTHER), b"card", b"layout")
    assert home.journal(1).read("update.safetensors") is None


def test_a_crash_while_writing_leaves_the_old_file(
    home: NodeHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = home.journal(1)
    journal.write("vote.json", b"old")

    def power_cut(_: int) -> None:
        raise OSError("power cut")

    monkeypatch.setattr("os.fsync", power_cut)
    with pytest.raises(OSError, match="power cut"):
        journal.write("vote.json", b"new, and longer")
    assert journal.read("vote.json") == b"old"


def test_only_one_holds_the_journal(home: NodeHome) -> None:
    order = []

    def work(name: str, inside: threading.Event, go: threading.Event) -> None:
        with home.journal(1).locked():
            inside.set()
            go.wait(5)
            order.append(name)

    entered, release, other = threading.Event(), threading.Event(), threading.Event()
    first = threading.Thread(target=work, args=("first", entered, release))
    first.start()
    assert entered.wait(5)
    second = threading.Thread(target=work, args=("second", other, release))
    second.start()
    assert not other.wait(0.1)  # waits for the first
    release.set()
    first.join(5)
    second.join(5)
    assert order == ["first", "second"]


def test_envelopes_of_earlier_rounds_are_forgotten_and_nothing_else(home: NodeHome) -> None:
    for number in (9, 10):
        home.journal(number).write("aa.sealed", b"x")
        home.journal(number).write("vote.json", b"{}")
    home.forget_deliveries(before=10)
    left = [path.name for number in (9, 10) for path in home.journal(number).folder.iterdir()]
    assert sorted(left) == ["aa.sealed", "vote.json", "vote.json"]
    assert home.journal(10).read("aa.sealed") == b"x"
