"""The protocol is pure: no I/O, no clock, no model, and light to import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import collegium.protocol

FOLDER = Path(collegium.protocol.__file__).parent
MODULES = sorted(FOLDER.rglob("*.py"))
PURE = {
    *("abc", "collections", "dataclasses", "enum", "functools", "hashlib", "json", "math"),
    *("re", "struct", "typing", "numpy", "rfc8785", "eth_abi", "eth_keys", "eth_hash", "eth_utils"),
    *("fractions", "collegium.errors", "collegium.protocol", "collegium_incentives"),
}


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_module_imports_only_what_is_pure(path):
    for name in imported(path):
        room = ".".join(name.split(".")[:2]) if name.startswith("collegium") else name.split(".")[0]
        assert room in PURE


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_a_module_opens_nothing_and_asks_no_clock(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input", "exec", "eval", "__import__"}


def test_importing_everything_loads_nothing_heavy():
    places = [path.relative_to(FOLDER).with_suffix("").parts for path in MODULES]
    names = ", ".join(
        ".".join(("collegium.protocol", *place)) for place in places if place[-1] != "__init__"
    )
    code = f"import sys, {names}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "transformers", "web3", "eth_account", "safetensors", "eth"} & set(loaded)
