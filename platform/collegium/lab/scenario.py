"""The settings of a demonstration: members, data, chain and rounds."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from collegium.errors import BadCard
from collegium.lab.attacks import ATTACKS
from collegium.tasks import registry
from collegium.tasks.task import Recipe, TaskKind

DEFAULT_ATTACKS = ("free-rider", "poisoner")


@dataclass(frozen=True)
class Scenario:
    """The settings of one demonstration.

    Attributes:
        out: folder for all output.
        task: name of the task's kind.
        data: folder with one folder per hospital and ``reference/``; None: invented data.
        nodes: number of all nodes; None: one per hospital and one per attack.
        rounds: number of rounds; None: the recipe's.
        chain: engine, path or URL.
        attacks: behaviours of the dishonest nodes, one node each.
        seed: seed of invented data, keys, training and the embedded chain's randomness.
        workers: number of processes that train and score; None: one per core, at most three.
        recipe: settings of training and scoring; None: a recipe that suits the data.
        terms: terms that differ from those of other demonstrations, by the names of ``Terms``.

    Raises:
        BadCard: the task or an attack is unknown, or there are too few nodes.
    """

    out: Path
    task: str = registry.DEFAULT
    data: Path | None = None
    nodes: int | None = None
    rounds: int | None = None
    chain: str = "embedded"
    attacks: tuple[str, ...] = DEFAULT_ATTACKS
    seed: int = 1
    workers: int | None = None
    recipe: Recipe | None = None
    terms: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        registry.task_kind(self.task)
        unknown = [name for name in self.attacks if name not in ATTACKS]
        if unknown:
            raise BadCard(
                expected=f"attacks among {', '.join(ATTACKS)}",
                found=", ".join(unknown),
                action="Correct --attack, or pass --attack none for honest nodes only.",
            )
        if self.nodes is not None and self.nodes < len(self.attacks) + 2:
            raise BadCard(
                expected=f"at least {len(self.attacks) + 2} nodes: two honest ones and one for "
                "each attack",
                found=str(self.nodes),
                action="Pass a larger --nodes or fewer --attack.",
            )

    @property
    def kind(self) -> TaskKind:
        """The kind of the task."""
        return registry.task_kind(self.task)

    @property
    def processes(self) -> int:
        """Number of processes that train and score."""
        if self.workers is not None:
            return self.workers
        # At most three by default: each process loads its own copy of the model.
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2
        return max(1, min(3, cores))
