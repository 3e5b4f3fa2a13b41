"""Every family of vision-language models goes the same way as the shipped base.

Each model is tiny, random and saved as a folder; the task gets only the folder's name.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.tasks.settings import QUICK
from tests.tasks.xray.families import FAMILIES, save

from collegium.errors import BadMetadata
from collegium.tasks.xray.kind import KIND
from collegium.tasks.xray.prompts import IGNORED
from collegium.tasks.xray.recipe import DECODER
from collegium.tasks.xray.vision import FEATURES


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def family(request, tmp_path_factory):
    folder = save(request.param, tmp_path_factory.mktemp(request.param))
    recipe = replace(QUICK, base=str(folder), rank=2, local_steps=8, learning_rate=0.02)
    return request.param, KIND.load(recipe)


@pytest.fixture(scope="module")
def decoder(family):
    """The same model, of which only the language part is adapted."""
    return KIND.load(replace(family[1].recipe, targets=DECODER))


@pytest.fixture(scope="module")
def examples(family, federation):
    return family[1].prepare(federation.challenge.limited(4))


def rows(examples):
    """One row per example, with the right answers."""
    return [examples.row(example) for example in examples.dataset.examples]


def test_training_lowers_the_loss_and_repeats(family, examples):
    task = family[1]
    before = task.loss(task.zeros(), examples)
    trained = task.train(task.zeros(), examples, round=0, seed=1)
    assert task.loss(trained, examples) < before
    assert trained.tobytes() == task.train(task.zeros(), examples, round=0, seed=1).tobytes()
    assert task.loss(task.zeros(), examples) == before


def test_only_answers_carry_loss(family, examples):
    """The labelled tokens, decoded, are the answer; the prompt ends where generation begins."""
    prompter = family[1].prompter
    for example, row in zip(examples.dataset.examples, rows(examples), strict=True):
        said = row.tokens["input_ids"][row.labels != IGNORED]
        assert prompter.text(said) == example.answer
        assert said[-1].item() in prompter.stop
        prompt = prompter.prompt(
            examples.see(example).pixels,
            examples.see(example).inputs,
            example.question,
        )
        asked = row.tokens["input_ids"][: len(prompt)]
        assert torch.equal(asked, prompt.tokens["input_ids"])
        assert (row.labels[: len(prompt)] == IGNORED).all()


def test_loss_is_that_of_the_model_itself(family, examples):
    """Our sums agree with the loss the model computes from the same rows and labels."""
    task = family[1]
    row = rows(examples)[0]
    inputs, labels = task.prompter.collate([row])
    task.adapter.write(task.zeros())
    task.adapter.model.eval()
    with torch.inference_mode():
        own = task.adapter.model(**inputs, labels=labels, use_cache=False).loss
    tokens = int((labels != IGNORED).sum())
    single = task.prepare(examples.dataset._with(examples.dataset.examples[:1]))
    expected = np.log1p(float(own) * tokens)
    assert task.loss(task.zeros(), single) == pytest.approx(expected, rel=1e-4)


def test_features_of_a_picture_say_as_much_as_its_pixels(family, decoder, examples):
    """With the vision part untouched, it is asked once per picture."""
    seen = decoder.prepare(examples.dataset)
    assert all(list(seen.see(e).inputs) == [FEATURES] for e in seen.dataset.examples)
    trained = decoder.train(decoder.zeros(), seen, round=0, seed=1)
    assert decoder.layout.lanes < family[1].layout.lanes
    assert decoder.loss(trained, seen) == pytest.approx(decoder.loss(trained, examples), rel=1e-5)
    assert decoder.evaluate(trained, seen) == decoder.evaluate(trained, examples)


def test_padding_changes_nothing(family, examples):
    task = family[1]
    whole = task.loss(task.zeros(), examples)
    parts = [
        task.loss(task.zeros(), task.prepare(examples.dataset._with([example])))
        for example in examples.dataset.examples
    ]
    assert whole == pytest.approx(np.mean(parts), rel=1e-4)


def test_evaluates_and_answers(family, examples):
    task = family[1]
    result = task.evaluate(task.zeros(), examples)
    assert result.rows == len(examples.dataset)
    assert {"diagnosis", "finding"} <= set(result.parts)
    image = next(iter(examples.dataset.images.values())).pixels()
    answer = task.answer(task.zeros(), image, "Is there pneumonia?")
    assert isinstance(answer.text, str) and 0 <= answer.confidence <= 1


def test_several_turns_are_packed_where_the_template_allows(family, examples):
    name, task = family
    assert task.prompter.many_turns == (name != "paligemma")
    if name == "paligemma":
        return
    first = examples.dataset.examples[0]
    turns = [("What is the diagnosis?", "left pleurisy"), ("Is there pneumonia?", "yes")]
    pixels, picture = examples.see(first).pixels, examples.see(first).inputs
    row = task.prompter.row(pixels, picture, turns)
    said = task.prompter.tokenizer.decode(row.tokens["input_ids"][row.labels != IGNORED])
    assert "left pleurisy" in said and said.index("yes") > said.index("left pleurisy")
    single = task.prompter.row(pixels, picture, turns[:1])
    assert torch.equal(row.tokens["input_ids"][: len(single)], single.tokens["input_ids"])


def test_texts_with_tokens_of_the_model_are_refused_with_their_line(family, examples):
    """Whatever the model calls its tokens: those of usual models are refused when they are read."""
    task = family[1]
    special = next(t for t in task.prompter.tokenizer.all_special_tokens if t not in ("", " "))
    dataset = examples.dataset
    first = dataset.examples[0]
    for texts in ({"answer": f"yes {special}"}, {"question": "why " * 600}):
        spoilt = replace(first, line=7, **texts)
        data = replace(dataset, examples=(*dataset.examples[1:], spoilt))
        with pytest.raises(BadMetadata, match="line 7"):
            task.prepare(data)
    with pytest.raises(BadMetadata, match="special token"):
        task.answer(task.zeros(), np.zeros((8, 8), np.uint8), f"{special} is it?")
