"""A base model that is not whole is CG105, which names what is missing, before it is agreed on."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from collegium.errors import ModelMismatch
from collegium.tasks.xray.dialogue import XrayDialogue
from collegium.tasks.xray.recipe import Recipe
from collegium.tasks.xray.tiny import locate

WEIGHTS = "model.safetensors"


def without(*names: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / name).unlink() for name in names] and None


def config(**changes: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        document = json.loads((folder / "config.json").read_bytes())
        for name, value in changes.items():
            document[name] = document[name] | value if isinstance(value, dict) else value
        (folder / "config.json").write_text(json.dumps(document))

    return change


def one_tensor_less(folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    del tensors[min(tensors)]
    save_file(tensors, folder / WEIGHTS, {"format": "pt"})


def lost_shard(folder: Path) -> None:
    names = list(load_file(folder / WEIGHTS))
    (folder / WEIGHTS).unlink()
    index = {"metadata": {}, "weight_map": dict.fromkeys(names, "model-00001-of-00002.safetensors")}
    (folder / f"{WEIGHTS}.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (without("processor_config.json"), "processor"),
        (without("tokenizer.json", "tokenizer_config.json"), "tokenizer"),
        (without(WEIGHTS), "weights"),
        (lambda f: (f / WEIGHTS).rename(f / "pytorch_model.bin"), "safetensors weights"),
        (lambda f: (f / WEIGHTS).write_text("version https://git-lfs.github.com\n"), "weights"),
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:9_000]), "weights"),
        (one_tensor_less, "all weights"),
        (lost_shard, "weights"),
        (config(model_type="bert"), "image-and-text model"),
        (config(text_config={"hidden_size": 64}), "weights"),
        (lambda f: (f / "config.json").write_text("{}"), "config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json"),
        (lambda f: (f / "adapter_config.json").write_text("{}"), "a whole base model"),
    ],
)
def test_what_is_missing_is_named(
    spoil: Callable[[Path], object], named: str, tmp_path: Path
) -> None:
    folder = tmp_path / "base"
    shutil.copytree(locate("tiny"), folder)
    spoil(folder)
    with pytest.raises(ModelMismatch) as caught:
        XrayDialogue.load(Recipe(base=str(folder)))
    assert named in caught.value.expected and str(folder) in caught.value.expected


def test_a_template_that_fails_is_found_by_the_trial(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    shutil.copytree(locate("tiny"), folder)
    XrayDialogue.load(Recipe(base=str(folder))).try_out()
    (folder / "chat_template.jinja").write_text("{{ raise_exception('no images') }}")
    with pytest.raises(ModelMismatch, match="no images"):
        XrayDialogue.load(Recipe(base=str(folder))).try_out()
    (folder / "chat_template.jinja").unlink()  # this model cannot be asked without one
    with pytest.raises(ModelMismatch, match="image"):
        XrayDialogue.load(Recipe(base=str(folder))).try_out()
