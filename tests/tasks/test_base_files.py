"""The digest of a base model covers every file that decides what it computes."""

import hashlib
import json
from pathlib import Path

import pytest

from collegium.tasks.base_files import model_digest


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model in parts, each in a subfolder, as a diffusion pipeline is."""
    for name in ("model_index.json", "unet/weights.safetensors", "vae/deep/weights.bin"):
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "model"


def test_a_flat_folder_has_the_digest_that_it_always_had(tmp_path: Path) -> None:
    for name in ("config.json", "model.safetensors", "README.md", "notes.pdf"):
        (tmp_path / name).write_bytes(name.encode())
    files = {
        name: hashlib.sha256(name.encode()).hexdigest()
        for name in ("config.json", "model.safetensors")
    }
    expected = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    assert model_digest(tmp_path) == expected


@pytest.mark.parametrize("name", ["unet/weights.safetensors", "vae/deep/weights.bin"])
def test_files_in_subfolders_count(model: Path, name: str) -> None:
    before = model_digest(model)
    (model / name).write_bytes(b"other weights")
    assert model_digest(model) != before


def test_so_does_the_subfolder_that_a_file_is_in(model: Path) -> None:
    before = model_digest(model)
    (model / "unet").rename(model / "other")
    assert model_digest(model) != before


def test_a_linked_subfolder_counts_and_a_circle_of_links_ends(model: Path, tmp_path: Path) -> None:
    plain = model_digest(model)
    (model / "unet").rename(tmp_path / "elsewhere")
    (model / "unet").symlink_to(tmp_path / "elsewhere")
    assert model_digest(model) == plain
    (model / "vae" / "up").symlink_to(model)
    assert model_digest(model) == plain


def test_a_download_cache_does_not_count(model: Path) -> None:
    before = model_digest(model)
    (model / ".cache").mkdir()
    (model / ".cache" / "state.json").write_text("{}")
    assert model_digest(model) == before
