"""The numbers that all nodes of a federation agree on before they train.

A recipe is part of the task card, so it is plain JSON and everything in it is fixed for the life
of the federation.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from collegium.errors import BadCard

NAME = "xray-dialogue"  # of the task, on cards and in layouts
TINY = "tiny"  # the base model shipped in this package
DECODER = "decoder"  # the linear layers of the language model


@dataclass(frozen=True)
class Recipe:
    """How an adapter is trained and how contributions to it are measured.

    Attributes:
        base: ``tiny``, a model folder, or the id of a model on the Hugging Face hub.
        rank: LoRA rank.
        alpha: LoRA alpha; the adapter acts with the factor alpha / rank.
        targets: modules that are adapted, as PEFT reads them: ``all-linear`` or a regular
            expression on module names; or ``decoder``, the linear layers of the language model.
            Then the vision part sees the same in every step and is asked once per picture; it
            suits pictures like those the base was trained on.
        adapter_seed: seed of the frozen A matrices.
        rounds: rounds the schedule is made for.
        local_steps: optimiser steps of a node in a round.
        batch: answers in a step.
        turns: most questions asked on an image in one step.
        learning_rate: of the first round.
        decay: factor on the learning rate from one round to the next.
        warmup: steps at the start of every round over which the learning rate rises.
        clip: bound on the norm of a gradient.
        step: factor on what local training changed, before it is sent. A merge takes the mean of
            nodes that learn different things; this is the server's step size of FedOpt (Reddi et
            al., "Adaptive Federated Optimization", 2021), taken at the nodes.
        step_decay: factor on ``step`` from one round to the next.
        preserve: weight of not-true distillation: how much a node keeps of what the federation's
            model says about wrong answers while it learns the right ones. Hospitals that see
            different diseases would otherwise unlearn each other's (Lee et al., "Preservation of
            the Global Knowledge by Not-True Distillation in Federated Learning", NeurIPS 2022).
        epsilon: Adam's, added to the root of the second moment.
        balance: 0 draws all (question, answer) pairs alike, 1 draws them as often as they occur.
        held_out: share of a site's examples that is never trained on and scores others.
        shard_rows: most examples of its own that a validator scores with.
        challenge_rows: most examples of the challenge set that a validator scores with.
    """

    base: str = TINY
    rank: int = 8
    alpha: int = 16
    targets: str = "all-linear"
    adapter_seed: int = 7
    rounds: int = 3
    local_steps: int = 40
    batch: int = 32
    turns: int = 2
    learning_rate: float = 3.5e-3
    decay: float = 0.85
    warmup: int = 3
    clip: float = 1.0
    step: float = 2.0
    step_decay: float = 0.9
    preserve: float = 1.5
    epsilon: float = 1e-8
    balance: float = 0.25
    held_out: float = 0.2
    shard_rows: int = 24
    challenge_rows: int = 192

    def __post_init__(self) -> None:
        for name, (kind, low, high) in _BOUNDS.items():
            value = getattr(self, name)
            if type(value) not in kind or not low <= value <= high:
                raise _error(name, f"a number from {low} to {high}", value)
        for name in ("base", "targets"):
            value = getattr(self, name)
            if not isinstance(value, str) or not 1 <= len(value) <= 512:
                raise _error(name, "a text of 1 to 512 characters", value)
        if self.warmup >= self.local_steps:
            raise _error("warmup", f"below {self.local_steps} steps", self.warmup)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: object) -> Self:
        """The recipe of a task card; what is left out takes its default.

        Raises:
            BadCard: an unknown name or a value out of range.
        """
        if not isinstance(document, dict):
            raise _error("recipe", "an object", document)
        unknown = sorted(set(document) - {f.name for f in fields(cls)})
        if unknown:
            raise _error("recipe", "known names only", ", ".join(map(str, unknown)))
        return cls(**document)


_INT, _REAL = (int,), (int, float)
_BOUNDS: dict[str, tuple[tuple[type, ...], float, float]] = {
    "rank": (_INT, 1, 1_024),
    "alpha": (_INT, 1, 65_536),
    "adapter_seed": (_INT, 0, 2**32 - 1),
    "rounds": (_INT, 1, 10_000),
    "local_steps": (_INT, 1, 1_000_000),
    "batch": (_INT, 1, 4_096),
    "turns": (_INT, 1, 64),
    "learning_rate": (_REAL, 1e-9, 10.0),
    "decay": (_REAL, 0.01, 1.0),
    "warmup": (_INT, 0, 1_000_000),
    "epsilon": (_REAL, 1e-12, 1.0),
    "clip": (_REAL, 1e-6, 1e6),
    "step": (_REAL, 0.01, 100.0),
    "step_decay": (_REAL, 0.01, 1.0),
    "preserve": (_REAL, 0.0, 100.0),
    "balance": (_REAL, 0.0, 1.0),
    "held_out": (_REAL, 0.01, 0.9),
    "shard_rows": (_INT, 1, 100_000),
    "challenge_rows": (_INT, 1, 100_000),
}


def _error(name: str, expected: str, found: object) -> BadCard:
    return BadCard(
        expected=f"{name} to be {expected}",
        found=repr(found)[:80],
        action="Correct the recipe of the task card.",
    )
