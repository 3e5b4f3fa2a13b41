"""Where the dialogue's base models are: the one in this package, a folder, or the hub."""

from importlib import resources
from pathlib import Path

from collegium.tasks.base_files import locate_base
from collegium.tasks.xray.recipe import TINY


def locate(base: str) -> Path:
    """The folder of a base model that a recipe names.

    Raises:
        ModelMismatch: neither ``tiny``, nor a folder, nor a model that the hub gives out.
    """
    if base == TINY:
        return Path(str(resources.files("collegium.tasks.xray") / "base"))
    return locate_base(base)
