"""What takes long to make and no test changes is made once, by the process that asks first."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collegium.chain.locks import file_lock


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> Any:
    """What ``make(folder)`` returned, in this process or in another of the same test run.

    Args:
        factory: knows the folder of the test run.
        name: of the thing; a file name.
        make: fills the empty folder it is given; its answer can be pickled.
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # each process has a folder of its own in that of the test run
    folder = root / "once" / name
    folder.parent.mkdir(exist_ok=True)
    made = folder.with_suffix(".made")
    with file_lock(folder.with_suffix(".lock")):
        if not made.exists():
            folder.mkdir()
            made.write_bytes(pickle.dumps(make(folder)))
        return pickle.loads(made.read_bytes())
