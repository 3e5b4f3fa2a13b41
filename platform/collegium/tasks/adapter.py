"""A LoRA adapter as one vector: A matrices frozen, B matrices trained (FFA-LoRA).

With A fixed, what a node sends is linear in what the model adds to its weights, so the mean of
vectors is exactly the mean of adapters (Sun et al., "Improving LoRA in privacy-preserving
federated learning", arXiv:2403.12313). The A matrices are drawn once, travel as a safetensors
blob, and are named by its SHA-256 in the layout.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
from peft.tuners.lora import Linear as LoraLinear
from safetensors import SafetensorError
from torch import Tensor, nn

from collegium.errors import ModelMismatch
from collegium.protocol.layout import Layout
from collegium.protocol.layout import Tensor as LayoutTensor
from collegium.tasks.task import Vector

_FOLDABLE = 64_000_000  # adapted weights of which a second copy is kept to evaluate faster


@dataclass(frozen=True)
class Lora:
    """Which adapter a model gets.

    Attributes:
        task: name of the task that it is for.
        rank: LoRA rank.
        alpha: LoRA alpha; the adapter acts with the factor alpha / rank.
        targets: what PEFT is told to adapt: ``all-linear``, a regular expression, or names.
        seed: of the frozen A matrices.
    """

    task: str
    rank: int
    alpha: int
    targets: str | list[str]
    seed: int


class Adapter:
    """The adapter of a loaded model; holds the model and changes it in place.

    Args:
        base_digest: SHA-256 of the base model's files.
    """

    def __init__(self, model: nn.Module, lora: Lora, base_digest: str) -> None:
        config = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            target_modules=lora.targets,
            lora_dropout=0.0,
            bias="none",
        )
        self.model: Any = get_peft_model(model, config)
        state = get_peft_model_state_dict(self.model)
        self._a = {name: t for name, t in sorted(state.items()) if ".lora_A." in name}
        self._b = {name: t for name, t in sorted(state.items()) if ".lora_B." in name}
        for name, parameter in self.model.named_parameters():
            parameter.requires_grad_(".lora_B." in name)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self._lora, self._base_digest = lora, base_digest
        self.freeze(draw_frozen({n: tuple(t.shape) for n, t in self._a.items()}, lora.seed))
        self._fold = self._foldable()

    def freeze(self, blob: bytes) -> None:
        """Take the A matrices from a safetensors blob; raises ModelMismatch."""
        tensors = self._parse(blob)
        with torch.no_grad():
            for name, values in tensors.items():
                self._a[name].copy_(torch.from_numpy(values))
        self.frozen = blob
        self.layout = Layout(
            task=self._lora.task,
            base_model=self._base_digest,
            mode="ffa",
            rank=self._lora.rank,
            alpha=self._lora.alpha,
            frozen=hashlib.sha256(blob).hexdigest(),
            tensors=tuple(LayoutTensor(name, tuple(t.shape)) for name, t in self._b.items()),
        )

    def _parse(self, blob: bytes) -> dict[str, np.ndarray]:
        wanted = {name: (tuple(t.shape), "float32") for name, t in self._a.items()}
        limit = sum(4 * t.numel() + 512 for t in self._a.values()) + 1_024
        try:
            tensors = safetensors.numpy.load(blob) if len(blob) <= limit else {}
        except SafetensorError:
            tensors = {}
        found = {name: (values.shape, str(values.dtype)) for name, values in tensors.items()}
        if found != wanted:
            raise ModelMismatch(
                expected=f"a frozen part of {len(wanted)} float32 matrices that fit the base model",
                found=f"{len(blob):,} bytes that hold {len(found)} tensors, or others",
                action="Fetch the frozen part that belongs to this task card.",
            )
        return tensors

    @contextmanager
    def holding(self, values: Sequence[Tensor]) -> Iterator[None]:
        """The B matrices hold other values for a while; nothing is copied."""
        own = [parameter.data for parameter in self.trained]
        try:
            for parameter, other in zip(self.trained, values, strict=True):
                parameter.data = other
            yield
        finally:
            for parameter, before in zip(self.trained, own, strict=True):
                parameter.data = before

    def write(self, vector: Vector) -> None:
        """Put a vector float32[lanes or padded] into the B matrices."""
        with torch.no_grad():
            for name, values in self.layout.unflatten(np.asarray(vector, np.float32)).items():
                self._b[name].copy_(torch.from_numpy(values))

    def read(self) -> Vector:
        """The B matrices as float32[padded]."""
        return self.layout.flatten({n: t.detach().cpu().numpy() for n, t in self._b.items()})

    def save(self, vector: Vector, folder: Path | str) -> None:
        """Write a plain PEFT folder; PeftModel.from_pretrained needs nothing of this package."""
        self.write(vector)
        self.model.save_pretrained(folder)

    @contextmanager
    def folded(self) -> Iterator[Any]:
        """The model with the adapter added into its weights, for forward passes without LoRA.

        The weights are put back exactly, from a copy. Large models are left as they are.
        """
        if not self._fold:
            yield self.model
            return
        with torch.no_grad():
            for layer, original in self._fold:
                layer.base_layer.weight.copy_(original + layer.get_delta_weight("default"))
        try:
            with self.model.disable_adapter():
                yield self.model
        finally:
            with torch.no_grad():
                for layer, original in self._fold:
                    layer.base_layer.weight.copy_(original)

    def _foldable(self) -> list[tuple[Any, Tensor]]:
        layers: list[Any] = [m for m in self.model.modules() if isinstance(m, LoraLinear)]
        plain = all(type(layer.base_layer) is nn.Linear for layer in layers)
        if not plain or sum(la.base_layer.weight.numel() for la in layers) > _FOLDABLE:
            return []
        return [(layer, layer.base_layer.weight.detach().clone()) for layer in layers]


def draw_frozen(shapes: Mapping[str, tuple[int, ...]], seed: int) -> bytes:
    """A matrices as a safetensors blob: uniform in ±1/sqrt(columns), as PEFT starts them.

    Uniform numbers take integer arithmetic and one exact scaling each, so that every machine
    draws the same bytes.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    tensors = {}
    for name, shape in sorted(shapes.items()):
        bound = np.float32(1 / np.sqrt(shape[1]))
        tensors[name] = (2 * rng.random(shape, np.float32) - 1) * bound
    return safetensors.numpy.save(tensors)
