"""``python -m benchmarks [NAME …]``: run benchmarks and print their tables as Markdown.

Without names all are run, which takes about half an hour on two cores.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import demo, latency, runs

BENCHMARKS: dict[str, Callable[[Path], str]] = {
    "latency": latency.table,
    "phantoms": demo.phantoms,
    "pneumonia": demo.pneumonia,
    "repeat": demo.repeat,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}")
    print(f"Taken on {runs.machine()}.\n")
    for name in names:
        with tempfile.TemporaryDirectory(prefix=f"collegium-{name}-") as folder:
            print(BENCHMARKS[name](Path(folder)), flush=True)
        print(f"    python -m benchmarks {name}\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
