"""Break the contracts on purpose, one line at a time, and see whether a forge test notices.

The mutants stand in ``tools/mutants.json`` as (file below ``contracts/``, what is there, what is
put in its place)::

    python tools/mutate.py            # all of them; about half a minute each
    python tools/mutate.py 3 17       # these only

Exit status 1 if a mutant survives that is not marked as equivalent, or no longer fits the code, or
if a test fails on the unchanged contracts, which would kill every mutant.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MUTANTS = ROOT / "tools" / "mutants.json"
FORGE = ["npx", "-y", "-p", "@foundry-rs/forge@1.7.1", "--", "node", "tools/forge.cjs", "test"]
# Largest rounds and long random walks take minutes and find nothing that the others do not.
FAST = ["--fail-fast", "--no-match-path", "contracts/test/{Scale,Invariant}.t.sol"]


def workplace(folder: Path) -> Path:
    """A copy of what forge needs."""
    for name in ("contracts", "tools", "tests/vectors"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("foundry.toml", "package.json"):
        shutil.copy(ROOT / name, folder)
    (folder / "node_modules").symlink_to(ROOT / "node_modules")
    return folder


def test(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run forge's tests on the contracts in ``folder``."""
    return subprocess.run([*FORGE, *FAST], cwd=folder, capture_output=True, text=True)


def judge(folder: Path, mutant: dict[str, Any]) -> str:
    """``killed``, ``survived``, or ``does not fit`` if the code has changed or does not compile."""
    path = folder / "contracts" / mutant["file"]
    source = path.read_text()
    if source.count(mutant["from"]) != 1:
        return "does not fit"
    path.write_text(source.replace(mutant["from"], mutant["to"]))
    try:
        done = test(folder)
    finally:
        path.write_text(source)
    if done.returncode == 0:
        return "survived"
    return "killed" if "[FAIL" in done.stdout else "does not fit"


def main(chosen: list[int]) -> int:
    mutants = json.loads(MUTANTS.read_text())
    bad = 0
    with tempfile.TemporaryDirectory(prefix="mutants-") as name:
        folder = workplace(Path(name))
        unchanged = test(folder)
        if unchanged.returncode != 0:
            print(unchanged.stdout + unchanged.stderr)
            return 1
        for number, mutant in enumerate(mutants):
            if chosen and number not in chosen:
                continue
            found = judge(folder, mutant)
            excused = found == "survived" and "equivalent" in mutant
            bad += found != "killed" and not excused
            note = f" (equivalent: {mutant['equivalent']})" if excused else ""
            print(f"{number:3} {found:12} {mutant['file']}: {mutant['to']!r:.70}{note}", flush=True)
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main([int(word) for word in sys.argv[1:]]))
