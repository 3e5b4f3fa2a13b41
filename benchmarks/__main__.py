"""``python -m benchmarks [NAME …]``: run benchmarks and print their tables as Markdown.

Without names all are run, which takes about half an hour on two cores.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import datasets, demo, estimators, events, latency, runs

BENCHMARKS: dict[str, Callable[[Path], list[runs.Measure]]] = {
    "latency": latency.measure,
    "phantoms": demo.phantoms,
    "pneumonia": demo.pneumonia,
    "repeat": demo.repeat,
    "datasets": datasets.measure,
    "estimators": estimators.measure,
    "events": events.measure,
}
"""Each gives its figures, from which its table is made; none if its data are missing."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here, too")
    options = parser.parse_args()
    names, figures = options.names or list(BENCHMARKS), list[runs.Measure]()
    if unknown := set(names) - set(BENCHMARKS):
        parser.error(f"unknown benchmark: {', '.join(sorted(unknown))}")
    print(f"Taken on {runs.machine()}.\n")
    for name in names:
        with tempfile.TemporaryDirectory(prefix=f"collegium-{name}-") as folder:
            measured = BENCHMARKS[name](Path(folder))
        figures += measured
        print(runs.measures(name, measured) if measured else f"### {name}\n\nskipped: no data\n")
        print(f"    python -m benchmarks {name}\n", flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if all(figure["ok"] for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
