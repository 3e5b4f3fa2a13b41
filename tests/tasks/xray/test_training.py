"""What keeps a node from unlearning what others taught the model."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.tasks.settings import QUICK
from torch.nn import functional

from collegium.tasks.xray import scoring, vision
from collegium.tasks.xray.kind import KIND
from collegium.tasks.xray.recipe import DECODER
from collegium.tasks.xray.training import answer_logits, not_true_divergence

_SEEDS = st.integers(0, 2**32 - 1)


def _draw(seed, rows=5, words=7):
    made = torch.Generator().manual_seed(seed)
    logits = 4 * torch.randn(2, rows, words, generator=made)
    return logits[0], logits[1], torch.randint(words, (rows,), generator=made)


@given(_SEEDS)
def test_the_divergence_is_that_of_the_wrong_answers_alone(seed):
    """Against the definition: drop the right token, renormalise, compare."""
    now, before, wanted = _draw(seed)
    expected = np.mean(
        [
            functional.kl_div(
                functional.log_softmax(torch.cat([n[:w], n[w + 1 :]]), -1),
                functional.softmax(torch.cat([b[:w], b[w + 1 :]]), -1),
                reduction="sum",
            )
            for n, b, w in zip(now, before, wanted, strict=True)
        ]
    )
    assert float(not_true_divergence(now, before, wanted)) == pytest.approx(expected, abs=1e-5)


@given(_SEEDS)
def test_learning_the_right_answer_is_not_held_back(seed):
    now, before, wanted = _draw(seed)
    now.requires_grad_()
    not_true_divergence(now, before, wanted).backward()
    assert torch.isfinite(now.grad).all()
    assert not now.grad.gather(1, wanted[:, None]).any()
    assert float(not_true_divergence(before, before, wanted)) == pytest.approx(0, abs=1e-6)


def test_preserving_keeps_more_of_what_the_model_said(task, federation):
    """The wrong answers' likelihoods move less away from those of the shared model."""
    examples = task.prepare(federation.sites["cardiac"])
    inputs, labels = task.prompter.collate(
        [examples.row(e) for e in examples.dataset.examples[:32]]
    )

    def said(vector):
        task.adapter.write(vector)
        task.adapter.model.eval()
        with torch.no_grad():
            return answer_logits(task.adapter.model, inputs, labels)

    before, wanted = said(task.zeros())
    moved = []
    for weight in (0.0, 3.0):
        strict = KIND.load(replace(QUICK, preserve=weight, local_steps=12))
        trained = strict.train(strict.zeros(), examples, round=0, seed=1)
        moved.append(float(not_true_divergence(said(trained)[0], before, wanted)))
    assert moved[1] < 0.8 * moved[0]


def test_alone_nothing_is_preserved(task, federation):
    own = federation.sites["cardiac"]
    plain = KIND.load(replace(QUICK, preserve=0.0))
    alone = task.train(task.zeros(), own, round=0, seed=1, federated=False)
    assert alone.tobytes() == plain.train(plain.zeros(), own, round=0, seed=1).tobytes()
    assert alone.tobytes() != task.train(task.zeros(), own, round=0, seed=1).tobytes()


def test_a_node_proposes_a_step_of_the_recipe_s_size(task, federation):
    own, start = federation.sites["cardiac"], task.zeros() + np.float32(0.01)
    longer = KIND.load(replace(QUICK, step=3.0, step_decay=0.5))
    plain, far = (t.train(start, own, round=1, seed=1) for t in (task, longer))
    assert np.allclose(far - start, 1.5 * (plain - start), atol=1e-6)


def test_pixels_are_kept_where_an_adapter_changes_what_is_seen(task, federation):
    examples = task.prepare(federation.challenge.limited(3))
    assert all(vision.FEATURES not in examples.see(e).inputs for e in examples.dataset.examples)


def test_what_is_seen_is_kept_within_a_bound(federation, monkeypatch):
    """With room for two pictures of twenty, the model still measures the same."""
    whole = KIND.load(replace(QUICK, targets=DECODER))
    expected = whole.loss(whole.zeros(), federation.challenge)
    first = whole.prepare(federation.challenge).see(federation.challenge.examples[0])
    monkeypatch.setattr(vision, "_KEPT", 2 * first.nbytes)
    monkeypatch.setattr(scoring, "_KEPT", 0)
    small = KIND.load(replace(QUICK, targets=DECODER))
    assert small.loss(small.zeros(), federation.challenge) == expected
    assert small._vision._kept.bytes <= 2 * first.nbytes and len(small._vision._kept) == 2
