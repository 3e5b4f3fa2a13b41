"""The data of a demonstration: a user's folders are read, never written; every node gets data."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from collegium.errors import EmptySite
from collegium.lab.scenario import Scenario
from collegium.lab.sites import lay_out
from collegium.tasks.xray.folder import read_folder
from collegium.tasks.xray.recipe import Recipe

RECIPE = Recipe(challenge_rows=6)


def hospital(folder: Path, patients: int, seed: int) -> None:
    """An ImageFolder with one image and one question per patient."""
    folder.mkdir(parents=True)
    rng, lines = np.random.default_rng(seed), []
    for number in range(patients):
        name = f"scan {number}.png"
        Image.fromarray(rng.integers(0, 255, (16, 16), np.uint8)).save(folder / name)
        lines.append(
            {
                "file_name": name,
                "question": "is there an effusion",
                "answer": "yes" if number % 2 else "no",
                "question_type": "effusion",
                "patient": f"{seed}-{number}",
            }
        )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "metadata.jsonl").write_text(text)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three hospitals and a reference set, as a user has them."""
    for seed, name in enumerate(("north", "south", "west", "reference")):
        hospital(tmp_path / "data" / name, 12, seed)
    return tmp_path / "data"


def digest(folder: Path) -> str:
    """Everything below a folder, names and bytes."""
    hasher = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        hasher.update(str(path.relative_to(folder)).encode())
        hasher.update(path.read_bytes() if path.is_file() else b"")
    return hasher.hexdigest()


def test_nothing_is_written_into_the_users_folder(data: Path, tmp_path: Path) -> None:
    before = digest(data)
    sites = lay_out(Scenario(tmp_path / "out", data=data, attacks=()), RECIPE)
    assert digest(data) == before
    assert [m.name for m in sites.honest] == ["north", "south", "west"]
    assert sites.reference == data / "reference"


def test_without_a_challenge_set_every_hospital_gives_some(data: Path, tmp_path: Path) -> None:
    sites = lay_out(Scenario(tmp_path / "out", data=data, attacks=()), RECIPE)
    challenge = read_folder(sites.challenge)
    assert len(challenge) >= 3
    given = {example.patient for example in challenge.examples}
    for member in sites.honest:
        kept = {example.patient for example in read_folder(member.data).examples}
        assert kept and not kept & given  # nobody trains on what it is scored with


def test_a_challenge_set_that_is_there_is_used(data: Path, tmp_path: Path) -> None:
    hospital(data / "challenge", 6, seed=9)
    sites = lay_out(Scenario(tmp_path / "out", data=data, attacks=()), RECIPE)
    assert sites.challenge == data / "challenge"
    assert [m.data for m in sites.honest] == [data / n for n in ("north", "south", "west")]


def test_dishonest_nodes_come_last_with_data_like_anybodys(data: Path, tmp_path: Path) -> None:
    attacks = ("noise", "liar", "noise")
    sites = lay_out(Scenario(tmp_path / "out", data=data, attacks=attacks), RECIPE)
    assert [m.name for m in sites.members[3:]] == ["noise", "liar", "noise-2"]
    assert [m.attack for m in sites.members] == ["", "", "", *attacks]
    assert all(len(read_folder(m.data)) for m in sites.members)


def test_a_hospital_may_be_called_like_an_attack(data: Path, tmp_path: Path) -> None:
    (data / "south").rename(data / "noise")
    sites = lay_out(Scenario(tmp_path / "out", data=data, attacks=("noise", "liar")), RECIPE)
    names = [(member.name, member.attack) for member in sites.members]
    assert names == [
        ("noise", ""), ("north", ""), ("west", ""), ("noise-2", "noise"), ("liar", "liar")
    ]  # fmt: skip


def test_all_that_is_left_out_is_said(data: Path, tmp_path: Path) -> None:
    (data / ".git").mkdir()
    (data / "north" / "scan 99.png").write_bytes((data / "north" / "scan 1.png").read_bytes())
    scenario = Scenario(tmp_path / "out", data=data, attacks=(), nodes=2)
    sites = lay_out(scenario, RECIPE)
    assert sites.sentences() == [
        "not used: .git (its name begins with a dot)",
        "not used: north/scan 99.png (an image that no line of its metadata names)",
        "not used: west (only 2 honest nodes take part)",
    ]
    assert [one["path"] for one in sites.to_json()["unused"]][-1] == "west"


def test_more_nodes_than_hospitals_are_refused(data: Path, tmp_path: Path) -> None:
    with pytest.raises(EmptySite, match="found 3: north, south, west"):
        lay_out(Scenario(tmp_path / "out", data=data, nodes=4, attacks=()), RECIPE)


def test_fewer_nodes_take_the_first_hospitals(data: Path, tmp_path: Path) -> None:
    scenario = Scenario(tmp_path / "out", data=data, nodes=3, attacks=("liar",))
    assert [m.name for m in lay_out(scenario, RECIPE).members] == ["north", "south", "liar"]
