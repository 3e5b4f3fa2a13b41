"""A command removes what it wrote itself, and never anything else."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from collegium.errors import PathsOverlap, RunExists
from collegium.workspace.owned import MARKER, OwnedFolder, require_apart

NAMES, STATE = ("data", "report.html", "nodes"), ("nodes",)
Fill = Callable[..., None]


def fill(folder: Path, text: str = "ours") -> None:
    with OwnedFolder(folder, NAMES, STATE).filling():
        for name in ("data/a/0.png", "nodes/1/node.json", "report.html"):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MARKER
    }


def test_what_was_written_is_replaced(tmp_path: Path) -> None:
    fill(tmp_path / "out")
    fill(tmp_path / "out", "again")
    assert set(tree(tmp_path / "out").values()) == {b"again"}


def test_what_is_written_no_more_is_gone(tmp_path: Path) -> None:
    fill(tmp_path)
    with OwnedFolder(tmp_path, NAMES, STATE).filling():
        (tmp_path / "report.html").write_text("alone")
    assert list(tree(tmp_path)) == ["report.html"] and not (tmp_path / "data").exists()


def test_files_that_commands_change_are_still_theirs(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "nodes/1/node.json").write_text("with a later setting")
    fill(tmp_path)
    assert (tmp_path / "nodes/1/node.json").read_text() == "ours"


@pytest.mark.parametrize("name", ["data/a/1.png", "data/mine/x.png", "nodes/2/key", "report.html"])
def test_a_users_file_among_them_stops_the_command(tmp_path: Path, name: str) -> None:
    fill(tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine, for years")
    before = tree(tmp_path)
    with pytest.raises(RunExists, match=name):
        fill(tmp_path)
    assert tree(tmp_path) == before


def test_a_users_file_beside_them_stays(tmp_path: Path) -> None:
    fill(tmp_path)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.txt").write_text("mine")
    fill(tmp_path)
    assert tree(tmp_path)["notes/thesis.txt"] == b"mine"


@pytest.mark.parametrize("name", ["thesis.txt", "data/0.png", ".hidden"])
def test_a_folder_without_marker_has_to_be_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    with pytest.raises(RunExists):
        fill(tmp_path)
    assert tree(tmp_path) == {name: b"mine"}


def test_files_of_the_system_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".DS_Store").write_bytes(b"\0")
    fill(tmp_path)
    fill(tmp_path)
    assert (tmp_path / ".DS_Store").exists() and (tmp_path / "lost+found").is_dir()


@pytest.mark.parametrize("text", ["", "[]", '{"version": 9}', '{"version": 1, "state": "ended"}'])
def test_a_damaged_marker_removes_nothing(tmp_path: Path, text: str) -> None:
    fill(tmp_path)
    before = tree(tmp_path)
    (tmp_path / MARKER).write_text(text)
    with pytest.raises(RunExists, match="damaged"):
        fill(tmp_path)
    assert tree(tmp_path) == before


def test_a_marker_cannot_name_files_elsewhere(tmp_path: Path) -> None:
    """A marker that came with someone's archive must not be a list of what to delete."""
    victim, out = tmp_path / "victim.txt", tmp_path / "out"
    victim.write_text("mine")
    fill(out)
    stamp = [victim.stat().st_size, victim.stat().st_mtime_ns]
    document = json.loads((out / MARKER).read_text())
    for name in ("../victim.txt", str(victim), "data/../../victim.txt", "notes/x"):
        document["files"][name] = stamp
    (out / "notes").mkdir()
    (out / "notes" / "x").write_text("mine")
    (out / MARKER).write_text(json.dumps(document))
    fill(out)
    assert victim.read_text() == "mine" and (out / "notes" / "x").exists()


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    mine, out = tmp_path / "mine", tmp_path / "out"
    mine.mkdir()
    (mine / "0.png").write_text("mine")
    with OwnedFolder(out, NAMES).filling():
        (out / "data").symlink_to(mine)
    fill(out)
    assert tree(mine) == {"0.png": b"mine"} and not (out / "data").is_symlink()


def test_the_folder_may_be_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.mkdir()
    link.symlink_to(real)
    fill(link)
    fill(link, "again")
    assert link.is_symlink() and set(tree(real).values()) == {b"again"}
    inode = real.stat().st_ino
    fill(link)
    assert real.stat().st_ino == inode, "a mount point cannot be removed"


def test_the_folder_may_be_the_current_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fill(Path("."))
    fill(Path("."), "again")
    assert set(tree(tmp_path).values()) == {b"again"}


@pytest.mark.parametrize("kind", ["file", "link to nothing"])
def test_the_path_is_no_folder(tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    out.write_text("mine") if kind == "file" else out.symlink_to(tmp_path / "nothing")
    with pytest.raises(RunExists):
        fill(out)


def test_after_a_failure_the_same_call_works(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), OwnedFolder(tmp_path, NAMES, STATE).filling():
        (tmp_path / "report.html").write_text("half")
        raise KeyboardInterrupt
    fill(tmp_path)
    assert tree(tmp_path)["report.html"] == b"ours"


def test_what_a_killed_command_left_is_moved_aside(tmp_path: Path) -> None:
    """No list says what it wrote: perhaps some of it is the user's."""
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from collegium.workspace.owned import OwnedFolder\n"
        "out = Path(sys.argv[1])\n"
        f"with OwnedFolder(out, {NAMES!r}).filling():\n"
        "    (out / 'report.html').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    for number in (1, 2):
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
        said: list[str] = []
        with OwnedFolder(tmp_path, NAMES).filling(said.append):
            pass
        aside = tmp_path / f"interrupted-{number}"
        assert (aside / "report.html").read_text() == "half" and str(aside) in said[0]
    fill(tmp_path)
    assert (tmp_path / "interrupted-1" / "report.html").exists()


def test_one_command_at_a_time(tmp_path: Path) -> None:
    with OwnedFolder(tmp_path / "out", NAMES).filling():
        (tmp_path / "again").symlink_to(tmp_path / "out")
        with pytest.raises(RunExists, match="another process"):
            fill(tmp_path / "again")
    fill(tmp_path / "again")


@pytest.mark.parametrize(
    ("out", "data"),
    [
        ("x", "x"),
        ("x", "x/data"),
        ("x/out", "x"),
        ("x/../x", "x/a/b"),
        ("link", "x/a"),
        ("x", "link/a"),
    ],
)
def test_overlapping_paths(tmp_path: Path, out: str, data: str) -> None:
    (tmp_path / "x" / "a").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "x")
    with pytest.raises(PathsOverlap):
        require_apart(tmp_path / out, tmp_path / data)


@pytest.mark.parametrize(("out", "data"), [("x", "xy"), ("x/out", "x/data"), ("new", "x")])
def test_separate_paths(tmp_path: Path, out: str, data: str) -> None:
    (tmp_path / "x" / "data").mkdir(parents=True)
    require_apart(tmp_path / out, tmp_path / data)


@pytest.mark.skipif(os.name == "nt", reason="folders are mounted otherwise on Windows")
def test_a_folder_that_is_mounted_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        (folder / "data").mkdir(parents=True)
    same = Path.samefile
    mounted = {one, two}
    monkeypatch.setattr(Path, "samefile", lambda a, b: {a, Path(b)} == mounted or same(a, b))
    with pytest.raises(PathsOverlap):
        require_apart(one, two / "data")
