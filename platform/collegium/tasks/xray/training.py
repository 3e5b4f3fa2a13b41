"""A node's local steps: batches drawn evenly over answers, Adam on the B matrices."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from collegium.tasks.adapter import Adapter
from collegium.tasks.task import Vector
from collegium.tasks.xray.data import Example
from collegium.tasks.xray.prompts import IGNORED, Row
from collegium.tasks.xray.recipe import Recipe
from collegium.tasks.xray.scoring import Examples


class Batches:
    """Draws rows of a dataset for training.

    A row starts with an example drawn at probability proportional to (occurrences of its
    question and answer) ** balance, so that a site with one pneumonia in ten patients still
    learns both answers; further questions on the same image follow, in random order.
    """

    def __init__(self, examples: Examples) -> None:
        self._examples, self.prompter = examples, examples.prompter
        strata: dict[tuple[str, str], list[Example]] = defaultdict(list)
        self._siblings: dict[str, list[Example]] = defaultdict(list)
        for example in examples.dataset.examples:
            strata[example.stratum].append(example)
            self._siblings[example.image].append(example)
        self._strata = [strata[key] for key in sorted(strata)]
        self._counts = np.array([len(examples) for examples in self._strata], np.float64)

    def draw(self, recipe: Recipe, rng: np.random.Generator) -> list[Row]:
        """Rows with ``recipe.batch`` answers in all, give or take the last row's."""
        weights = self._counts**recipe.balance
        weights /= weights.sum()
        turns = recipe.turns if self.prompter.many_turns else 1
        rows: list[Row] = []
        answers = 0
        while answers < recipe.batch:
            stratum = self._strata[rng.choice(len(self._strata), p=weights)]
            said, row = self._row(stratum, turns, rng)
            rows.append(row)
            answers += said
        return rows

    def _row(
        self, stratum: Sequence[Example], turns: int, rng: np.random.Generator
    ) -> tuple[int, Row]:
        first = stratum[int(rng.integers(len(stratum)))]
        others = [e for e in self._siblings[first.image] if e is not first]
        more = [others[k] for k in rng.permutation(len(others))[: turns - 1]]
        said = [(e.question, e.answer) for e in (first, *more)]
        seen = self._examples.see(first)
        return len(said), self.prompter.row(seen.pixels, seen.inputs, said)


def train_locally(
    adapter: Adapter, batches: Batches, vector: Vector, recipe: Recipe, round: int, seed: int
) -> Vector:
    """The vector after ``recipe.local_steps`` steps from ``vector``.

    The optimiser starts afresh, since a node may join in any round.
    """
    rng = np.random.default_rng([seed, round])
    adapter.write(vector)
    adapter.model.train()
    start = [parameter.detach().clone() for parameter in adapter.trained]
    rate = recipe.learning_rate * recipe.decay**round
    optimiser = torch.optim.Adam(adapter.trained, lr=rate, eps=recipe.epsilon)
    for step in range(recipe.local_steps):
        optimiser.param_groups[0]["lr"] = rate * _slope(step, recipe)
        inputs, labels = batches.prompter.collate(batches.draw(recipe, rng))
        logits, wanted = answer_logits(adapter.model, inputs, labels)
        loss = functional.cross_entropy(logits, wanted)
        if recipe.preserve:
            with torch.no_grad(), adapter.holding(start):
                before, _ = answer_logits(adapter.model, inputs, labels)
            loss = loss + recipe.preserve * not_true_divergence(logits, before, wanted)
        loss.backward()  # type: ignore[no-untyped-call]  # torch
        torch.nn.utils.clip_grad_norm_(adapter.trained, recipe.clip)
        optimiser.step()
        optimiser.zero_grad()
    return adapter.read()


def _slope(step: int, recipe: Recipe) -> float:
    """Factor on the learning rate: up over the warm-up, then linearly down towards zero.

    Ending every round near zero averages out the noise of single batches; what is left of an
    update is what committees can tell to be useful.
    """
    up = (step + 1) / (recipe.warmup + 1)
    down = (recipe.local_steps - step) / (recipe.local_steps - recipe.warmup)
    return min(up, down)


def answer_logits(
    model: Any, inputs: Mapping[str, Any], labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits float32[n, vocabulary] at the labelled tokens, and these tokens int64[n].

    Logits at t predict the token t + 1.
    """
    where = labels[:, 1:] != IGNORED
    logits = model(**inputs, use_cache=False).logits[:, :-1]
    return logits[where].float(), labels[:, 1:][where]


def not_true_divergence(
    logits: torch.Tensor, before: torch.Tensor, wanted: torch.Tensor
) -> torch.Tensor:
    """Mean KL divergence in nats from ``before`` to ``logits`` over all tokens but the right one.

    Args:
        logits, before: float32[n, vocabulary], of the model in training and at its start.
        wanted: int64[n], the right tokens.
    """
    true = functional.one_hot(wanted, logits.shape[1]).bool()
    now, then = (
        functional.log_softmax(x.masked_fill(true, -torch.inf), -1).masked_fill(true, 0.0)
        for x in (logits, before)
    )
    return (then.exp().masked_fill(true, 0.0) * (then - now)).sum(-1).mean()
