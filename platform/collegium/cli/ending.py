"""Signals that end a command: Ctrl-C, SIGTERM, and SIGHUP of a terminal that was closed.

All three raise KeyboardInterrupt in the main thread, so that whatever cleans up after Ctrl-C does
so after each of them. A signal that the caller ignores (nohup, a background job) stays ignored.
"""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
_PATIENCE_SECONDS = 5.0


class Ending:
    """What ended a command, if a signal did.

    Attributes:
        signal: the first signal that came, or ``None``.
    """

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._since = 0.0

    @property
    def code(self) -> int:
        """Exit code: 128 and the number of the signal, as shells have it; 130 without one."""
        return 128 + (self.signal or signal.SIGINT)

    def interrupt(self, number: int, _: FrameType | None) -> None:
        """Raise KeyboardInterrupt once.

        A second one could break what cleans up. If that lasts too long, the next signal ends this
        process at once, and its children notice.
        """
        now = time.monotonic()
        if self.signal is None:
            self.signal, self._since = signal.Signals(number), now
            raise KeyboardInterrupt
        if now - self._since > _PATIENCE_SECONDS:
            os._exit(self.code)


@contextmanager
def ended_by_signals() -> Iterator[Ending]:
    """Handle the signals while the block runs; in another thread than the main one, do nothing."""
    ending = Ending()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
            handler = signal.getsignal(number)
            if handler in (signal.SIG_DFL, signal.default_int_handler):
                before[number] = handler
                signal.signal(number, ending.interrupt)
    try:
        yield ending
    finally:
        # After a signal the process ends, and others must not change its exit code. Python would
        # set any other handler back to the default while it ends.
        for number, handler in before.items():
            signal.signal(number, handler if ending.signal is None else signal.SIG_IGN)
