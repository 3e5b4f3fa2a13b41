"""The dialogue task on the shipped base: vectors, training, utility, evaluation, adapters."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from tests.tasks.settings import QUICK

from collegium.errors import BadLayout, ModelMismatch
from collegium.protocol import state
from collegium.tasks.baselines import train_alone, train_pooled
from collegium.tasks.xray import scoring
from collegium.tasks.xray.data import Dataset, join
from collegium.tasks.xray.federation_data import contribute, scoring_set
from collegium.tasks.xray.folder import read_folder
from collegium.tasks.xray.kind import KIND
from collegium.tasks.xray.metric import AUC
from collegium.tasks.xray.scoring import auc


@pytest.fixture(scope="module")
def examples(task, federation):
    return task.prepare(federation.sites["cardiac"])


@pytest.fixture(scope="module")
def trained(task, examples):
    return task.train(task.zeros(), examples, round=0, seed=1)


def test_the_layout_names_what_is_trained(task):
    layout = task.layout
    assert layout.mode == "ffa" and layout.rank == QUICK.rank
    assert all(".lora_B." in tensor.name for tensor in layout.tensors)
    assert layout.frozen == hashlib.sha256(task.frozen).hexdigest()
    assert task.zeros().shape == (layout.padded,) and not task.zeros().any()


def test_the_same_recipe_gives_the_same_layout_and_another_seed_another(task):
    assert KIND.load(QUICK).layout == task.layout
    assert KIND.load(replace(QUICK, adapter_seed=8)).layout.frozen != task.layout.frozen


def test_an_agreed_layout_is_insisted_on(task):
    KIND.load(QUICK, layout=task.layout, frozen=task.frozen)
    for wrong in (
        replace(task.layout, base_model="0" * 64),
        replace(task.layout, frozen="0" * 64),
        replace(task.layout, tensors=task.layout.tensors[1:]),
    ):
        with pytest.raises(ModelMismatch):
            KIND.load(QUICK, layout=wrong, frozen=task.frozen)
    other = KIND.load(replace(QUICK, adapter_seed=8)).frozen
    with pytest.raises(ModelMismatch):
        KIND.load(QUICK, layout=task.layout, frozen=other)


@pytest.mark.parametrize("blob", [b"", b"\0" * 40, b"\xff" * 8 + b"{}"])
def test_a_malformed_frozen_part_is_refused(task, blob):
    with pytest.raises(ModelMismatch):
        KIND.load(QUICK, frozen=blob)


def test_a_frozen_part_of_another_shape_is_refused():
    with pytest.raises(ModelMismatch, match="frozen part"):
        KIND.load(QUICK, frozen=KIND.load(replace(QUICK, rank=4)).frozen)


def test_zero_is_the_untouched_base(task, examples):
    """B = 0 adds nothing: the loss is that of the model without an adapter."""
    task.adapter.write(task.zeros())
    task.adapter.model.eval()
    with task.adapter.model.disable_adapter():
        losses, _ = scoring.measure(task.adapter.model, examples.batches(), len(examples.dataset))
    assert task.loss(task.zeros(), examples) == pytest.approx(np.log1p(losses).mean(), abs=1e-6)


def test_training_repeats_bit_for_bit(task, examples, trained):
    again = task.train(task.zeros(), examples, round=0, seed=1)
    assert trained.tobytes() == again.tobytes()
    fresh = KIND.load(QUICK)
    elsewhere = fresh.train(fresh.zeros(), examples.dataset, round=0, seed=1)
    assert trained.tobytes() == elsewhere.tobytes()
    assert trained.tobytes() != task.train(task.zeros(), examples, round=0, seed=2).tobytes()


def test_training_moves_b_only(task, examples, trained):
    assert trained.dtype == np.float32 and np.isfinite(trained).all()
    assert np.count_nonzero(trained) > 0.9 * task.layout.lanes
    assert not trained[task.layout.lanes :].any()
    assert task.frozen == KIND.load(QUICK).frozen


def test_training_lowers_the_loss(task, examples, trained):
    assert task.loss(trained, examples) < 0.9 * task.loss(task.zeros(), examples)


def test_the_learning_rate_falls_over_the_rounds(task, examples, trained):
    later = task.train(task.zeros(), examples, round=6, seed=1)
    assert np.linalg.norm(later) < 0.6 * np.linalg.norm(trained)


def test_a_vector_of_another_length_is_refused(task, examples):
    for wrong in (np.zeros(7, np.float32), np.zeros(task.layout.padded + 256, np.float32)):
        with pytest.raises(BadLayout):
            task.loss(wrong, examples)


def test_loss_does_not_depend_on_what_was_computed_before(task, examples, trained):
    """Folding the adapter into the weights leaves nothing behind."""
    before = task.loss(task.zeros(), examples)
    task.loss(trained * 50, examples)
    task.train(trained, examples, round=0, seed=3)
    assert task.loss(task.zeros(), examples) == before


def test_folding_equals_the_adapter(task, examples, trained):
    task.adapter.write(trained)
    task.adapter.model.eval()
    live, _ = scoring.measure(task.adapter.model, examples.batches(), len(examples.dataset))
    with task.adapter.folded() as model:
        folded, _ = scoring.measure(model, examples.batches(), len(examples.dataset))
    assert folded == pytest.approx(live, abs=1e-3)


def test_averages_of_vectors_are_averages_of_adapters(task, examples, trained):
    """A is frozen, so the change of every weight matrix is linear in the vector."""
    other = task.train(task.zeros(), examples, round=0, seed=5)

    def change(vector):
        task.adapter.write(vector)
        layer = next(m for m in task.adapter.model.modules() if hasattr(m, "get_delta_weight"))
        return layer.get_delta_weight("default").detach().clone()

    mean = change((trained + other) / 2)
    assert torch.allclose(mean, (change(trained) + change(other)) / 2, atol=1e-6)


def test_state_integers_carry_the_vector(task, examples, trained):
    """The ledger's fixed point (2^-24) is finer than anything the loss can tell."""
    integers = np.rint(trained.astype(np.float64) * 2**24).astype(np.int32)
    assert task.loss(state.to_float(integers), examples) == pytest.approx(
        task.loss(trained, examples), abs=1e-5
    )


def test_greedy_accuracy_is_that_of_generation(task, federation, trained):
    """One forward pass tells which answers greedy decoding gets right."""
    examples = task.prepare(federation.reference)
    task.adapter.write(trained)
    task.adapter.model.eval()
    with task.adapter.folded() as model:
        _, right = scoring.measure(model, examples.batches(), len(examples.dataset))
        prompts = [examples.prompt(e) for e in examples.dataset.examples]
        said = scoring.generate(model, task.prompter, prompts, 12)
    assert right.tolist() == [
        text == e.answer for text, e in zip(said, examples.dataset.examples, strict=True)
    ]


def test_evaluation_reports_each_kind(task, federation):
    result = task.evaluate(task.zeros(), federation.reference)
    assert list(result.parts) == ["diagnosis", "finding", AUC]
    assert result.parts["finding"] > 0.8 and result.parts[AUC] > 0.9
    assert result.parts["diagnosis"] < 0.1
    assert result.rows == len(federation.reference)
    low, high = result.interval
    assert 0 < low < result.value < high < 1


def test_answers_do_not_depend_on_casing_or_spacing(task, phantoms):
    image = phantoms / "reference" / "0002.png"
    plain = task.answer(task.zeros(), image, "Is there cardiomegaly?")
    assert plain == task.answer(task.zeros(), image, "is there  CARDIOMEGALY ?")
    assert plain == task.answer(task.zeros(), Image.open(image), "Is there cardiomegaly?")
    assert plain.text == "yes" and plain.p_yes > 0.5 and plain.confidence > 0.5


def test_a_peft_folder_loads_without_this_package(task, federation, trained, tmp_path):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    from collegium.tasks.xray.tiny import locate

    task.save_adapter(trained, tmp_path)
    base = locate("tiny")
    model = AutoModelForImageTextToText.from_pretrained(base, dtype=torch.float32)
    model = PeftModel.from_pretrained(model, tmp_path).eval()
    processor = AutoProcessor.from_pretrained(base)
    pixels = federation.reference.images["0002.png"].pixels()
    asked = [
        {
            "role": "user",
            "content": [
                {"type": "image", "image": Image.fromarray(pixels).convert("RGB")},
                {"type": "text", "text": "What is the diagnosis?"},
            ],
        }
    ]
    inputs = processor.apply_chat_template(
        asked, add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    with torch.inference_mode():
        out = model.generate(**inputs, max_new_tokens=12, do_sample=False)
    said = processor.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    assert said.strip() == task.answer(trained, pixels, "What is the diagnosis?").text


def test_baselines_take_the_steps_they_are_said_to(task, federation):
    alone = train_alone(task, federation.sites["cardiac"], rounds=2, seed=1)
    cardiac = federation.sites["cardiac"]
    first = task.train(task.zeros(), cardiac, round=0, seed=1, federated=False)
    second = task.train(first, cardiac, round=1, seed=1, federated=False)
    assert alone.tobytes() == second.tobytes()
    pooled = train_pooled(
        task, join(list(federation.sites.values())), hospitals=4, rounds=1, seed=1
    )
    assert np.linalg.norm(pooled) > np.linalg.norm(first)


def test_validators_score_with_different_parts_of_the_challenge(federation):
    recipe = replace(QUICK, shard_rows=6, challenge_rows=10)
    own = federation.sites["trauma"]
    one, two = (scoring_set(own, federation.challenge, recipe, seed) for seed in (1, 2))
    assert len(one) == len(two) == 16
    assert one.digest != two.digest
    assert one.digest == scoring_set(own, federation.challenge, recipe, 1).digest


@pytest.mark.parametrize(
    ("scores", "positive", "expected"),
    [
        ([0.1, 0.9], [False, True], 1.0),
        ([0.9, 0.1], [False, True], 0.0),
        ([0.5, 0.5, 0.5], [False, True, True], 0.5),
        ([0.1, 0.4, 0.4, 0.8], [False, False, True, True], 0.875),
        ([0.1, 0.2], [True, True], None),
    ],
)
def test_auc_counts_pairs(scores, positive, expected):
    assert auc(np.array(scores), np.array(positive)) == expected


def test_learns_real_radiographs(real_data):
    """Two sites' pneumonia images: half a round lifts the area under the curve well above base."""
    folder = real_data / "pneumonia"
    sites = {name: read_folder(folder / name).limited(80) for name in ("site-2", "site-3")}
    reference = read_folder(folder / "reference").limited(80)
    task = KIND.load(replace(QUICK, local_steps=12, batch=16))
    challenge, kept = contribute(sites, rows=20, seed=1)
    update = task.train(task.zeros(), kept["site-2"], round=0, seed=1)
    assert task.loss(update, challenge) < task.loss(task.zeros(), challenge)
    before, after = (task.evaluate(v, reference).parts[AUC] for v in (task.zeros(), update))
    assert after > max(0.85, before + 0.05)


def test_reads_every_real_set(real_data):
    """Patients with several images and several kinds of question come through the same reader."""
    read = read_folder(real_data / "hannover")
    train, held = read.split(0.25)
    assert isinstance(train, Dataset) and len(read.images) == 186
    assert not {e.patient for e in train.examples} & {e.patient for e in held.examples}
    assert 0.15 < len(held) / len(read) < 0.35


def test_loading_leaves_standard_error_to_our_own_words() -> None:
    """Also where progress bars are forbidden: to ask for them back would be a warning."""
    code = "from collegium.tasks.xray.kind import KIND; KIND.load(KIND.recipe({}))"
    forbidden = os.environ | {"HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=forbidden, check=True
    )
    assert "Warning" not in done.stderr and done.stdout == ""
