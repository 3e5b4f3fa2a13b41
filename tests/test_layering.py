"""The rooms of the house: imports point down one line, and no files form a circle."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import collegium
import collegium_incentives

FLOORS = (  # the top one first; a room imports from lower floors only, never from its own
    {"cli", "console"},
    {"lab"},
    {"flower", "queries"},
    {"roles", "consortium", "evidence"},
    {"workspace", "audit"},
    {"tasks", "planning", "chain", "store"},
    {"protocol"},
    {"errors", "collegium_incentives", "collegium"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
ONLINE = {"web3", "eth_account", "keyring", "torch", "transformers", "flwr", "rich", "jinja2"}


def modules() -> dict[str, Path]:
    """Every module of both packages by its dotted name; a package is its ``__init__``."""
    found = {}
    for package in (collegium, collegium_incentives):
        source = Path(package.__file__ or "").parent
        for path in source.rglob("*.py"):
            name = ".".join(path.relative_to(source.parent).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


MODULES = modules()


def tree(name: str) -> ast.Module:
    return ast.parse(MODULES[name].read_text())


def imports(name: str) -> Iterator[str]:
    """Modules of ours that a module names in any import, wherever in the file it is."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}: write imports in full"
            named = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for each in named:
            other = each if each in MODULES else each.rpartition(".")[0]
            if other in MODULES:
                yield other


def room(name: str) -> str:
    first, _, rest = name.partition(".")
    return rest.partition(".")[0] if first == "collegium" and rest else first


GRAPH = {name: set(imports(name)) for name in MODULES}


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    assert room(name) in FLOOR, "give the new room a floor"
    for other in GRAPH[name]:
        assert room(other) == room(name) or FLOOR[room(other)] > FLOOR[room(name)], other


def test_no_files_form_a_circle() -> None:
    graphlib.TopologicalSorter(GRAPH).prepare()


@pytest.mark.parametrize("name", [n for n in MODULES if room(n) not in {"cli", "lab"}])
def test_only_the_lab_can_be_dishonest(name: str) -> None:
    words = {node.id for node in ast.walk(tree(name)) if isinstance(node, ast.Name)}
    words |= {node.attr for node in ast.walk(tree(name)) if isinstance(node, ast.Attribute)}
    assert not {word for word in words if "attack" in word.lower()}


def test_the_audit_loads_no_chain_client_keys_or_models() -> None:
    code = "import sys, collegium.audit; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & (ONLINE | {"collegium.workspace", "collegium.consortium"})
