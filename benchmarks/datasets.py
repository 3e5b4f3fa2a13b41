"""What a hospital's pictures cost: seconds to register, and the memory of a node that trains.

Folders of 2,000 to 200,000 phantoms, most of which are links to the same files under other names:
each name is a picture of its own for everything that reads them. Each size runs in a process of its
own, so that the peak of its memory is that of this size. The largest runs once more with pictures
of 2,000 pixels an edge, as hospitals have them.
"""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import runs
from collegium.tasks.registry import task_kind
from collegium.tasks.xray.cases import DIAGNOSES, diagnosed_study, diagnosis_turn
from collegium.tasks.xray.phantoms import Style, render
from collegium.tasks.xray.recipe import Recipe

SIZES = (2_000, 20_000, 200_000)
_LARGE = 2_000  # pixels an edge
_PEAK_MIB = 1_024
_DRAWN = 500  # different files
_LOOKED_AT = 32  # what joining looks at
_STEPS = 120  # batches of 32 pictures: more pictures than a node keeps


def measure(folder: Path) -> list[runs.Measure]:
    """Register and train with folders of growing size."""
    found = {size: _measured(_write(folder / str(size), size)) for size in SIZES}
    _, full, largest = SIZES  # the first fits into what a node keeps, the others do not
    figures = []
    for size, values in found.items():
        figures += [
            runs.at_most(f"{size:,} pictures: seconds to register", values["register_s"], 10),
            runs.at_most(f"{size:,} pictures: seconds to list and split", values["list_s"], 30),
            runs.at_most(f"{size:,} pictures: MiB at the peak of training", values["peak_mib"]),
        ]
    more = found[largest]["peak_mib"] - found[full]["peak_mib"]
    large = _measured(_write(folder / "large", largest, _LARGE))
    name = f"{largest:,} pictures of {_LARGE:,} pixels an edge"
    figures += [
        runs.at_most(f"{name}: seconds to register", large["register_s"], 10),
        runs.at_most(f"{name}: MiB at the peak of training", large["peak_mib"], _PEAK_MIB),
    ]
    each = round(2**20 * more / (largest - full))
    return [*figures, runs.at_most("bytes for each picture beyond what is kept", each, 1_000)]


def _write(folder: Path, size: int, edge: int | None = None) -> Path:
    """A data folder of so many names; as JPEG of the given edge, or as PNG as they are drawn."""
    folder.mkdir()
    suffix = "png" if edge is None else "jpg"
    rng, lines = np.random.default_rng(5), []
    names = list(DIAGNOSES)
    turns = []
    for number in range(_DRAWN):
        study = diagnosed_study(rng, names[number % len(names)])
        grey = np.rint(255 * render(study, Style(), rng)).astype(np.uint8)
        image = Image.fromarray(grey)
        if edge is not None:
            image = image.resize((edge, edge), Image.Resampling.BICUBIC)
        image.save(folder / f"{number:06d}.{suffix}")
        turns.append(diagnosis_turn(study))
    for number in range(size):
        name = f"{number:06d}.{suffix}"
        if number >= _DRAWN:
            os.link(folder / f"{number % _DRAWN:06d}.{suffix}", folder / name)
        turn = turns[number % _DRAWN]
        line = {"file_name": name, "question": turn.question, "answer": turn.answer}
        lines.append(json.dumps({**line, "question_type": turn.kind, "patient": f"p{number}"}))
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def _measured(folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.datasets", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def _one(folder: Path) -> dict[str, float]:
    """What joining and training do with a folder, in this process."""
    kind = task_kind("xray-dialogue")
    started = time.perf_counter()
    kind.notices(folder, whole := kind.read(folder), kind.read(folder, limit=1))
    kind.read(folder, limit=_LOOKED_AT).check()
    registered = time.perf_counter()
    del whole
    train, _ = kind.read(folder).split(0.2)
    listed = time.perf_counter()
    task = kind.load(Recipe(local_steps=_STEPS, preserve=0.0))
    task.train(task.zeros(), task.prepare(train), round=0, seed=1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # kB on Linux
    return {
        "register_s": round(registered - started, 2),
        "list_s": round(listed - registered, 2),
        "peak_mib": round(peak),
    }


if __name__ == "__main__":
    print(json.dumps(_one(Path(sys.argv[1]))))
