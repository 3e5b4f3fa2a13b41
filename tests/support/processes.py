"""Processes that end with the test that started them."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python in its own process, killed at the end if it still runs.

    SIGINT is reset to its default: a background job of a script ignores the signal, and its
    children would inherit that.
    """
    ours = signal.signal(signal.SIGINT, signal.default_int_handler)  # the default after an exec
    try:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    finally:
        signal.signal(signal.SIGINT, ours)
    with process:
        try:
            yield process
        finally:
            process.kill()
