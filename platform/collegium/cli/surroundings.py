"""What is wrong around the program, as a numbered error: disk, folders, limits, memory, workers.

A kind of trouble is one row here. What no row names is a fault of the program.
"""

import errno
import sqlite3
from concurrent.futures.process import BrokenProcessPool

from collegium.errors import CollegiumError, CommandError

_DISK = "Free some space, or write to another disk, and run the command again."
_ACCESS = "Check the path and its access rights, and run the command again."
_LIMIT = "End other programs or raise the limit (ulimit), and run the command again."
_MEMORY = "End other programs, or use fewer processes or a smaller model."

_ACTIONS = {
    errno.ENOSPC: _DISK,
    errno.EDQUOT: _DISK,
    errno.EFBIG: "Raise the limit on the size of files (ulimit -f), and run the command again.",
    errno.EROFS: "Use a folder that can be written, and run the command again.",
    errno.EMFILE: _LIMIT,
    errno.ENFILE: _LIMIT,
    errno.EAGAIN: _LIMIT,
    errno.ENOMEM: _MEMORY,
    errno.EIO: "Check the disk, and run the command again.",
}
"""What to do by the system's number of the error; for others it is about the path, if any."""


def surroundings(error: BaseException) -> CollegiumError | None:
    """The numbered error for ``error``, or ``None`` if nothing around the program is its cause."""
    found = _explained(error)
    if found is not None:
        found.__cause__ = error
    return found


def _explained(error: BaseException) -> CollegiumError | None:
    if isinstance(error, OSError) and error.errno is not None:
        return CommandError(
            expected=_expected(error),
            found=f"{type(error).__name__}: {error.strerror}",
            action=_ACTIONS.get(error.errno, _ACCESS),
        )
    if isinstance(error, sqlite3.OperationalError):
        return CommandError(
            expected="a database file that can be read and written",
            found=str(error),
            action="Check the disk, and whether another program uses the file.",
        )
    if isinstance(error, MemoryError) or "can't allocate memory" in str(error):  # torch's words
        return CommandError(expected="enough memory", found="none left", action=_MEMORY)
    if isinstance(error, BrokenProcessPool):
        return CommandError(
            expected="worker processes that run to their end",
            found="one that was ended, perhaps because memory ran out",
            action=_MEMORY,
        )
    return None


def _expected(error: OSError) -> str:
    if error.filename is not None:
        return f"a path that can be used: {error.filename}"
    if _ACTIONS.get(error.errno or 0) in (_LIMIT, _MEMORY):
        return "enough memory, open files and processes"
    return "files and folders that can be used, the current one too"
