"""The shipped base model: its files, what it knows, and that its recipe makes it."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tests.tasks.settings import QUICK
from transformers import AutoProcessor

from collegium.errors import ModelMismatch
from collegium.tasks.base_files import locate_base, model_digest
from collegium.tasks.xray.base_model import build_processor
from collegium.tasks.xray.kind import KIND
from collegium.tasks.xray.pretrain import Conversations, Recipe, corpus, main
from collegium.tasks.xray.tiny import locate


def test_the_weights_are_those_of_the_recipe():
    base = locate("tiny")
    recipe = json.loads((base / "recipe.json").read_text())
    weights = (base / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == recipe["weights_sha256"]
    assert len(weights) < 2_000_000
    assert recipe["training"] == json.loads(json.dumps(Recipe().__dict__))
    assert (base / "LICENSE.txt").is_file()


def test_the_digest_names_what_decides_the_answers(tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(locate("tiny"), copy)
    digest = model_digest(copy)
    assert digest == model_digest(locate("tiny"))
    (copy / "recipe.json").write_text("{}")
    assert model_digest(copy) == digest
    template = copy / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert model_digest(copy) != digest


def test_a_changed_base_is_noticed(task, tmp_path):
    shutil.copytree(locate("tiny"), tmp_path / "base")
    config = json.loads((tmp_path / "base" / "config.json").read_text())
    (tmp_path / "base" / "config.json").write_text(json.dumps({**config, "note": 1}))
    recipe = replace(QUICK, base=str(tmp_path / "base"))
    with pytest.raises(ModelMismatch, match="base model"):
        KIND.load(recipe, layout=task.layout)


def test_an_unknown_model_is_explained():
    with pytest.raises(ModelMismatch, match="no-such/model"):
        locate_base("no-such/model")


def test_the_base_knows_every_word_of_the_diagnoses(task, federation):
    """Asked in text which signs make a diagnosis, it names it: adapters need not teach words."""
    any_picture = federation.reference.images["0000.png"].pixels()
    for signs, name in (
        ("enlarged heart and effusion", "heart failure"),
        ("left effusion", "left pleurisy"),
        ("nodule and effusion", "malignant effusion"),
    ):
        assert task.answer(task.zeros(), any_picture, f"Name {signs}.").text == name


def test_the_tokenizer_ignores_casing_and_spacing():
    tokenizer = AutoProcessor.from_pretrained(locate("tiny")).tokenizer
    plain = tokenizer("is there pneumonia?")["input_ids"]
    for form in ("Is there Pneumonia?", "  is  there pneumonia ?", "IS THERE PNEUMONIA?"):
        assert tokenizer(form)["input_ids"] == plain
    assert tokenizer.decode(plain).strip() == "is there pneumonia?"


def test_batches_of_pretraining_repeat():
    recipe = Recipe(pictures=12, batch=4)

    def first_batch():
        rng = np.random.default_rng(5)
        return Conversations(build_processor(corpus(rng, 200)), recipe, rng).batch()

    one, two = first_batch(), first_batch()
    assert all(one[key].equal(two[key]) for key in one)
    assert one["pixel_values"].shape == (4, 1, 3, 64, 64)
    assert (one["labels"] >= 0).sum() >= 4 * recipe.turns


def test_the_command_writes_a_model_that_loads(tmp_path, capsys):
    """Two steps from nothing give a folder that takes the place of the shipped base."""
    assert main(["--out", str(tmp_path), "--steps", "2", "--pictures", "40"]) == 0
    printed = capsys.readouterr().out.strip()
    assert printed == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    other = KIND.load(replace(QUICK, base=str(tmp_path)))
    assert other.layout.lanes == KIND.load(QUICK).layout.lanes
