"""Trouble around the program is a numbered error; only faults of the program are exit code 70."""

import errno
import json
import os
import resource
import sqlite3
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from collegium.cli.failure import guarded
from collegium.cli.surroundings import surroundings

COMMAND = ("-m", "collegium.cli")


@pytest.mark.parametrize(
    ("error", "action"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "Free some space"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/x"), "Free some space"),
        (OSError(errno.EFBIG, "File too large"), "ulimit -f"),
        (OSError(errno.EROFS, "Read-only file system", "/x"), "can be written"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "access rights"),
        (OSError(errno.EMFILE, "Too many open files"), "raise the limit"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "fewer processes"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "access rights"),
        (sqlite3.OperationalError("database or disk is full"), "Check the disk"),
        (sqlite3.OperationalError("database is locked"), "another program"),
        (MemoryError(), "smaller model"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "smaller model"),
        (BrokenProcessPool("a process died"), "fewer processes"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{type(value).__name__} {value}",
)
def test_each_kind_of_trouble_has_a_number_and_an_action(
    error: Exception, action: str, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail(arguments: object) -> int:
        raise error

    assert guarded(["--json"], fail) == 1
    told = json.loads(capfd.readouterr().out)["error"]
    assert told["code"] == "CG700" and action in told["action"]


def test_a_fault_of_the_program_stays_one() -> None:
    assert surroundings(KeyError("x")) is None and surroundings(RuntimeError("x")) is None
    assert guarded([], lambda arguments: [][0]) == 70


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    """As a full disk does, the system stops every write at some byte."""
    for limit in (0, 100, 20_000):
        done = subprocess.run(
            [sys.executable, *COMMAND, "chain", "up", "--dir", str(tmp_path / str(limit))],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit,) * 2),
        )
        assert done.returncode == 1 and "CG" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "cp1252"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"COLUMNS": "20"},
        {"HOME": "/nonexistent"},
        {"TMPDIR": "/nonexistent"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "arguments", [("--help",), ("explain", "CG105"), ("chain", "status", "--dir", "/nonexistent✓")]
)
def test_terminals_and_homes(environment: dict[str, str], arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, *COMMAND, *arguments],
        capture_output=True,  # bytes in the encoding of the terminal
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode in (0, 1) and b"Traceback" not in done.stderr, done.stderr
    assert done.returncode == 0 or b"CG" in done.stderr


@pytest.mark.parametrize("streams", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", "| head -1"])
def test_streams_that_are_closed(streams: str) -> None:
    line = f"{sys.executable} -m collegium.cli explain CG105 --json {streams}"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Traceback" not in done.stderr, done.stderr


def test_a_current_folder_that_was_deleted(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    line = (
        f"rmdir {gone} && exec {sys.executable} -m collegium.cli chain up --engine hardhat --dir x"
    )
    path = os.pathsep.join(p for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p)
    done = subprocess.run(
        ["sh", "-c", line], cwd=gone, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    assert done.returncode == 1 and "CG" in done.stderr, done.stderr


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"engine": 1}', "null", "\x00"])
def test_a_damaged_state_file_of_a_chain(content: str, tmp_path: Path, run: Run) -> None:
    (tmp_path / "chain.json").write_text(content)
    for command in ("status", "up", "down"):
        told = run("chain", command, "--dir", tmp_path, "--json")
        assert told.code == 1 and told.json["error"]["code"] == "CG207"
