"""What a vector is worth on given examples: losses, right answers, area under the ROC curve."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from collegium.tasks.task import Score
from collegium.tasks.xray.data import Dataset, is_yes_no
from collegium.tasks.xray.prompts import IGNORED, Prompter, Row
from collegium.tasks.xray.vision import Vision

Floats = NDArray[np.float64]
_ROWS = 64  # rows in one forward pass


class Examples:
    """A dataset prepared for one model: pictures and single-question rows, ready as batches."""

    def __init__(self, dataset: Dataset, prompter: Prompter, vision: Vision) -> None:
        self.dataset, self.prompter = dataset, prompter
        pixels = {key: prompter.picture(image) for key, image in dataset.images.items()}
        self.pictures = vision.seen(pixels)
        self._batches: list[tuple[NDArray[np.int64], dict[str, Tensor], Tensor]] | None = None
        self.known_losses: dict[bytes, float] = {}  # by digest of the vector

    def rows(self, answers: Sequence[str] | None = None) -> list[Row]:
        """One row per example; with ``answers`` given, these instead of the right ones."""
        said = answers or [e.answer for e in self.dataset.examples]
        return [
            self.prompter.row(
                self.dataset.images[e.image], self.pictures[e.image], [(e.question, answer)]
            )
            for e, answer in zip(self.dataset.examples, said, strict=True)
        ]

    def batches(self) -> list[tuple[NDArray[np.int64], dict[str, Tensor], Tensor]]:
        """The rows in batches of similar length, made once: (positions, inputs, labels)."""
        if self._batches is None:
            self._batches = batched(self.prompter, self.rows())
        return self._batches


def batched(
    prompter: Prompter, rows: Sequence[Row]
) -> list[tuple[NDArray[np.int64], dict[str, Tensor], Tensor]]:
    order = np.argsort([len(row) for row in rows], kind="stable")
    parts = [order[k : k + _ROWS] for k in range(0, len(order), _ROWS)]
    return [(part, *prompter.collate([rows[i] for i in part])) for part in parts]


@torch.inference_mode()
def measure(
    model: Any, batches: Sequence[tuple[NDArray[np.int64], dict[str, Tensor], Tensor]]
) -> tuple[Floats, NDArray[np.bool_]]:
    """For every row: minus the log-probability of its answer, and whether greedy decoding gives it.

    Greedy decoding gives an answer exactly if each of its tokens, the end token included, is the
    most likely one after the tokens before it; so one forward pass tells.
    """
    count = sum(len(positions) for positions, _, _ in batches)
    losses, greedy = np.empty(count), np.empty(count, bool)
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
def generate(model: Any, prompter: Prompter, rows: Sequence[Row], tokens: int) -> list[str]:
    """Greedy answers of at most ``tokens`` tokens."""
    answers: list[str] = []
    for k in range(0, len(rows), _ROWS):
        inputs, _ = prompter.collate(rows[k : k + _ROWS], left=True)
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
    wanted = [k for k, e in enumerate(examples.dataset.examples) if is_yes_no(e.answer)]
    if not wanted:
        return {}
    losses = {}
    for word in ("yes", "no"):
        rows = examples.rows([word] * len(examples.dataset))
        losses[word] = measure(model, batched(examples.prompter, [rows[k] for k in wanted]))[0]
    probability = 1 / (1 + np.exp(np.clip(losses["yes"] - losses["no"], -700, 700)))
    return dict(zip(wanted, probability.tolist(), strict=True))


def score_by_kind(
    dataset: Dataset, right: Sequence[bool] | NDArray[np.bool_], p_yes: dict[int, float]
) -> tuple[Score, dict[str, Score]]:
    """Accuracy and AUC over all examples and for each kind of question."""
    kinds: dict[str, list[int]] = defaultdict(list)
    for k, example in enumerate(dataset.examples):
        kinds[example.kind].append(k)

    def score(members: Sequence[int]) -> Score:
        asked = [k for k in members if k in p_yes]
        truth = [dataset.examples[k].answer.strip().casefold() == "yes" for k in asked]
        area = auc(np.array([p_yes[k] for k in asked]), np.array(truth, bool))
        return Score(len(members), float(np.mean([right[k] for k in members])), area)

    return score(range(len(dataset))), {kind: score(kinds[kind]) for kind in sorted(kinds)}


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
