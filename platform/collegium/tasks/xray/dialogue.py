"""X-ray dialogue: a vision-language model learns to answer questions on radiographs.

The model is whatever ``AutoModelForImageTextToText`` and ``AutoProcessor`` load: the tiny base of
this package, a folder, or an id of the Hugging Face hub. Only a LoRA adapter is trained.
"""

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from PIL import Image
from transformers.utils import logging as transformers_logging

from collegium.errors import BadMetadata, ModelMismatch
from collegium.protocol.layout import Layout
from collegium.tasks.adapter import Adapter, Lora
from collegium.tasks.base_files import model_digest
from collegium.tasks.task import Quality, Vector
from collegium.tasks.xray import scoring
from collegium.tasks.xray.data import Dataset
from collegium.tasks.xray.loading import as_mismatch, load_parts
from collegium.tasks.xray.pictures import Pixels, read_image
from collegium.tasks.xray.prompts import Prompter
from collegium.tasks.xray.recipe import DECODER, NAME, Recipe
from collegium.tasks.xray.scoring import Examples
from collegium.tasks.xray.tiny import locate
from collegium.tasks.xray.training import Batches, answer_logits, train_locally
from collegium.tasks.xray.vision import Vision

Picture = Pixels | Image.Image | Path | str
_LONGEST_ANSWER = 64  # tokens, in a dialogue


@dataclass(frozen=True)
class Answer:
    """A model's answer to a question on an image.

    Attributes:
        text: the answer, as the model words it.
        confidence: probability that the model gives to this answer.
        p_yes: P(yes) / (P(yes) + P(no)), if the answer is yes or no.
    """

    text: str
    confidence: float
    p_yes: float | None = None


class XrayDialogue:
    """The task on one loaded model. Not for several threads at once."""

    def __init__(self, model: Any, processor: Any, recipe: Recipe, base_digest: str) -> None:
        stop = model.generation_config.eos_token_id
        stop = [] if stop is None else [stop] if isinstance(stop, int) else stop
        self.recipe = recipe
        self.prompter = Prompter(processor, stop)
        lora = Lora(NAME, recipe.rank, recipe.alpha, _targets(model, recipe), recipe.adapter_seed)
        self.adapter = Adapter(model, lora, base_digest)
        self._vision = Vision(self.adapter.model, self.prompter.picture)

    @classmethod
    def load(
        cls, recipe: Recipe, *, layout: Layout | None = None, frozen: bytes | None = None
    ) -> Self:
        """See :meth:`collegium.tasks.task.TaskKind.load`."""
        torch.set_num_threads(int(os.environ.get("COLLEGIUM_THREADS", "1")))
        folder = locate(recipe.base)
        digest = model_digest(folder)
        if layout is not None and layout.base_model != digest:
            raise _mismatch("base model", layout.base_model, digest)
        with _quietly():
            model, processor = load_parts(folder)
            with as_mismatch("a model that an adapter fits", folder):
                task = cls(model, processor, recipe, digest)
        if frozen is not None:
            task.adapter.freeze(frozen)
        if layout is not None and layout != task.layout:
            raise _mismatch("adapter", layout.digest.hex(), task.layout.digest.hex())
        return task

    @property
    def layout(self) -> Layout:
        return self.adapter.layout

    @property
    def frozen(self) -> bytes:
        return self.adapter.frozen

    def zeros(self) -> Vector:
        return np.zeros(self.layout.padded, np.float32)

    def prepare(self, data: Dataset | Examples) -> Examples:
        if isinstance(data, Examples):
            return data
        self.prompter.require_usable(data)
        return Examples(data, self.prompter, self._vision)

    def train(
        self,
        vector: Vector,
        data: Dataset | Examples,
        *,
        round: int,
        seed: int,
        federated: bool = True,
    ) -> Vector:
        batches = Batches(self.prepare(data))
        if not federated:
            alone = replace(self.recipe, preserve=0.0)
            return train_locally(self.adapter, batches, vector, alone, round, seed)
        trained = train_locally(self.adapter, batches, vector, self.recipe, round, seed)
        step = np.float32(self.recipe.step * self.recipe.step_decay**round)
        return vector + step * (trained - vector)

    def loss(self, vector: Vector, data: Dataset | Examples) -> float:
        """Mean over the examples of log(1 + l), l = -log P(right answer) in nats.

        The logarithm (Cauchy's robust loss, on l instead of its square) keeps the few answers a
        model is surely wrong on from drowning all others: with them, twice as many examples would
        be needed to tell a small improvement from none.
        """
        examples = self.prepare(data)
        key = hashlib.sha256(np.asarray(vector, np.float32).tobytes()).digest()
        if key not in examples.known_losses:  # coalitions that differ in a null update only
            losses, _ = self._measure(vector, examples)
            examples.known_losses[key] = float(np.log1p(losses).mean())
        return examples.known_losses[key]

    def evaluate(self, vector: Vector, data: Dataset | Examples) -> Quality:
        examples = self.prepare(data)
        _, right = self._measure(vector, examples)
        with self.adapter.folded() as model:
            if not self.prompter.ignores_case():
                right = self._generated(model, examples, right)
            p_yes = scoring.yes_probabilities(model, examples)
        return scoring.quality(examples.dataset, right, p_yes)

    def answer(self, vector: Vector, image: Picture, question: str) -> Answer:
        """Ask one question on one image: a file, a picture, or grey values uint8[h, w]."""
        if wrong := self.prompter.fault(question):
            raise BadMetadata(
                expected="a question without special tokens of the model, and not too long",
                found=f"{wrong}: {question[:60]!a}",
                action="Ask in other words.",
            )
        pixels = self._pixels(image)
        picture = self.prompter.picture(pixels)
        self._enter(vector)
        with self.adapter.folded() as model:
            prompt = self.prompter.prompt(pixels, picture, question)
            text = scoring.generate(model, self.prompter, [prompt], _LONGEST_ANSWER)[0]
            words = [text, "yes", "no"]
            rows = [self.prompter.row(pixels, picture, [(question, word)]) for word in words]
            batch = (np.arange(len(rows)), *self.prompter.collate(rows))
            losses, _ = scoring.measure(model, [batch], len(rows))
        p_yes = None
        if text.casefold() in ("yes", "no"):
            p_yes = float(1 / (1 + np.exp(losses[1] - losses[2])))
        return Answer(text, float(np.exp(-losses[0])), p_yes)

    def try_out(self) -> None:
        """See :meth:`collegium.tasks.task.Task.try_out`: one answer, and one gradient."""
        pixels, question = np.zeros((32, 32), np.uint8), "Is there a finding?"
        with as_mismatch("a model that answers and can be trained", self.recipe.base):
            self.answer(self.zeros(), pixels, question)
            row = self.prompter.row(pixels, self.prompter.picture(pixels), [(question, "yes")])
            inputs, labels = self.prompter.collate([row])
            logits, wanted = answer_logits(self.adapter.model, inputs, labels)
            loss = torch.nn.functional.cross_entropy(logits, wanted)
            loss.backward()  # type: ignore[no-untyped-call]  # torch
            self.adapter.model.zero_grad()
            if not torch.isfinite(loss):
                raise ValueError(f"a loss of {loss.item()}")

    def save_adapter(self, vector: Vector, folder: Path | str) -> None:
        self.adapter.save(vector, folder)

    def _measure(self, vector: Vector, examples: Examples) -> tuple[Any, Any]:
        self._enter(vector)
        with self.adapter.folded() as model:
            return scoring.measure(model, examples.batches(), len(examples.dataset))

    def _enter(self, vector: Vector) -> None:
        self.adapter.write(vector)
        self.adapter.model.eval()

    def _generated(self, model: Any, examples: Examples, right: Any) -> Any:
        """Where equal words may be other tokens, compare the words of the answers not yet right."""
        asked = examples.dataset.examples
        open_ = [k for k in range(len(asked)) if not right[k]]
        prompts = (examples.prompt(asked[k]) for k in open_)
        longest = max((len(self.prompter.answer_ids(asked[k].answer)) for k in open_), default=1)
        texts = scoring.generate(model, self.prompter, prompts, longest + 4)
        for k, text in zip(open_, texts, strict=True):
            right[k] = text.casefold() == asked[k].answer.strip().casefold()
        return right

    @staticmethod
    def _pixels(image: Picture) -> Pixels:
        if isinstance(image, np.ndarray):
            return image
        if isinstance(image, Image.Image):
            return np.asarray(image.convert("L"))
        return read_image(image)


def _targets(model: Any, recipe: Recipe) -> str | list[str]:
    """What PEFT is told to adapt."""
    if recipe.targets != DECODER:
        return recipe.targets
    decoder = model.get_decoder()
    within = next(name for name, module in model.named_modules() if module is decoder)
    linear = [n for n, module in decoder.named_modules() if isinstance(module, torch.nn.Linear)]
    return [f"{within}.{name}" for name in linear]


@contextmanager
def _quietly() -> Iterator[None]:
    """Without the library's progress bars and remarks: standard error is for our own words."""
    before = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    if bars:
        transformers_logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        transformers_logging.set_verbosity(before)
        if bars:  # if the environment forbids them, asking for them back is a warning
            transformers_logging.enable_progress_bar()


def _mismatch(what: str, expected: str, found: str) -> ModelMismatch:
    return ModelMismatch(
        expected=f"{what} with digest {expected}",
        found=found,
        action="Use the base model, library versions and frozen part named on the task card.",
    )
