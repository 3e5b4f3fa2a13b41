"""Help and listings load nothing heavy."""

import sys
import time
from pathlib import Path

import pytest

from .conftest import python

HEAVY = ("torch", "transformers", "peft", "flwr", "diffusers", "matplotlib")
CHAIN = ("web3", "eth", "eth_account", "eth_utils", "numpy")
_LIST = """
import sys
from collegium.cli import main
code = main(sys.argv[1:])
found = [name for name in {heavy!r} if name in sys.modules]
print(found, file=sys.stderr)
sys.exit(code or len(found))
"""


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], *([noun, "--help"] for noun in ("chain", "node", "round"))],
    ids=" ".join,
)
def test_help_loads_neither_models_nor_chains(arguments: list[str]) -> None:
    done = python("-c", _LIST.format(heavy=HEAVY + CHAIN), *arguments)
    assert done.code == 0, done.err
    assert done.out


def test_node_list_needs_no_web3(folder: Path) -> None:
    script = _LIST.format(heavy=HEAVY + CHAIN)
    done = python("-c", script, "node", "list", "--dir", str(folder), "--json")
    assert done.code == 0, done.err
    assert len(done.json["nodes"]) == 2


@pytest.mark.parametrize("arguments", [["--help"], ["node", "list"]], ids=" ".join)
def test_answers_at_once(folder: Path, arguments: list[str]) -> None:
    """At most half a second of processor time, of which starting Python takes a part."""
    script = (
        "import sys, time; from collegium.cli import main; main(sys.argv[1:]); "
        "print(time.process_time(), file=sys.stderr)"
    )
    started = time.perf_counter()
    done = python("-c", script, *arguments, cwd=folder)
    wall = time.perf_counter() - started
    assert done.code == 0
    assert float(done.err.splitlines()[-1]) < 0.5, f"wall {wall:.2f} s on {sys.platform}"
