"""What is already at the place that a command writes to is kept."""

from pathlib import Path

from .conftest import Run


def test_a_page_replaces_a_page_only(folder: Path, tmp_path: Path, run: Run) -> None:
    page = tmp_path / "audit.html"
    assert run("audit", "--dir", folder, "--html", page).code == 0
    assert run("audit", "--dir", folder, "--html", page).code == 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    page.write_text("<p>mine</p>")
    done = run("audit", "--dir", folder, "--html", page, "--json")
    assert done.code == 1 and done.json["error"]["code"] == "CG501"
    assert page.read_text() == "<p>mine</p>"


def test_the_verdict_is_printed_before_the_page_is_written(
    folder: Path, tmp_path: Path, run: Run
) -> None:
    for place in (tmp_path / "no" / "such" / "x.html", Path("/proc/x.html")):
        done = run("audit", "--dir", folder, "--html", place, "--json")
        assert done.json["ok"] is True, "standard output is the verdict, and nothing else"
        assert done.code == 1 and "CG700" in done.err


def test_pretraining_and_export_keep_a_users_folder(folder: Path, tmp_path: Path, run: Run) -> None:
    mine = tmp_path / "model"
    mine.mkdir()
    (mine / "config.json").write_text("mine")
    for words in (
        ("model", "pretrain", "--out", mine, "--steps", "2"),
        ("model", "export", "--out", mine, "--dir", folder),
    ):
        done = run(*words, "--json")
        assert done.code == 1 and done.json["error"]["code"] == "CG501"
    assert [path.name for path in mine.iterdir()] == ["config.json"]
    assert (mine / "config.json").read_text() == "mine"
