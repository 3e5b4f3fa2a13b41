"""What a vision part that no adapter touches sees in a picture, worked out once and kept.

Scoring asks the same questions on the same pictures for every coalition, and training for every
step. As long as only the language model is adapted, the vision part answers the same each time,
and Transformers' models take its output (``mm_encoder_outputs``) in place of the pixels.
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from peft.tuners.lora import LoraLayer
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

FEATURES = "mm_encoder_outputs"
"""Key of a picture's features, and the name of the argument that models take them by."""

_KEPT = 2**30  # bytes of features that a dataset may take


class Vision:
    """The vision part of a model with a LoRA adapter.

    Args:
        model: PEFT model around one of ``AutoModelForImageTextToText``.
    """

    def __init__(self, model: Any) -> None:
        whole = model.get_base_model()
        self._core = getattr(whole, "model", whole)
        language = set(map(id, whole.get_decoder().modules()))
        adapted = [layer for layer in model.modules() if isinstance(layer, LoraLayer)]
        self.fixed = (
            all(id(layer) in language for layer in adapted)
            and hasattr(self._core, "get_image_features")
            and FEATURES in inspect.signature(self._core.forward).parameters
        )

    def seen(self, pictures: Mapping[str, dict[str, Tensor]]) -> dict[str, dict[str, Any]]:
        """The pictures as they are best kept: their features, or as they are.

        They are left as they are if an adapter changes what the vision part sees, or if the
        features of all of them would take more than a gibibyte.
        """
        kept: dict[str, dict[str, Any]] = {}
        for key, picture in pictures.items():
            if not self.fixed:
                return dict(pictures)
            kept[key] = {FEATURES: self._features(picture)}
            if not kept.keys() - {key} and _size(kept[key][FEATURES]) * len(pictures) > _KEPT:
                return dict(pictures)
        return kept

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
