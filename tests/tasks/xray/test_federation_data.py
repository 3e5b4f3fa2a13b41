"""Folders with many sites, and the challenge set that sites contribute to."""

import json
import shutil

import pytest
from PIL import Image

from collegium.errors import EmptySite, MissingMetadata
from collegium.tasks.xray import overlap
from collegium.tasks.xray.federation_data import contribute, read_federation


def test_sites_and_shared_sets_are_told_apart(federation):
    assert list(federation.sites) == ["cardiac", "oncology", "pulmonary", "trauma"]
    assert len(federation.challenge.images) == 20
    assert len(federation.reference) == 40


def test_a_folder_without_reference_or_sites_is_refused(phantoms, tmp_path):
    with pytest.raises(MissingMetadata, match="reference"):
        read_federation(tmp_path)
    shutil.copytree(phantoms / "reference", tmp_path / "reference")
    with pytest.raises(EmptySite):
        read_federation(tmp_path)


def write(folder, *names, patient=None, colour=100, **line):
    """A hospital with one picture for each name."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, name in enumerate(names):
        Image.new("L", (8, 6), colour + number).save(folder / name)
        row = {"file_name": name, "question": "Is there?", "answer": "yes", **line}
        rows.append(row if patient is None else row | {"patient": patient})
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture
def root(tmp_path):
    """Two hospitals and a test set."""
    for number, name in enumerate(("a", "b", "reference")):
        write(tmp_path / name, "0.png", "1.png", colour=10 * number)
    return tmp_path


@pytest.mark.parametrize("name", ["Metadata.jsonl", "metadata.txt", "labels.csv"])
@pytest.mark.parametrize("hospital", ["c", "challenge", "reference"])
def test_no_folder_with_images_is_left_out(root, hospital, name):
    folder = write(root / hospital, "0.png")
    (folder / "metadata.jsonl").rename(folder / name)
    with pytest.raises(MissingMetadata, match=hospital):
        read_federation(root)


def test_a_shared_folder_without_images_is_not_left_out_either(root):
    (root / "challenge").mkdir()
    with pytest.raises(MissingMetadata, match="challenge"):
        read_federation(root)


def test_images_deep_in_a_folder_without_metadata_are_found(root):
    write(root / "c" / "train" / "x", "0.PNG")
    with pytest.raises(MissingMetadata, match="c"):
        read_federation(root)


def test_what_is_not_used_is_named(root):
    shutil.copytree(root / "a", root / ".ipynb_checkpoints")
    shutil.copytree(root / "a", root / "__MACOSX")
    (root / "notes").mkdir()
    (root / "notes" / "readme.txt").write_text("x")
    (root / "README.md").write_text("x")
    (root / "gone").symlink_to(root / "nowhere")
    shutil.copy(root / "a" / "0.png", root / "a" / "spare.png")
    (root / "a" / ".hidden.png").write_bytes(b"")
    found = read_federation(root)
    assert list(found.sites) == ["a", "b"]
    assert {one.path: one.reason for one in found.unused} == {
        ".ipynb_checkpoints": "its name begins with a dot",
        "__MACOSX": "a folder of the operating system",
        "README.md": "a file, not a folder",
        "gone": "a link that leads nowhere",
        "notes": "it has no metadata and no images",
        "a/spare.png": "an image that no line of its metadata names",
    }


@pytest.mark.parametrize("name", ["A", "Reference", "CHALLENGE"])
def test_names_that_differ_in_case_only(root, name):
    write(root / name, "0.png")
    with pytest.raises(EmptySite, match="upper and lower case"):
        read_federation(root)


def test_one_folder_under_two_names(root):
    (root / "c").symlink_to(root / "a")
    with pytest.raises(EmptySite, match="which are one folder"):
        read_federation(root)


def test_shared_pictures_and_people_are_named(root):
    shutil.copy(root / "a" / "0.png", root / "reference" / "0.png")
    write(root / "b", "0.png", "1.png", patient="7", colour=50)
    write(root / "challenge", "9.png", patient=7, colour=90)
    notices = read_federation(root).notices
    assert len(notices) == 2
    assert "one picture is in both a and reference" in notices
    assert any(one.startswith("one patient id is in both b and challenge") for one in notices)


def test_only_pictures_of_one_size_are_read(root, monkeypatch):
    read = []
    monkeypatch.setattr(overlap, "_prefix", lambda picture: read.append(picture.name) or b"")
    Image.new("L", (80, 60)).save(root / "a" / "0.png")
    read_federation(root)
    assert len(read) == 5, "not the larger one"


def test_every_site_contributes_and_keeps_no_contributed_patient(federation):
    challenge, kept = contribute(federation.sites, rows=16, seed=1)
    assert len(challenge) == 16
    for number, (name, site) in enumerate(federation.sites.items()):
        given = {e.patient for e in challenge.examples if e.patient.startswith(f"{number}/{name}/")}
        assert len(given) > 0
        assert not given & {f"{number}/{name}/{e.patient}" for e in kept[name].examples}
        assert len(kept[name]) >= 0.7 * len(site)
    assert challenge.digest == contribute(federation.sites, rows=16, seed=1)[0].digest
