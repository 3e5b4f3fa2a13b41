"""Finds processes that a test run started and that still run.

Every child inherits a mark in its environment, so that a chain server is found even if the
command that started it has ended. Children with another environment are found by their parent.
"""

import os
from collections.abc import Iterator

import psutil

MARK = "COLLEGIUM_TEST_RUN"


def mark() -> None:
    """Mark the processes that this process starts from now on."""
    os.environ[MARK] = str(os.getpid())


def leftovers() -> list[psutil.Process]:
    """Processes that this process started and that still run, without multiprocessing's helpers."""
    found = {process.pid: process for process in (*_children(), *_marked())}
    return [found[pid] for pid in sorted(found) if not _ends_with_us(found[pid])]


def end(processes: list[psutil.Process]) -> list[str]:
    """Kill the leftover processes and return their command lines."""
    lines = []
    for process in processes:
        try:
            lines.append(f"{process.pid}: {' '.join(process.cmdline())}")
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=5)
    return lines


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def _marked() -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(os.getpid()):
                yield process
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def _ends_with_us(process: psutil.Process) -> bool:
    """Whether a process ends with this one: it is a zombie, or a helper of multiprocessing."""
    try:
        command = " ".join(process.cmdline())
        return (
            process.status() == psutil.STATUS_ZOMBIE
            or "multiprocessing.resource_tracker" in command
        )
    except psutil.NoSuchProcess:
        return True
