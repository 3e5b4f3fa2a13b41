"""Runs the command line as a user would and measures whole process trees."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

import psutil

COLLEGIUM = str(Path(sys.executable).with_name("collegium"))
_SAMPLE_S = 0.2


@dataclass(frozen=True)
class Run:
    """One finished command.

    Attributes:
        command: as typed.
        seconds: wall time.
        peak_mib: largest sum of resident memory over its processes, sampled five times a second.
        document: what it printed with ``--json``, or None.
    """

    command: str
    seconds: float
    peak_mib: float
    document: Any


def run(arguments: Sequence[str], *, json_output: bool = True) -> Run:
    """Run ``collegium`` with these arguments; raises RuntimeError if it fails."""
    command = [COLLEGIUM, *arguments, *(["--json"] if json_output else [])]
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    watch = _Watch(process.pid)
    out, err = process.communicate()
    seconds = time.perf_counter() - started
    watch.stop()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {err[-2000:]}")
    document = json.loads(out) if json_output else None
    return Run(" ".join(["collegium", *arguments]), seconds, watch.peak / 2**20, document)


class _Watch(threading.Thread):
    """Samples the memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._root, self._over, self.peak = psutil.Process(pid), threading.Event(), 0
        self.start()

    def run(self) -> None:
        while not self._over.wait(_SAMPLE_S):
            self.peak = max(self.peak, sum(map(_resident, self._family())))

    def stop(self) -> None:
        self._over.set()
        self.join()

    def _family(self) -> list[psutil.Process]:
        try:
            return [self._root, *self._root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [f"### {title}", "", "| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join([*lines, ""])


class Measure(TypedDict):
    """One figure: what it is, and whether it keeps its target (None if it has none)."""

    measure: str
    value: float
    target: float | None
    ok: bool


def at_most(measure: str, value: float, target: float | None = None) -> Measure:
    """A figure that should be at most ``target``."""
    ok = target is None or value <= target
    return {"measure": measure, "value": value, "target": target, "ok": ok}


def at_least(measure: str, value: float, target: float | None = None) -> Measure:
    """A figure that should be at least ``target``."""
    ok = target is None or value >= target
    return {"measure": measure, "value": value, "target": target, "ok": ok}


def measures(title: str, figures: Sequence[Measure]) -> str:
    """A Markdown table of figures."""
    rows = []
    for one in figures:
        target = "" if one["target"] is None else f"{one['target']:,}"
        rows.append((one["measure"], f"{one['value']:,}", target, "yes" if one["ok"] else "**no**"))
    return table(title, ("what", "value", "target", "kept"), rows)


def machine() -> str:
    """What the figures were taken on."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {sys.version.split()[0]}"
