"""A model to talk to or to hand out: the base, an adapter folder, or a federation's state."""

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from collegium.errors import BadLayout, ModelMismatch
from collegium.protocol import state
from collegium.protocol.card import TaskCard
from collegium.protocol.layout import Layout
from collegium.store import BlobStore
from collegium.store.states import find_state
from collegium.tasks import Recipe, load_task
from collegium.tasks.task import Task
from collegium.workspace.run import Run

Vector = npt.NDArray[np.float32]
_CONFIG, _WEIGHTS = "adapter_config.json", "adapter_model.safetensors"


def load_base(base: str) -> tuple[Task, Vector]:
    """A base model without an adapter."""
    task = load_task(Recipe(base=base))
    return task, task.zeros()


def load_adapter(folder: Path, base: str) -> tuple[Task, Vector]:
    """A base model with a LoRA adapter in PEFT's form.

    Args:
        base: the model that the adapter was made for.

    Raises:
        ModelMismatch: the folder is no LoRA adapter, or does not fit the base model.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save

    try:
        config = json.loads((folder / _CONFIG).read_bytes())
        tensors = load_file(folder / _WEIGHTS)
        recipe = Recipe(base=base, rank=config["r"], alpha=int(config["lora_alpha"]))
        frozen = save({n: t for n, t in tensors.items() if ".lora_A." in n})
        task = load_task(recipe, frozen=frozen)
        trained = {n: t.astype(np.float32) for n, t in tensors.items() if ".lora_B." in n}
        return task, task.layout.flatten(trained)
    except (OSError, ValueError, KeyError, TypeError, BadLayout, SafetensorError) as error:
        raise ModelMismatch(
            expected=f"a LoRA adapter in PEFT's form for {base} at {folder}",
            found=f"{type(error).__name__}: {error}",
            action="Name a folder that `collegium model export` wrote, and its base with --base.",
        ) from error


def load_federated(run: Run, root: bytes) -> tuple[Task, Vector]:
    """The model of a federation at one of its states.

    Args:
        root: state root, 32 bytes.

    Raises:
        BlobMissing: the run's store does not hold this state, or not the frozen part.
        ModelMismatch: the base model here is not the agreed one.
    """
    card = TaskCard.decode(run.card_file.read_bytes())
    layout = Layout.decode(run.layout_file.read_bytes())
    store = BlobStore(run.store_root)
    vector = state.to_float(find_state(store, layout, root))
    frozen = store.get(layout.frozen) if layout.frozen in store else None  # else drawn again
    return load_task(Recipe.from_json(card.recipe), layout=layout, frozen=frozen), vector
