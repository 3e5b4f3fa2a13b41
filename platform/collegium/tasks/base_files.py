"""Where a base model's files are, and the digest that names them on a task card."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from collegium.errors import ModelMismatch

_DECISIVE = (".safetensors", ".bin", ".json", ".jinja", ".model", ".txt")
_ASIDE = ("recipe.json", "LICENSE.txt", "README.md")  # beside the model, not part of it
_PATTERNS = [f"*{ending}" for ending in _DECISIVE if ending != ".bin"]


def locate_base(base: str) -> Path:
    """The folder of a base model: local, or fetched from the Hugging Face hub.

    Raises:
        ModelMismatch: neither a folder nor a model that the hub gives out.
    """
    folder = Path(base)
    if (folder / "config.json").is_file():
        return folder
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(base, allow_patterns=_PATTERNS))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelMismatch(
            expected=f"a model folder or a hub model called {base!r}",
            found=f"{type(error).__name__}: {str(error).splitlines()[0]}",
            action="Check the name, the access rights to it and the network, or give a folder.",
        ) from error


def model_digest(folder: Path) -> str:
    """SHA-256 over names and contents of the files that decide what a model computes.

    Files in subfolders count under their path from ``folder``, written with slashes. Hidden
    folders, such as a download cache, do not count.
    """
    names = {path.relative_to(folder).as_posix(): path for path in _files(folder)}
    files = {
        name: _file_digest(path)
        for name, path in names.items()
        if path.suffix in _DECISIVE and name not in _ASIDE
    }
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def _files(folder: Path, parents: tuple[Path, ...] = ()) -> Iterator[Path]:
    """All files below a folder; linked folders are followed, except to one of their parents."""
    parents = (*parents, folder.resolve())
    for path in folder.iterdir():
        if path.is_file():
            yield path
        elif path.is_dir() and not path.name.startswith(".") and path.resolve() not in parents:
            yield from _files(path, parents)


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
