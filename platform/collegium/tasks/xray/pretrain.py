"""Pre-train the tiny base model on phantoms: ``python -m collegium.tasks.xray.pretrain --out DIR``.

The base learns to see (findings, sides, reports on pictures of a generic scanner) and learns, as
text alone, which findings make which diagnosis. It has to know every word before an adapter can
put it to use, but it is never asked for the diagnosis of a picture: that is the hospitals' part.

About 700 CPU-seconds on one core. The result is repeatable bit for bit on one kind of processor;
another instruction set gives other last digits and hence another hash.
"""

import argparse
import hashlib
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
import transformers
from PIL import Image as PilImage

from collegium.tasks.xray.base_model import build_model, build_processor
from collegium.tasks.xray.cases import (
    DIAGNOSES,
    DIAGNOSIS_QUESTION,
    Turn,
    knowledge_turn,
    picture_turn,
    random_study,
)
from collegium.tasks.xray.phantoms import SIZE, Study, Style, render
from collegium.tasks.xray.prompts import IGNORED

Report = Callable[[str], object]
"""Takes a line of text now and then."""


LICENCE_NOTE = """\
Base model of Collegium: weights, tokenizer and processor in this folder.

Trained from random weights on pictures drawn by collegium.tasks.xray.phantoms and on templated
text; no patient data and no weights of others went into it. Licensed under Apache-2.0 like the rest
of the package. A test object, not a medical device: not for clinical use.
"""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights, apart from the processor they are computed on."""

    pictures: int = 20_000
    prevalence: float = 0.35
    steps: int = 2_600
    batch: int = 32
    turns: int = 5  # question and answer pairs per picture
    knowledge: float = 0.25  # share of turns that are text alone
    learning_rate: float = 1.2e-3
    weight_decay: float = 0.05
    warmup: float = 0.1
    seed: int = 20_260_301


def generic_style(rng: np.random.Generator) -> Style:
    """A scanner such as the base sees: moderate in every respect, resolution from 26 pixels up."""
    u = rng.uniform
    return Style(
        gamma=u(0.7, 1.4),
        contrast=u(0.6, 1.15),
        brightness=u(-0.08, 0.08),
        noise=u(0.005, 0.06),
        blur=int(u() < 0.25),
        detail=int(u(26, 48)) if u() < 0.35 else SIZE,
        zoom=u(0.94, 1.14),
    )


def corpus(rng: np.random.Generator, size: int = 3_000) -> list[str]:
    """Text from which the vocabulary is learnt."""
    lines = []
    for _ in range(size):
        study = random_study(rng, 0.4)
        for turn in (picture_turn(study, rng), picture_turn(study, rng), knowledge_turn(rng)):
            lines += [turn.question, turn.answer]
        lines.append(DIAGNOSIS_QUESTION)
    return lines + list(DIAGNOSES)


class Conversations:
    """Draws training batches: pictures with several question turns each, packed in one row."""

    def __init__(self, processor: Any, recipe: Recipe, rng: np.random.Generator) -> None:
        self.processor, self.recipe, self.rng = processor, recipe, rng
        self._ids: dict[str, list[int]] = {}
        tokens = processor.tokenizer
        self.end, self.pad = tokens.eos_token_id, tokens.pad_token_id
        head = processor.apply_chat_template([_user("")], add_generation_prompt=False)
        blank = PilImage.new("RGB", (SIZE, SIZE))
        self.head = processor(text=[head], images=[[blank]])["input_ids"][0][:-1]
        self.ask, self.reply = tokens.convert_tokens_to_ids(["<question>", "<answer>"])
        self.studies = [random_study(rng, recipe.prevalence) for _ in range(recipe.pictures)]
        self.pictures = [_picture(s, generic_style(rng), rng) for s in self.studies]

    def batch(self) -> dict[str, torch.Tensor]:
        chosen = self.rng.integers(0, len(self.studies), self.recipe.batch)
        rows = [self._row(self.studies[i]) for i in chosen]
        width = max(len(ids) for ids, _ in rows)
        ids = torch.full((len(rows), width), self.pad)
        labels = torch.full((len(rows), width), IGNORED)
        for k, (row, marks) in enumerate(rows):
            ids[k, : len(row)] = torch.tensor(row)
            labels[k, : len(row)] = torch.tensor(marks)
        images = self.processor.image_processor(
            [[self.pictures[i]] for i in chosen], return_tensors="pt"
        )
        mask = torch.zeros_like(ids)
        for k, (row, _) in enumerate(rows):
            mask[k, : len(row)] = 1
        return {
            "input_ids": ids,
            "attention_mask": mask,
            "labels": labels,
            "pixel_values": images["pixel_values"],
            "pixel_attention_mask": images["pixel_attention_mask"],
        }

    def _row(self, study: Study) -> tuple[list[int], list[int]]:
        ids, labels = list(self.head), [IGNORED] * len(self.head)
        for _ in range(self.recipe.turns):
            turn = self._turn(study)
            prompt = [self.ask, *self._text(turn.question), self.reply]
            answer = [*self._text(turn.answer), self.end]
            ids += prompt + answer
            labels += [IGNORED] * len(prompt) + answer
        return ids, labels

    def _turn(self, study: Study) -> Turn:
        if self.rng.uniform() < self.recipe.knowledge:
            return knowledge_turn(self.rng)
        return picture_turn(study, self.rng)

    def _text(self, text: str) -> list[int]:
        if text not in self._ids:
            self._ids[text] = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self._ids[text]


def pretrain(out: Path, recipe: Recipe, report: Report = print) -> dict[str, object]:
    """Train and save the base model; returns the recipe document that is saved beside it.

    ``out`` receives config, tokenizer, processor, fp16 weights, ``recipe.json`` and a licence
    note. ``report`` gets one line of text now and then.
    """
    torch.set_num_threads(1)
    rng = np.random.default_rng(recipe.seed)
    processor = build_processor(corpus(rng))
    model = build_model(processor, recipe.seed)
    drawn = Conversations(processor, recipe, rng)
    report(f"{sum(p.numel() for p in model.parameters()):,} parameters, {recipe.steps} steps")
    loss = _optimise(model, drawn, recipe, report)
    return _save(model, processor, recipe, out, loss)


def _optimise(model: Any, drawn: Conversations, recipe: Recipe, report: Report) -> float:
    optimiser = torch.optim.AdamW(
        model.parameters(),
        lr=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        betas=(0.9, 0.98),
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, recipe.learning_rate, total_steps=recipe.steps, pct_start=recipe.warmup
    )
    started, losses = time.process_time(), []
    model.train()
    for step in range(1, recipe.steps + 1):
        loss = model(**drawn.batch()).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        losses.append(loss.item())
        if step % 100 == 0 or step == recipe.steps:
            spent = time.process_time() - started
            report(f"step {step}: loss {np.mean(losses[-100:]):.3f}, {spent:.0f} CPU-s")
    return float(np.mean(losses[-100:]))


def _save(model: Any, processor: Any, recipe: Recipe, out: Path, loss: float) -> dict[str, object]:
    out.mkdir(parents=True, exist_ok=True)
    model.eval().half().save_pretrained(out)
    processor.save_pretrained(out)
    weights = out / "model.safetensors"
    document = {
        "architecture": "Idefics3ForConditionalGeneration",
        "parameters": sum(p.numel() for p in model.parameters()),
        "training": asdict(recipe),
        "final_loss_nats_per_token": round(loss, 4),
        "weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
        "made_with": {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "numpy": np.__version__,
            "machine": platform.machine(),
            "capability": torch.backends.cpu.get_cpu_capability(),
        },
        "data": "phantoms and templated text only; no patient data",
    }
    (out / "recipe.json").write_text(json.dumps(document, indent=2) + "\n")
    (out / "LICENSE.txt").write_text(LICENCE_NOTE)
    return document


def _user(text: str) -> dict[str, object]:
    return {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}


def _picture(study: Study, style: Style, rng: np.random.Generator) -> PilImage.Image:
    grey = np.rint(255 * render(study, style, rng)).astype(np.uint8)
    return PilImage.fromarray(grey)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the model")
    parser.add_argument("--steps", type=int, default=Recipe.steps)
    parser.add_argument("--pictures", type=int, default=Recipe.pictures)
    parser.add_argument("--seed", type=int, default=Recipe.seed)
    given = parser.parse_args(arguments)
    recipe = Recipe(steps=given.steps, pictures=given.pictures, seed=given.seed)
    document = pretrain(given.out, recipe, lambda line: print(line, file=sys.stderr, flush=True))
    print(document["weights_sha256"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
