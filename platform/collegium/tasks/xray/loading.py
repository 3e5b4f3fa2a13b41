"""Load a base model's network and processor, or say what its folder lacks."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from collegium.errors import CollegiumError, ModelMismatch

_ADAPTER = "adapter_config.json"


@contextmanager
def as_mismatch(what: str, folder: Path | str) -> Iterator[None]:
    """Turn whatever the model's libraries raise into CG105.

    They raise nearly every class. Too little memory is no fault of the model, and passes.
    """
    try:
        yield
    except (CollegiumError, MemoryError):
        raise
    except Exception as error:
        words = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise unusable(what, folder, words) from error


def unusable(what: str, folder: Path | str, found: str) -> ModelMismatch:
    """The error for a base model that lacks ``what``."""
    return ModelMismatch(
        expected=f"{what} in {folder}",
        found=found,
        action="Download the whole model again, with git lfs if git fetched it.",
    )


def load_parts(folder: Path) -> tuple[Any, Any]:
    """The network in float32 and its processor.

    Only safetensors are read, since other weights can run code, and no code of the model is run.

    Raises:
        ModelMismatch: config, weights, processor or tokenizer are missing or damaged, or
            do not fit each other. Some models have no chat template, so that may be absent.
    """
    if (folder / _ADAPTER).exists():
        raise unusable("a whole base model", folder, f"an adapter ({_ADAPTER})")
    with as_mismatch("a config.json with a model type", folder):
        json.loads((folder / "config.json").read_bytes())["model_type"]
    with as_mismatch("an image-and-text model with whole safetensors weights", folder):
        model, info = AutoModelForImageTextToText.from_pretrained(
            folder,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    if missing := sorted(info["missing_keys"]):  # the library would draw them at random
        raise unusable(
            "all weights of the model", folder, f"no {missing[0]}, {len(missing)} in all"
        )
    with as_mismatch("a processor with a tokenizer", folder):
        processor = AutoProcessor.from_pretrained(folder, trust_remote_code=False)
    return model, processor
