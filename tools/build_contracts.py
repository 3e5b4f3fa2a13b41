"""Compile the contracts and write the artifacts that the Python package ships.

A user of the package needs neither Node nor a compiler, because ABI and bytecode lie in
``platform/collegium/chain/artifacts``. Whoever changes a contract runs ``npm ci`` and then::

    python tools/build_contracts.py            # write the artifacts
    python tools/build_contracts.py --check    # compare only; exit status 1 if they differ
    python tools/build_contracts.py --sizes    # print the sizes of the code, as in docs/analysis.md
"""

import argparse
import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

import solcx

ROOT = Path(__file__).resolve().parent.parent
ARTIFACTS = ROOT / "platform" / "collegium" / "chain" / "artifacts"
SOLC_VERSION = "0.8.30"
SHIPPED = ("Federation", "Vault", "Disputes", "Settler", "Steps", "DemoToken")
SIZE_LIMIT = 24576  # bytes of deployed code, EIP-170
INIT_LIMIT = 49152  # bytes of creation code, EIP-3860
SETTINGS = {
    "optimizer": {"enabled": True, "runs": 200},
    "evmVersion": "shanghai",
    "metadata": {"bytecodeHash": "none"},
    "outputSelection": {
        "*": {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object", "storageLayout"]}
    },
}


def compiler() -> Path:
    """A native solc of the pinned version if py-solc-x installed one, else npm's."""
    if any(str(version) == SOLC_VERSION for version in solcx.get_installed_solc_versions()):
        return Path(solcx.install.get_executable(SOLC_VERSION))
    return ROOT / "tools" / "solcjs.cjs"


def sources(names: list[str]) -> dict[str, dict[str, str]]:
    """The named files and all they import, as the ``sources`` of a standard JSON input."""
    found: dict[str, dict[str, str]] = {}
    queue = list(names)
    while queue:
        name = queue.pop()
        if name in found:
            continue
        folder = ROOT / "node_modules" if name.startswith("@") else ROOT
        text = (folder / name).read_text()
        found[name] = {"content": text}
        for target in re.findall(r'^import\s[^"]*"([^"]+)";', text, re.MULTILINE):
            queue.append(_resolve(name, target))
    return dict(sorted(found.items()))


def _resolve(importer: str, target: str) -> str:
    if not target.startswith("."):
        return target
    parts = importer.split("/")[:-1]
    for step in target.split("/"):
        if step == "..":
            parts.pop()
        elif step != ".":
            parts.append(step)
    return "/".join(parts)


def compile_contracts(names: list[str]) -> dict[str, dict[str, Any]]:
    """Contract name -> solc's output for it, for every contract in the named files."""
    standard = {"language": "Solidity", "sources": sources(names), "settings": SETTINGS}
    try:
        output = solcx.compile_standard(standard, solc_binary=compiler())
    except solcx.exceptions.SolcError as error:
        found = json.loads(error.stdout_data)["errors"] if error.stdout_data else []
        raise SystemExit("\n".join(e["formattedMessage"] for e in found) or str(error)) from error
    return {name: body for name in names for name, body in output["contracts"][name].items()}


@cache
def compiled() -> dict[str, dict[str, Any]]:
    """solc's output for every shipped contract, by name."""
    return compile_contracts([f"contracts/{name}.sol" for name in SHIPPED])


def artifacts() -> dict[str, str]:
    """File name -> text of every shipped artifact, compiled from the sources here."""
    files = {}
    for name in SHIPPED:
        body = {
            "contractName": name,
            "abi": compiled()[name]["abi"],
            "bytecode": "0x" + compiled()[name]["evm"]["bytecode"]["object"],
        }
        files[f"{name}.json"] = json.dumps(body, separators=(",", ":")) + "\n"
    return files


def sizes() -> dict[str, tuple[int, int]]:
    """Contract name -> bytes of deployed code and of creation code, without its arguments."""
    codes = {name: compiled()[name]["evm"] for name in SHIPPED}
    return {
        name: (_size(code["deployedBytecode"]), _size(code["bytecode"]))
        for name, code in codes.items()
    }


def size_table() -> str:
    """The sizes as a Markdown table."""
    lines = [
        "| Contract | Deployed code, bytes | % of 24,576 | Creation code, bytes | % of 49,152 |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, (deployed, creation) in sizes().items():
        shares = (
            f"{_percent(deployed, SIZE_LIMIT)} | {creation:,} | {_percent(creation, INIT_LIMIT)}"
        )
        lines.append(f"| `{name}` | {deployed:,} | {shares} |")
    return "\n".join(lines) + "\n"


def storage(name: str) -> list[tuple[str, str, int, str]]:
    """Where a contract's variables lie, in order: name, slot, offset in bytes, type."""
    fields = compiled()[name]["storageLayout"]["storage"]
    return [(f["label"], f["slot"], f["offset"], f["type"]) for f in fields]


def _size(code: dict[str, str]) -> int:
    return len(code["object"]) // 2


def _percent(size: int, limit: int) -> str:
    return f"{100 * size / limit:.1f}"


def main() -> int:
    parser = argparse.ArgumentParser(description="Compile the contracts into the Python package.")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    parser.add_argument("--sizes", action="store_true", help="print the sizes, write nothing")
    given = parser.parse_args()
    if given.sizes:
        print(size_table(), end="")
        return 0
    check, changed = given.check, []
    for name, text in artifacts().items():
        path = ARTIFACTS / name
        if path.exists() and path.read_text() == text:
            continue
        changed.append(name)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    print(f"{'differ' if check else 'written'}: {', '.join(changed) or 'none'}")
    return 1 if check and changed else 0


if __name__ == "__main__":
    sys.exit(main())
