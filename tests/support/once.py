"""Slow things that no test changes are made once per test run, by the first process to ask."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from collegium.chain.locks import file_lock


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]) -> Any:
    """The result of ``make(folder)``, from this process or another one of the same test run.

    Args:
        factory: knows the folder of the test run.
        name: name of the result, used as a file name.
        make: fills the given empty folder; its result must be picklable.
    """
    root = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # each process has its own folder inside that of the test run
    folder = root / "once" / name
    folder.parent.mkdir(exist_ok=True)
    made = folder.with_suffix(".made")
    with file_lock(folder.with_suffix(".lock")):
        if not made.exists():
            folder.mkdir()
            made.write_bytes(pickle.dumps(make(folder)))
        return pickle.loads(made.read_bytes())
