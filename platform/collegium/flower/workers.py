"""Worker processes that end with the process that started them, whatever ends it.

Every worker waits on a pipe whose other end only the parent has. The system closes it when the
parent ends, even by SIGKILL; the parent closes it to end workers in the middle of their work.
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any


class Workers:
    """A pool of worker processes that share no thread, lock or connection with this one.

    Args:
        count: number of processes.
        prepare: called in every worker before its first work; importable.
    """

    def __init__(self, count: int, prepare: Callable[[], None]) -> None:
        # A forked process would inherit locks in any state, and could wait for one without end.
        spawn = multiprocessing.get_context("spawn")
        theirs, self._ours = spawn.Pipe(duplex=False)
        start = (theirs, prepare)
        self._pool = ProcessPoolExecutor(
            count, mp_context=spawn, initializer=_start, initargs=start
        )

    def submit(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Run ``function`` in a worker; may start one."""
        with _interrupts_held():
            return self._pool.submit(function, *args)

    def close(self) -> None:
        """End the workers at once; what they still work on is lost."""
        self._ours.close()
        self._pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Processes that the block starts never get SIGINT; this one gets it after the block.

    A terminal sends Ctrl-C to all of its processes. A worker that takes it while it starts would
    break the pool, which may then wait for it without end.
    """
    if os.name != "posix":
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # if it started within the block, it would end the holding
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start(parent: Connection, prepare: Callable[[], None]) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    prepare()


def _end_with(parent: Connection) -> None:
    parent.poll(None)  # true at the end of the pipe, too; nothing is ever sent
    os._exit(1)
