"""Every error has a page in the package, and every page an error; `explain` prints it."""

import shutil
import subprocess
import sys
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

from collegium.errors import BLOCKS, catalogue

from .conftest import Run

ROOT = Path(__file__).parents[2]
PAGES = files("collegium") / "pages"
SECTIONS = ("## What it means", "## Typical causes", "## What to do")
TITLES = {code: kind.title for code, kind in catalogue().items()}


def test_pages_and_errors_are_the_same() -> None:
    assert {page.name for page in PAGES.iterdir()} == {f"{code}.md" for code in TITLES}


def test_a_wheel_holds_every_page(tmp_path: Path) -> None:
    """An install without a checkout can explain every number."""
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    skip = shutil.ignore_patterns("__pycache__", "model.safetensors", "*.egg-info")
    for name in ("platform", "incentives"):
        shutil.copytree(ROOT / name, source / name, ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    script = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"
    wheels.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", script, str(wheels)], cwd=source, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
    assert names >= {f"collegium/pages/{code}.md" for code in TITLES}


def test_no_number_is_used_twice() -> None:
    numbers = [kind.number for kind in _kinds()]
    assert len(numbers) == len(set(numbers))


def _kinds() -> list[type]:
    from collegium import errors

    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    return [kind for kind in kinds if issubclass(kind, errors.CollegiumError) and kind.number]


def test_the_catalogue_is_complete() -> None:
    assert set(catalogue().values()) == set(_kinds())


@pytest.mark.parametrize("code", TITLES)
def test_a_page_says_what_a_person_needs(code: str) -> None:
    text = (PAGES / f"{code}.md").read_text(encoding="utf-8")
    assert text.startswith(f"# {code}: {TITLES[code]}\n")
    parts = [text.index(section) for section in SECTIONS]
    assert parts == sorted(parts)
    for start, end in zip(parts, [*parts[1:], len(text)], strict=True):
        assert len(text[start:end].split()) > 6, "a section with something in it"


def test_the_index_lists_every_page_by_block() -> None:
    index = (ROOT / "docs/errors/README.md").read_text().splitlines()
    lines: list[str] = []
    for digit, block in BLOCKS.items():
        lines.append(f"## {block}")
        for code, title in TITLES.items():
            if code[2] == str(digit):
                lines.append(f"- [{code}](../../platform/collegium/pages/{code}.md): {title}")
    assert [line for line in index if line.startswith(("- [CG", "## "))] == lines


@pytest.mark.parametrize("given", ["CG505", "cg505", "505"])
def test_explain_prints_a_page(given: str, run: Run) -> None:
    done = run("explain", given)
    assert done.code == 0
    assert "CG505: folder contains no run" in done.out and "What to do" in done.out
    document = run("explain", given, "--json").json
    assert (document["code"], document["title"]) == ("CG505", TITLES["CG505"])
    assert document["page"] == (PAGES / "CG505.md").read_text(encoding="utf-8")


def test_explain_lists_all_numbers(run: Run) -> None:
    assert {row["code"] for row in run("explain", "--json").json["errors"]} == set(TITLES)
    shown = run("explain").out
    assert all(code in shown and title in shown for code, title in TITLES.items())
    assert all(block in shown for block in BLOCKS.values())


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("CG599", "CG500 to CG5"), ("999", "CG100 to"), ("²05", "CG100 to")],
)
def test_an_unknown_number_names_the_nearest_block(given: str, nearest: str, run: Run) -> None:
    done = run("explain", given, "--json")
    assert done.code == 1
    assert done.json["error"]["code"] == "CG701" and nearest in done.json["error"]["expected"]


def test_a_failing_command_says_how_to_read_more(run: Run, tmp_path: Path) -> None:
    done = run("node", "list", "--dir", tmp_path)
    assert done.code == 1 and "collegium explain CG505" in done.err
    as_json = run("node", "list", "--dir", tmp_path, "--json")
    assert as_json.json["error"]["explain"] == "collegium explain CG505"
