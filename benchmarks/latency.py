"""How long commands take that people type all day, and that they load no torch."""

import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks import runs

_REPEATS = 7


def table(folder: Path) -> str:
    """Median wall time of ``--help`` and ``node list`` on a federation of one run."""
    run_dir = folder / "demo"
    runs.run(["demo", "--rounds", "1", "--attack", "none", "--nodes", "3", "--out", str(run_dir)])
    rows = []
    for arguments in (["--help"], ["node", "list", "--dir", str(run_dir)]):
        times = [runs.run(arguments, json_output=False).seconds for _ in range(_REPEATS)]
        command = "collegium " + " ".join(a for a in arguments if a != str(run_dir))
        rows.append(
            (f"`{command}`", f"{statistics.median(times):.2f} s", "≤ 0.5 s", _torch(arguments))
        )
    columns = ("command", "median wall time", "target", "imports torch")
    return runs.table("Commands that must answer at once", columns, rows)


def _torch(arguments: list[str]) -> str:
    code = (
        "import sys; from collegium.cli import main; main(sys.argv[1:]);"
        "print('torch' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return "yes" if done.stderr.strip().endswith("True") else "no"
