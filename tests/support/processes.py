"""Processes that end with the test that started them."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python in a process of its own, killed at the end if it still runs.

    SIGINT interrupts it, wherever the tests were started: a job in the background of a script
    ignores the signal, and so would its children.
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
