"""A federation on the shipped base model: created, asked, exported. Loads torch."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from collegium.consortium.card_file import CardFile
from collegium.protocol.card import TaskCard
from collegium.store import BlobStore

from .conftest import Run, write_site

PAGE = Path(__file__).parents[2] / "platform/collegium/pages/CG503.md"


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """The card of the documentation."""
    write_site(tmp_path / "data" / "challenge")
    found = re.search(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found is not None
    path = tmp_path / "card.toml"
    path.write_text(found[1])
    return path


def test_the_documented_card(card: Path) -> None:
    file = CardFile.read(card)
    assert file.terms.reward == 1_000 * 10**18 and file.deposit == 5_000 * 10**18
    assert file.recipe.rank == 8 and file.limits.cosine == 0.98


def test_create_ask_export(card: Path, tmp_path: Path, run: Run) -> None:
    folder, image = tmp_path / "run", tmp_path / "data" / "challenge" / "2.png"
    assert run("chain", "up", "--port", "0", "--dir", folder).code == 0
    made = run("federation", "create", card, "--dir", folder, "--json")
    assert run("chain", "down", "--dir", folder).code == 0
    assert made.code == 0, made.err
    assert made.json["chain"] == "chain.sqlite", "the file outlives the server"
    written = TaskCard.decode((folder / "card.json").read_bytes())
    assert made.json["card"] == "0x" + written.digest.hex()
    status = run("federation", "status", "--dir", folder, "--json").json
    assert status["card"] == made.json["card"]
    assert status["state_root"] == made.json["genesis"]
    assert status["money"]["free"] == "5000"
    assert len(list(BlobStore(folder / "store"))) == 2, "the frozen part and the first state"

    adapter = tmp_path / "adapter"
    exported = run("model", "export", "--out", adapter, "--dir", folder, "--json")
    assert exported.code == 0 and exported.json["base_model"] == written.base_model
    assert (adapter / "adapter_model.safetensors").is_file()
    question = ("model", "ask", image, "what is the diagnosis", "--json")
    answers = [
        run(*question, *more).json
        for more in ((), ("--federated", "--dir", folder), ("--adapter", adapter))
    ]
    assert {answer["answer"] for answer in answers} == {answers[0]["answer"]}
    assert answers[0]["answer"] and 0 < answers[0]["confidence"] <= 1, "B = 0 changes nothing"

    missing = run(
        "model", "export", "--out", adapter, "--root", "ab" * 32, "--dir", folder, "--json"
    )
    assert missing.code == 1 and missing.json["error"]["code"] == "CG408"
    (adapter / "adapter_model.safetensors").write_bytes(b"no tensors")
    broken = run(*question, "--adapter", adapter)
    assert broken.code == 1 and broken.json["error"]["code"] == "CG105"
    image.write_bytes(b"no image")
    assert run(*question).json["error"]["code"] == "CG102"


@pytest.mark.parametrize("name", ["card.json", "layout.json"])
def test_a_federation_does_not_replace_documents(
    name: str, card: Path, tmp_path: Path, run: Run
) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / name).write_text("mine")
    done = run("federation", "create", card, "--dir", out, "--chain", "embedded", "--json")
    assert done.code == 1 and done.json["error"]["code"] == "CG501"
    assert (out / name).read_text() == "mine"
    (out / name).unlink()
    assert run("federation", "create", card, "--dir", out, "--chain", "embedded").code == 0


def test_pretrain(tmp_path: Path, run: Run) -> None:
    """Two steps make a model that loads and answers, however badly."""
    base, site = tmp_path / "base", write_site(tmp_path / "data")
    trained = run("model", "pretrain", "--out", base, "--steps", "2", "--pictures", "4", "--json")
    assert trained.code == 0, trained.err
    assert trained.json["training"]["steps"] == 2 and "step 2" in trained.err
    asked = run("model", "ask", site / "0.png", "is it dark", "--base", base, "--json")
    assert asked.code == 0 and asked.json["model"] == str(base)


def test_look_at_what_a_model_sees(tmp_path: Path, run: Run) -> None:
    picture, out = tmp_path / "[deep].png", tmp_path / "seen.png"
    values = np.arange(600, dtype=np.uint16).reshape(20, 30) * 6
    Image.fromarray(values).save(picture, exif=_turned())
    seen = run("model", "look", picture, "--out", out, "--json")
    assert seen.code == 0, seen.err
    assert seen.json["orientation"] == 6 and seen.json["seen"] == [20, 30]
    assert seen.json["window_from"] == "percentiles"
    shown = np.asarray(Image.open(out))
    assert shown.shape == (30, 20) and shown[0, -1] < 5 and shown[-1, 0] > 250
    again = run("model", "look", picture, "--out", out, "--json")
    assert again.code == 1 and again.json["error"]["code"] == "CG501"
    plain = run("model", "look", picture)
    assert plain.code == 0 and "[deep].png" in plain.out


def _turned() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return exif


@pytest.mark.parametrize("question", ["<image> Is it?", "cut \ud83d", " ", "x" * 2_001])
def test_a_question_that_cannot_be_asked(question: str, tmp_path: Path, run: Run) -> None:
    site = write_site(tmp_path / "data")
    done = run("model", "ask", site / "0.png", question, "--json")
    assert done.code == 2 and done.json["error"]["code"] == "usage"
