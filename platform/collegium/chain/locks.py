"""Locks on files, shared by all threads and processes of one user on one machine."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def lock_directory() -> Path:
    """A private directory for lock files. Nothing of value is kept there.

    Raises:
        PermissionError: the directory belongs to another user.
    """
    # Windows has no user ids, and a temporary folder for each user.
    user = getattr(os, "getuid", lambda: 0)()
    path = Path(tempfile.gettempdir()) / f"collegium-locks-{user}"
    path.mkdir(mode=0o700, exist_ok=True)
    # Elsewhere users share the temporary folder: another one may have created this path.
    if path.stat().st_uid != user:
        raise PermissionError(f"{path} belongs to another user")
    return path


@contextmanager
def file_lock(path: Path, *, wait: bool = True) -> Iterator[IO[str]]:
    """Hold an exclusive lock on ``path``, created if missing; yields it open for update.

    The system releases the lock when the process ends, however it ends. Not reentrant.

    Raises:
        BlockingIOError: it is not to ``wait``, and another process has the lock.
    """
    # "a+" creates the file, and keeps what another process has written to it.
    with open(path, "a+", encoding="utf-8") as file:
        _acquire(file, wait)
        try:
            file.seek(0)
            yield file
            file.flush()
        finally:
            _release(file)


if sys.platform == "win32":
    import msvcrt

    def _acquire(file: IO[str], wait: bool) -> None:
        while True:
            file.seek(0)  # a lock covers bytes from the position on
            try:
                msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                return
            except OSError:  # locked by another process; Windows only waits for a limited time
                if not wait:
                    raise BlockingIOError(f"{file.name} is locked") from None
                time.sleep(0.02)

    def _release(file: IO[str]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _acquire(file: IO[str], wait: bool) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))

    def _release(file: IO[str]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_UN)
