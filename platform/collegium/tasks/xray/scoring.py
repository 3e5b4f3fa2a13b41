"""What a vector is worth on given examples: losses, right answers, area under the ROC curve."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from collegium.tasks.task import Quality
from collegium.tasks.xray.data import Dataset, Example, is_yes_no
from collegium.tasks.xray.metric import AUC
from collegium.tasks.xray.prompts import IGNORED, Prompter, Row
from collegium.tasks.xray.vision import Seen, Vision

Floats = NDArray[np.float64]
Batch = tuple[NDArray[np.int64], dict[str, Any], Tensor]
"""Positions in the dataset, inputs of the model, labels."""

_ROWS = 64  # rows in one forward pass
_KEPT = 2**26  # bytes of batches that a set may keep
_CHUNK = 4_096  # rows that are sorted by length at once


class Examples:
    """A dataset with the model that is to look at it: single-question rows, ready as batches.

    The batches of a small set are kept, since committees measure it for every coalition. Of a
    large one nothing is kept but what :class:`.Vision` keeps.
    """

    def __init__(self, dataset: Dataset, prompter: Prompter, vision: Vision) -> None:
        self.dataset, self.prompter, self._vision = dataset, prompter, vision
        self.known_losses: dict[bytes, float] = {}  # by digest of the vector
        self._kept: list[Batch] | None = None

    def see(self, example: Example) -> Seen:
        """The picture of an example."""
        return self._vision.see(self.dataset.images[example.image])

    @torch.inference_mode(False)  # tokens are kept by the prompter and trained on, too
    def row(self, example: Example, answer: str | None = None) -> Row:
        """One question with its right answer, or with another."""
        seen, said = self.see(example), example.answer if answer is None else answer
        return self.prompter.row(seen.pixels, seen.inputs, [(example.question, said)])

    def prompt(self, example: Example) -> Row:
        """One question that waits for its answer; from the pixels, as generation needs them."""
        pixels = self.see(example).pixels
        return self.prompter.prompt(pixels, self.prompter.picture(pixels), example.question)

    def batches(self) -> Iterable[Batch]:
        """All rows with their right answers, in batches of similar length."""
        everyone = range(len(self.dataset))
        if self._kept is None and len(everyone) * self.see(self.dataset.examples[0]).nbytes < _KEPT:
            self._kept = list(self.batches_of(everyone))
        return self.batches_of(everyone) if self._kept is None else self._kept

    def batches_of(self, members: Sequence[int], answer: str | None = None) -> Iterator[Batch]:
        """Rows of some examples in batches of similar length, made as they are asked for.

        Args:
            members: positions in the dataset.
            answer: instead of the right ones.
        """
        for k in range(0, len(members), _CHUNK):
            yield from self._sorted(members[k : k + _CHUNK], answer)

    def _sorted(self, members: Sequence[int], answer: str | None) -> Iterator[Batch]:
        examples = [self.dataset.examples[k] for k in members]
        lengths = [len(self.row(example, answer)) for example in examples]
        order = np.argsort(lengths, kind="stable")
        for k in range(0, len(order), _ROWS):
            part = order[k : k + _ROWS]
            rows = [self.row(examples[i], answer) for i in part]
            yield (np.array(members)[part], *self.prompter.collate(rows))


@torch.inference_mode()
def measure(model: Any, batches: Iterable[Batch], rows: int) -> tuple[Floats, NDArray[np.bool_]]:
    """For every row: minus the log-probability of its answer, and whether greedy decoding gives it.

    Args:
        rows: length of both results; rows that are in no batch are NaN and False.

    Greedy decoding gives an answer exactly if each of its tokens, the end token included, is the
    most likely one after the tokens before it; so one forward pass tells.
    """
    losses, greedy = np.full(rows, np.nan), np.zeros(rows, bool)
    for positions, inputs, labels in batches:
        logits = model(**inputs, use_cache=False).logits[:, :-1]
        where = labels[:, 1:] != IGNORED
        owner = torch.nonzero(where)[:, 0]
        wanted = labels[:, 1:][where]
        scores = torch.log_softmax(logits[where].float(), -1)
        token_loss = -scores.gather(1, wanted[:, None])[:, 0]
        row_loss = torch.zeros(len(positions)).index_add_(0, owner, token_loss)
        wrong = torch.zeros(len(positions)).index_add_(
            0, owner, (scores.argmax(-1) != wanted).float()
        )
        losses[positions] = row_loss.double().numpy()
        greedy[positions] = (wrong == 0).numpy()
    return losses, greedy


@torch.inference_mode()
def generate(model: Any, prompter: Prompter, rows: Iterable[Row], tokens: int) -> list[str]:
    """Greedy answers of at most ``tokens`` tokens."""
    answers: list[str] = []
    waiting = iter(rows)
    while batch := list(islice(waiting, _ROWS)):
        inputs, _ = prompter.collate(batch, left=True)
        out = model.generate(
            **inputs,
            max_new_tokens=tokens,
            do_sample=False,
            eos_token_id=sorted(prompter.stop),
            pad_token_id=prompter.pad,
        )
        answers += [prompter.text(ids) for ids in out[:, inputs["input_ids"].shape[1] :]]
    return answers


def yes_probabilities(model: Any, examples: Examples) -> dict[int, float]:
    """P(yes) / (P(yes) + P(no)) of every example whose right answer is yes or no."""
    asked = [k for k, e in enumerate(examples.dataset.examples) if is_yes_no(e.answer)]
    yes, no = (
        measure(model, examples.batches_of(asked, word), len(examples.dataset))[0][asked]
        for word in ("yes", "no")
    )
    probability = 1 / (1 + np.exp(np.clip(yes - no, -700, 700)))
    return dict(zip(asked, probability.tolist(), strict=True))


def quality(
    dataset: Dataset, right: Sequence[bool] | NDArray[np.bool_], p_yes: Mapping[int, float]
) -> Quality:
    """Accuracy in all and for each kind of question, and AUC over the yes/no questions."""
    kinds: dict[str, list[bool]] = defaultdict(list)
    for example, good in zip(dataset.examples, right, strict=True):
        kinds[example.kind].append(bool(good))
    parts = {kind: float(np.mean(kinds[kind])) for kind in sorted(kinds)}
    truth = [dataset.examples[k].answer.strip().casefold() == "yes" for k in p_yes]
    area = auc(np.array(list(p_yes.values())), np.array(truth, bool))
    if area is not None:
        parts[AUC] = area
    accuracy = float(np.mean(right))
    return Quality(accuracy, len(dataset), parts, _interval(dataset, right, accuracy))


def _interval(
    dataset: Dataset, right: Sequence[bool] | NDArray[np.bool_], mean: float
) -> tuple[float, float] | None:
    """95 % interval of an accuracy, over patients: answers on one patient are not independent.

    Normal approximation with the cluster-robust variance of a ratio (Cochran, "Sampling
    Techniques", 1977, section 9A); None with fewer than two patients.
    """
    residuals: dict[str, float] = defaultdict(float)
    for example, good in zip(dataset.examples, right, strict=True):
        residuals[example.patient] += float(good) - mean
    patients = len(residuals)
    if patients < 2:
        return None
    total = sum(value**2 for value in residuals.values()) * patients / (patients - 1)
    half = 1.96 * float(np.sqrt(total)) / len(dataset)
    return max(0.0, mean - half), min(1.0, mean + half)


def auc(scores: Floats, positive: NDArray[np.bool_]) -> float | None:
    """Probability that a positive scores above a negative, ties counting half.

    None unless there are both. (Mann–Whitney statistic; Hanley and McNeil 1982.)
    """
    if positive.all() or not positive.any():
        return None
    values, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    del values
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    p, n = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - p * (p + 1) / 2) / (p * n))
