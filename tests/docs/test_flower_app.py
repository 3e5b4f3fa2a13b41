"""``examples/flower-app``, followed line by line as its README says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from .lines import ROOT, lines_of

SOURCE = ROOT / "examples" / "flower-app"


def test_the_example_can_be_followed(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(SOURCE, tmp_path / "app"))
    printed = {}
    followed = [line.words for line in lines_of(SOURCE / "README.md") if not line.inline]
    assert len(followed) > 5
    for program, *arguments in followed:
        start = ["-m", "collegium.cli"] if program == "collegium" else []
        done = subprocess.run(
            [sys.executable, *start, *arguments],
            cwd=folder,
            env=os.environ | {"COLLEGIUM_PASSPHRASE": "correct horse"},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"{program} {arguments}\n{done.stdout}\n{done.stderr}"
        printed[" ".join(arguments[:2])] = done.stdout
    errors = re.findall(r"error ([\d.]+) before, ([\d.]+) after", printed["run.py"])
    assert len(errors) == 3
    assert all(float(after) < 0.25 * float(before) for before, after in errors)
    assert "The evidence is valid." in printed["audit evidence.zip"]


def test_two_lines_are_all_that_differs_from_a_plain_app() -> None:
    ours = re.compile("collegium|attest|Verified")
    for name in ("client_app.py", "server_app.py"):
        code = (SOURCE / name).read_text().split('"""')[2].splitlines()
        lines = [line for line in code if ours.search(line) and "import" not in line]
        assert len(lines) == 1, lines
    assert not ours.search((SOURCE / "model.py").read_text().split('"""')[2])
