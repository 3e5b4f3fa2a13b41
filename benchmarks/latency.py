"""How long commands take that people type all day, and that they load no torch."""

import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks import runs

TARGET = 0.3
"""Seconds."""
_REPEATS = 7


def measure(folder: Path) -> list[runs.Measure]:
    """Median wall time of ``--help`` and ``node list`` on a federation of one run."""
    run_dir = folder / "demo"
    runs.run(["demo", "--rounds", "1", "--attack", "none", "--nodes", "3", "--out", str(run_dir)])
    figures = []
    for name, arguments in (("--help", ["--help"]), ("node list", _node_list(run_dir))):
        times = [runs.run(arguments, json_output=False).seconds for _ in range(_REPEATS)]
        median = round(statistics.median(times), 2)
        figures += [
            runs.at_most(f"seconds of `collegium {name}`, median of {_REPEATS}", median, TARGET),
            runs.at_most(f"times that `collegium {name}` imports torch", _torch(arguments), 0),
        ]
    return figures


def _node_list(run_dir: Path) -> list[str]:
    return ["node", "list", "--dir", str(run_dir)]


def _torch(arguments: list[str]) -> int:
    code = (
        "import sys; from collegium.cli import main; main(sys.argv[1:]);"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return int(done.stderr.strip().endswith("True"))
