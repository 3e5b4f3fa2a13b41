"""From questions on images to token rows, by a model's own processor and chat template.

Works with any processor of ``AutoProcessor`` that takes an image and text. A row is the prompt
exactly as it is at generation time, followed by the tokens of the answer; only answer tokens
carry a label. Expensive parts are kept: prompts per text and image size, images once each.

Two conventions need care. Prefix language models (PaliGemma: the processor takes a ``suffix``)
mark the tokens of the answer with token type 1; all others mark image tokens so, and text with 0.
Some templates allow further turns on the same image; whether one does is tried out, not assumed.
"""

import inspect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from collegium.errors import BadMetadata, ModelMismatch
from collegium.tasks.xray import vision
from collegium.tasks.xray.data import Dataset, Example
from collegium.tasks.xray.pictures import Pixels

IGNORED = -100  # label of a token that carries no loss
MAX_TOKENS = 512
"""Most tokens of one question or one answer; a longer one costs every step of every node."""

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Row:
    """One tokenised conversation on one image.

    Attributes:
        tokens: int64[length] each: ``input_ids``, ``attention_mask`` and token types if any.
        labels: int64[length]; answer tokens, the rest IGNORED.
        picture: what the model's vision part takes, first axis as the processor gives it; or
            what it makes of that, under ``vision.FEATURES``.
    """

    tokens: dict[str, Tensor]
    labels: Tensor
    picture: dict[str, Any]

    def __len__(self) -> int:
        return len(self.labels)


class Prompter:
    """Tokenises conversations for one model."""

    def __init__(self, processor: Any, stop: Iterable[int]) -> None:
        self.processor = processor
        self.tokenizer = processor.tokenizer
        self.stop = set(stop)
        if self.tokenizer.eos_token_id is not None:
            self.stop.add(self.tokenizer.eos_token_id)
        if not self.stop:
            raise ModelMismatch(
                expected="a model with an end-of-answer token",
                found="none in its tokenizer and its generation settings",
                action="Choose a model that was made for dialogue.",
            )
        self.end = self.tokenizer.eos_token_id
        if self.end is None:
            self.end = min(self.stop)
        pad = self.tokenizer.pad_token_id
        self.pad = self.end if pad is None else pad
        self.templated = bool(
            getattr(processor, "chat_template", None)
            or getattr(self.tokenizer, "chat_template", None)
        )
        image = getattr(processor, "image_token", None)
        known = {*self.tokenizer.all_special_tokens, image}
        self._special = sorted(token for token in known if isinstance(token, str) and token.strip())
        self._suffix_type = int("suffix" in inspect.signature(processor.__call__).parameters)
        self._prompts: dict[tuple[str, tuple[int, ...]], dict[str, Tensor]] = {}
        self._follow: dict[str, list[int]] = {}
        self._answers: dict[str, tuple[list[int], list[int]]] = {}
        self.many_turns = self.templated and self._allows_turns()

    def require_usable(self, dataset: Dataset) -> None:
        """Check the texts of a dataset against this model's tokens.

        Raises:
            BadMetadata: a text has one of its special tokens, or more than ``MAX_TOKENS`` tokens.
        """
        texts: dict[str, Example] = {}
        for example in dataset.examples:
            texts.setdefault(example.question, example)
            texts.setdefault(example.answer, example)
        for text, example in texts.items():
            if wrong := self.fault(text):
                folder = dataset.images[example.image].folder
                raise BadMetadata(
                    expected=f"texts of at most {MAX_TOKENS} tokens, none of them special",
                    found=f"{wrong}: {text[:60]!a} in line {example.line} of {folder}'s metadata",
                    action="Correct or remove this line.",
                )

    def fault(self, text: str) -> str | None:
        """What makes a text unusable for this model, in words; None if nothing does."""
        if found := next((token for token in self._special if token in text), None):
            return f"{found}, a special token of this model"
        if (length := len(self._ids(text))) > MAX_TOKENS:
            return f"{length:,} tokens"
        return None

    def picture(self, pixels: Pixels) -> dict[str, Tensor]:
        """The image as the vision part takes it."""
        return self._split(self._process("x", pixels))[1]

    def row(self, pixels: Pixels, picture: dict[str, Any], turns: Sequence[tuple[str, str]]) -> Row:
        """A conversation of (question, answer) turns on one image.

        Further turns than the first need ``many_turns``.
        """
        (question, answer), *more = turns
        tokens = self._first(question, pixels)
        added, labels = self._labelled(answer)
        for question, answer in more:
            ids = self._question(question)
            added += ids
            labels += [IGNORED] * len(ids)
            ids, marks = self._labelled(answer)
            added += ids
            labels += marks
        if len(labels) > 0 and labels[-1] == IGNORED:  # nothing follows the last end token
            last = max(k for k, label in enumerate(labels) if label != IGNORED)
            added, labels = added[: last + 1], labels[: last + 1]
        return Row(
            {key: torch.cat([t, self._more(key, added)]) for key, t in tokens.items()},
            torch.cat([torch.full_like(tokens["input_ids"], IGNORED), torch.tensor(labels)]),
            picture,
        )

    def prompt(self, pixels: Pixels, picture: dict[str, Any], question: str) -> Row:
        """A question that waits for its answer."""
        tokens = self._first(question, pixels)
        return Row(dict(tokens), torch.full_like(tokens["input_ids"], IGNORED), picture)

    def answer_ids(self, answer: str) -> list[int]:
        """Tokens of an answer with the end token."""
        return self._answer(answer)[0]

    def collate(self, rows: Sequence[Row], left: bool = False) -> tuple[dict[str, Any], Tensor]:
        """One batch (inputs, labels), padded on the right, or on the left for generation."""
        width = max(map(len, rows))

        def padded(parts: list[Tensor], value: int) -> Tensor:
            out = torch.full((len(parts), width), value)
            for k, part in enumerate(parts):
                if left:
                    out[k, width - len(part) :] = part
                else:
                    out[k, : len(part)] = part
            return out

        inputs: dict[str, Any] = {
            key: padded([row.tokens[key] for row in rows], self.pad if key == "input_ids" else 0)
            for key in rows[0].tokens
        }
        for key in rows[0].picture:
            join = vision.join if key == vision.FEATURES else _stack
            inputs[key] = join([row.picture[key] for row in rows])
        return inputs, padded([row.labels for row in rows], IGNORED)

    def text(self, ids: Tensor) -> str:
        return str(self.tokenizer.decode(ids, skip_special_tokens=True)).strip()

    def ignores_case(self) -> bool:
        """Whether the tokenizer reads "Yes" as "yes", so that equal text means equal tokens."""
        return self.answer_ids("Yes") == self.answer_ids("yes")

    # The parts of a conversation ------------------------------------------------------------

    def _first(self, question: str, pixels: Pixels) -> dict[str, Tensor]:
        key = (question, pixels.shape)
        if key not in self._prompts:
            self._prompts[key] = self._split(self._process(question, pixels))[0]
        return self._prompts[key]

    def _question(self, question: str) -> list[int]:
        if question not in self._follow:
            before = self._render([_ask("x"), _say("y")])
            after = self._render([_ask("x"), _say("y"), _ask(question, image=False)], open_=True)
            self._follow[question] = self._ids(after[len(before) :])
        return self._follow[question]

    def _labelled(self, answer: str) -> tuple[list[int], list[int]]:
        ids, rest = self._answer(answer)
        return ids + rest, ids + [IGNORED] * len(rest)

    def _answer(self, answer: str) -> tuple[list[int], list[int]]:
        """Tokens up to the end token, and what the template puts after it."""
        if answer not in self._answers:
            ids = self._ids(self._answer_text(answer))
            ends = [k for k, token in enumerate(ids) if token in self.stop]
            cut = ends[0] + 1 if ends else len(ids)
            end = [] if ends else [self.end]
            self._answers[answer] = (ids[:cut] + end, ids[cut:])
        return self._answers[answer]

    def _answer_text(self, answer: str) -> str:
        if not self.templated:
            return answer
        before = self._render([_ask("x")], open_=True)
        whole = self._render([_ask("x"), _say(answer)])
        return whole[len(before) :] if whole.startswith(before) else answer

    def _allows_turns(self) -> bool:
        """Whether a second and a third question only add text, the same after any turn."""
        one, two = [_ask("x"), _say("y")], [_ask("z", image=False)]
        try:
            first, second = self._render(one), self._render(one + two, open_=True)
            longer = self._render([*one, *two, _say("y")])
            third = self._render([*one, *two, _say("y"), *two], open_=True)
        except Exception:  # a template refuses in its own ways (raise_exception, missing keys)
            return False
        added = second.removeprefix(first)
        return (
            second.startswith(first)
            and longer.startswith(second)
            and third.startswith(longer)
            and third[len(longer) :] == added
        )

    def _render(self, messages: Messages, open_: bool = False) -> str:
        text: str = self.processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=open_
        )
        return text

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _more(self, key: str, added: list[int]) -> Tensor:
        values = {"input_ids": added, "attention_mask": [1] * len(added)}
        return torch.tensor(values.get(key, [self._suffix_type] * len(added)))

    def _process(self, question: str, pixels: Pixels) -> dict[str, Tensor]:
        image = Image.fromarray(np.asarray(pixels)).convert("RGB")
        options: dict[str, Any] = {}
        text = question
        if self.templated:
            text = self._render([_ask(question)], open_=True)
            bos = self.tokenizer.bos_token
            options["add_special_tokens"] = not (bos and text.startswith(bos))
        return dict(self.processor(text=[text], images=[[image]], return_tensors="pt", **options))

    @staticmethod
    def _split(batch: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        shape = batch["input_ids"].shape
        batch.pop("labels", None)  # those of the prompt, which carry no loss here
        tokens = {key: t[0] for key, t in batch.items() if t.shape == shape}
        return tokens, {key: t for key, t in batch.items() if t.shape != shape}


def _ask(text: str, image: bool = True) -> dict[str, Any]:
    content: list[dict[str, str]] = [{"type": "image"}] if image else []
    return {"role": "user", "content": [*content, {"type": "text", "text": text}]}


def _say(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": [{"type": "text", "text": text}]}


def _stack(parts: list[Tensor]) -> Tensor:
    """Concatenate along the first axis; smaller pictures are padded with zeros at the end."""
    shape = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
    if any(list(part.shape[1:]) != shape for part in parts):
        parts = [_enlarge(part, shape) for part in parts]
    return torch.cat(parts)


def _enlarge(part: Tensor, shape: list[int]) -> Tensor:
    out = part.new_zeros((part.shape[0], *shape))
    out[tuple(slice(n) for n in part.shape)] = part
    return out
