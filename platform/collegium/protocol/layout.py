"""Adapter layout: which tensors are trained and where each one lies in the lane vector.

The weights that an adapter adds must be *linear in the lanes*, so that averaging updates is exact.
In mode ``ffa`` (Sun et al., "Improving LoRA in Privacy-preserving Federated Learning", 2024) the
A matrices are frozen, fixed by a digest, and only the B matrices are lanes.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from collegium.errors import BadLayout
from collegium.protocol.canonical import canonical_json, parse_canonical
from collegium.protocol.digest import sha256
from collegium.protocol.fields import Check

BLOCK = 32
"""Lanes that share one exponent."""
LEAF = 256
"""Lanes in one leaf of a tree."""
BLOCKS = LEAF // BLOCK
"""Blocks per leaf."""
MAX_LANES = 1 << 28
"""Most lanes of a layout: one GiB of state."""
MODES = ("ffa",)
"""Ways to train a LoRA adapter that are linear in the lanes."""

_FORMAT = "collegium-layout/1"
_KEYS = ("format", "task", "base_model", "mode", "rank", "alpha", "frozen", "tensors")
_check = Check("layout", BadLayout)


@dataclass(frozen=True, order=True)
class Tensor:
    """One trained tensor: its name in the adapter and its shape (row-major)."""

    name: str
    shape: tuple[int, ...]

    def __post_init__(self) -> None:
        _check.text("tensor name", self.name, 512)
        if not 1 <= len(self.shape) <= 8:
            _check.fail(self.name, "a shape of 1 to 8 axes", self.shape)
        for size in self.shape:
            _check.integer(self.name, size, 1, MAX_LANES)

    @property
    def size(self) -> int:
        """Number of values in the tensor."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layout:
    """The agreed form of an adapter; its digest is on the task card.

    Attributes:
        task: name of the task the adapter is for.
        base_model: SHA-256 of the base model, 64 hexadecimal digits.
        mode: LoRA mode, one of ``MODES``.
        rank: LoRA rank.
        alpha: LoRA alpha.
        frozen: SHA-256 of the frozen part of the adapter, 64 hexadecimal digits.
        tensors: what is trained, sorted by name, names unique.
    """

    task: str
    base_model: str
    mode: str
    rank: int
    alpha: int
    frozen: str
    tensors: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        _check.text("task", self.task)
        _check.digest("base_model", self.base_model)
        _check.one_of("mode", self.mode, MODES)
        _check.integer("rank", self.rank, 1, 1 << 16)
        _check.integer("alpha", self.alpha, 1, 1 << 16)
        _check.digest("frozen", self.frozen)
        names = [tensor.name for tensor in self.tensors]
        if not names or names != sorted(set(names)):
            _check.fail("tensors", "sorted by unique name and not empty", names)
        _check.integer("lanes", self.lanes, 1, MAX_LANES)

    @cached_property
    def lanes(self) -> int:
        """Trained values, without padding."""
        return sum(tensor.size for tensor in self.tensors)

    @property
    def padded(self) -> int:
        """Lanes after zero-padding to whole leaves."""
        return self.leaves * LEAF

    @property
    def leaves(self) -> int:
        """Leaves of 256 lanes; the last one may be padded."""
        return -(-self.lanes // LEAF)

    @property
    def blocks(self) -> int:
        """Blocks of 32 lanes, those of padding included."""
        return self.padded // BLOCK

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical document."""
        return sha256(self.encode())

    def to_json(self) -> dict[str, Any]:
        """The document as JSON values; inverse of :meth:`from_json`."""
        return {
            "format": _FORMAT,
            "task": self.task,
            "base_model": self.base_model,
            "mode": self.mode,
            "rank": self.rank,
            "alpha": self.alpha,
            "frozen": self.frozen,
            "tensors": [[tensor.name, list(tensor.shape)] for tensor in self.tensors],
        }

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The layout that a document describes.

        Raises:
            BadLayout: a field is missing, unknown or out of range.
        """
        fields = _check.keys(document, _KEYS)
        _check.one_of("format", fields.pop("format"), (_FORMAT,))
        entries = fields.pop("tensors")
        if not isinstance(entries, list):
            _check.fail("tensors", "a list", entries)
        return cls(**fields, tensors=tuple(map(_tensor, entries)))

    def encode(self) -> bytes:
        """The canonical document."""
        return canonical_json(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a canonical document; raises NotCanonical or BadLayout."""
        return cls.from_json(parse_canonical(data))

    def flatten(self, tensors: Mapping[str, npt.ArrayLike]) -> npt.NDArray[np.float32]:
        """One float32 vector ``[padded]`` of the named tensors, padding lanes zero.

        Raises:
            BadLayout: a tensor is missing, unknown or of another shape.
        """
        if set(tensors) != {tensor.name for tensor in self.tensors}:
            _check.fail("tensors", f"the {len(self.tensors)} agreed names", sorted(tensors))
        vector = np.zeros(self.padded, np.float32)
        start = 0
        for tensor in self.tensors:
            values = np.asarray(tensors[tensor.name], np.float32)
            if values.shape != tensor.shape:
                _check.fail(tensor.name, f"of shape {tensor.shape}", values.shape)
            vector[start : start + tensor.size] = values.ravel()
            start += tensor.size
        return vector

    def unflatten(self, vector: npt.NDArray[np.float32]) -> dict[str, npt.NDArray[np.float32]]:
        """The named tensors of a vector ``[lanes]`` or ``[padded]`` (views where possible).

        Raises:
            BadLayout: the vector has another shape.
        """
        if vector.shape not in ((self.lanes,), (self.padded,)):
            _check.fail("vector", f"of {self.lanes} or {self.padded} lanes", vector.shape)
        tensors, start = {}, 0
        for tensor in self.tensors:
            tensors[tensor.name] = vector[start : start + tensor.size].reshape(tensor.shape)
            start += tensor.size
        return tensors


def _tensor(entry: object) -> Tensor:
    match entry:
        case [str(name), list(shape)]:
            return Tensor(name, tuple(shape))
    _check.fail("tensors", "pairs of name and shape", entry)
