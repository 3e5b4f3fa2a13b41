"""Models to talk to: the base, or a folder with an adapter for it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from collegium.errors import BadLayout, ModelMismatch
from collegium.tasks.task import Task, Vector
from collegium.tasks.xray.recipe import NAME, Recipe

if TYPE_CHECKING:
    from collegium.tasks.xray.dialogue import XrayDialogue

_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def as_dialogue(task: Task) -> "XrayDialogue":
    """A federation's task, if one can talk to it.

    Raises:
        ModelMismatch: it is of another kind.
    """
    from collegium.tasks.xray.dialogue import XrayDialogue

    if isinstance(task, XrayDialogue):
        return task
    raise ModelMismatch(
        expected=f"a federation whose task is {NAME}",
        found=task.layout.task,
        action="Export the model instead: collegium model export.",
    )


def load_base(base: str) -> "tuple[XrayDialogue, Vector]":
    """A base model without an adapter."""
    from collegium.tasks.xray.dialogue import XrayDialogue

    task = XrayDialogue.load(Recipe(base=base))
    return task, task.zeros()


def load_adapter(folder: Path, base: str) -> "tuple[XrayDialogue, Vector]":
    """A base model with a LoRA adapter in PEFT's form.

    Args:
        base: the model that the adapter was made for.

    Raises:
        ModelMismatch: the folder is no LoRA adapter, or does not fit the base model.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save

    from collegium.tasks.xray.dialogue import XrayDialogue

    try:
        config = json.loads((folder / _CONFIG).read_bytes())
        tensors = load_file(folder / _WEIGHTS)
        recipe = Recipe(base=base, rank=config["r"], alpha=int(config["lora_alpha"]))
        frozen = save({n: t for n, t in tensors.items() if ".lora_A." in n})
        task = XrayDialogue.load(recipe, frozen=frozen)
        trained = {n: t.astype(np.float32) for n, t in tensors.items() if ".lora_B." in n}
        return task, task.layout.flatten(trained)
    except (OSError, ValueError, KeyError, TypeError, BadLayout, SafetensorError) as error:
        raise ModelMismatch(
            expected=f"a LoRA adapter in PEFT's form for {base} at {folder}",
            found=f"{type(error).__name__}: {error}",
            action="Give a folder that `collegium model export` wrote, and its base with --base.",
        ) from error
