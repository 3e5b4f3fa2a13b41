"""Commands that a kind of task adds to ``collegium model``.

A command is a function with Typer's annotations. It gets a :class:`Host` first, and returns what
the command line prints, so that it needs nothing of the command line itself.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
from numpy.typing import NDArray


class Host(Protocol):
    """What the command line does for a command of a task."""

    def federated(self) -> tuple[Any, NDArray[np.float32]]:
        """The newest model of the user's federation: a :class:`.task.Task` and its vector.

        Raises:
            BlobMissing, ModelMismatch: see :func:`.checkpoint.load_federated`.
        """
        ...

    def filling(self, folder: Path) -> AbstractContextManager[None]:
        """Write into a folder that may have been written so before.

        Raises:
            RunExists: the folder contains something else.
        """
        ...

    def writing(self, path: Path) -> AbstractContextManager[BinaryIO]:
        """Write a new file, in one step.

        Raises:
            RunExists: there is a file already.
        """
        ...

    def working(self, sentence: str) -> AbstractContextManager[None]:
        """Show that the block runs."""
        ...

    def bar(self, title: str, total: int) -> AbstractContextManager[Callable[[int, str], None]]:
        """Show a progress bar; yields a function that takes the amount done and a note."""
        ...


@dataclass(frozen=True)
class Shown:
    """The result of a command.

    Attributes:
        document: all of it, as JSON.
        lines: what is printed without ``--json``; empty: the document.
    """

    document: Mapping[str, Any]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ModelCommand:
    """A command ``collegium model NAME``.

    Attributes:
        run: called with a host and the parsed parameters; its name is that of the command, and its
            docstring the help.
        example: a command line that works; shown at the end of the help.
        reads_run: whether it may ask for the federation's model, which the option ``--dir`` finds.
    """

    run: Callable[..., Shown]
    example: str
    reads_run: bool = False
