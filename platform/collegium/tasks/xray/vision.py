"""Pictures as a model takes them, worked out when they are looked at and kept within a bound.

Scoring asks the same questions on the same pictures for every coalition, and training for every
step. As long as only the language model is adapted, the vision part answers the same each time,
and Transformers' models take its output (``mm_encoder_outputs``) in place of the pixels.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from collegium.tasks.cache import BoundedCache
from collegium.tasks.xray.pictures import Picture, Pixels

FEATURES = "mm_encoder_outputs"
"""Key of a picture's features, and the name of the argument that models take them by."""

_KEPT = 2**28  # bytes of pictures and features that one model keeps


@dataclass(frozen=True)
class Seen:
    """A picture that was looked at.

    Attributes:
        pixels: its grey values.
        inputs: what the model's vision part takes, first axis as the processor gives it; or what
            it makes of that, under ``FEATURES``.
    """

    pixels: Pixels
    inputs: dict[str, Any]

    @property
    def nbytes(self) -> int:
        """What keeping it takes."""
        return self.pixels.nbytes + sum(map(_size, self.inputs.values()))


class Vision:
    """The vision part of a model with a LoRA adapter.

    Args:
        model: PEFT model around one of ``AutoModelForImageTextToText``.
        process: gives grey values the form that the model takes.
    """

    def __init__(self, model: Any, process: Callable[[Pixels], dict[str, Tensor]]) -> None:
        self._process = process
        self._kept: BoundedCache[Seen] = BoundedCache(_KEPT, lambda seen: seen.nbytes)
        whole = model.get_base_model()
        self._core = getattr(whole, "model", whole)
        language = set(map(id, whole.get_decoder().modules()))
        adapted = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
        self.fixed = (
            all(id(layer) in language for layer in adapted)
            and hasattr(self._core, "get_image_features")
            and FEATURES in inspect.signature(self._core.forward).parameters
        )

    def see(self, picture: Picture) -> Seen:
        """A picture decoded and processed, its features instead if no adapter changes them."""
        return self._kept.get(picture, lambda: self._look(picture))

    @torch.inference_mode(False)  # what is kept is trained on, too
    def _look(self, picture: Picture) -> Seen:
        pixels = picture.pixels()
        inputs: dict[str, Any] = self._process(pixels)
        return Seen(pixels, {FEATURES: self._features(inputs)} if self.fixed else inputs)

    @torch.no_grad()
    def _features(self, picture: Mapping[str, Tensor]) -> Tensor | list[Tensor]:
        """One picture's: a tensor [1, tokens, width], or a list of one [tokens, width]."""
        found = self._core.get_image_features(**picture, return_dict=True).pooler_output
        return found if isinstance(found, Tensor) else list(found)


def join(parts: Sequence[Tensor | list[Tensor]]) -> dict[str, BaseModelOutputWithPooling]:
    """Features of a batch's pictures, as the models take them."""
    lists = [part for part in parts if isinstance(part, list)]
    whole: Any = [f for part in lists for f in part] if lists else torch.cat(list(parts))  # type: ignore[arg-type]
    return {"image": BaseModelOutputWithPooling(pooler_output=whole)}


def _size(features: Tensor | list[Tensor]) -> int:
    parts = features if isinstance(features, list) else [features]
    return sum(part.nbytes for part in parts)
