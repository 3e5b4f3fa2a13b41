"""Background processes: some outlive the command that started them, some end with it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

_POLL_SECONDS = 0.05
_PROC = Path("/proc/self")
_STATE, _GROUP, _START_TIME = 0, 2, 19  # positions in proc_pid_stat(5), counted from the state


_leashes: dict[int, IO[bytes]] = {}
"""Pipes to the processes that end with this one, by their ids; the system closes them with it."""


def spawn(
    argv: tuple[str, ...], log: Path, cwd: Path | None, env: dict[str, str], leashed: bool = False
) -> int:
    """Start a process in its own session, with its output appended to ``log``; returns its id.

    Args:
        leashed: end it and its children when this process ends, whatever ends it.
    """
    if leashed:
        argv = (sys.executable, "-m", "collegium.chain.leash", *argv)
    with open(log, "ab") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE if leashed else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=os.environ | env,
            start_new_session=True,
        )
    if process.stdin is not None:
        _leashes[process.pid] = process.stdin
    # Popen must not wait for it: it outlives this command, and later ones know only its id.
    process.returncode = 0
    return process.pid


def birth(pid: int) -> str | None:
    """When a process started, as the system reports it; ``None`` if it does not run.

    An id and this text together identify a process; an id alone may be reused.
    """
    _reap(pid)
    if _PROC.exists():
        fields = _stat(pid)
        return None if fields is None else fields[_START_TIME]
    # No /proc, as on macOS.
    listed = subprocess.run(
        ["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip() or None


def stop(pid: int, seconds: float = 10.0) -> None:
    """End a process that :func:`spawn` started, and its children; by force after ``seconds``."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _group_alive(pid):
                return
            time.sleep(_POLL_SECONDS)


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log, or a note that it is empty."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    return "\n".join(text.strip().splitlines()[-lines:]) or "(it printed nothing)"


def _group_alive(group: int) -> bool:
    """Whether a process of the group still runs; a process that has ended does not count."""
    _reap(group)
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    if not _PROC.exists():
        return True
    pids = (int(entry.name) for entry in _PROC.parent.iterdir() if entry.name.isdigit())
    found = (_stat(pid) for pid in pids)
    return any(fields is not None and int(fields[_GROUP]) == group for fields in found)


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat after the name; ``None`` if the process ended."""
    try:
        text = (_PROC.parent / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()  # the name may contain spaces and parentheses
    return None if fields[_STATE] == "Z" else fields  # ended, but not collected yet


def _reap(pid: int) -> None:
    """Collect the exit status of a child that ended; otherwise the system keeps listing it."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return
