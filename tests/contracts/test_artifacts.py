"""The shipped artifacts are what the sources compile to, and have the promised properties."""

import json
import re

import pytest
from eth_utils import keccak
from tests.contracts.conftest import ROOT

ARTIFACTS = ROOT / "platform" / "collegium" / "chain" / "artifacts"


def test_artifacts_are_those_of_the_sources(build):
    compiled = build.artifacts()
    assert sorted(compiled) == sorted(path.name for path in ARTIFACTS.iterdir())
    for name, text in compiled.items():
        assert (ARTIFACTS / name).read_text() == text, f"{name}: run tools/build_contracts.py"


def test_the_compiler_is_the_one_of_package_json(build):
    wanted = json.loads((ROOT / "package.json").read_text())["devDependencies"]["solc"]
    assert wanted == build.SOLC_VERSION
    installed = json.loads((ROOT / "node_modules" / "solc" / "package.json").read_text())
    assert installed["version"] == wanted


def test_the_lock_names_no_registry():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert len(packages) > 100
    assert not [name for name, entry in packages.items() if "resolved" in entry]


@pytest.mark.parametrize("name", sorted(path.stem for path in ARTIFACTS.iterdir()))
def test_code_runs_on_every_engine(name):
    """No opcode beyond Shanghai: TLOAD, TSTORE, MCOPY, BLOBHASH and BLOBBASEFEE never appear."""
    code = bytes.fromhex(json.loads((ARTIFACTS / f"{name}.json").read_text())["bytecode"][2:])
    assert len(code) <= 2 * 24576, "init code limit, EIP-3860"
    assert not _opcodes(code) & {0x49, 0x4A, 0x5C, 0x5D, 0x5E}


def test_every_contract_leaves_room(build):
    """At most 75 % of what a chain accepts: deployed code (EIP-170), creation code (EIP-3860)."""
    sizes = build.sizes()
    assert sizes.keys() == {path.stem for path in ARTIFACTS.iterdir()}
    for name, (deployed, creation) in sizes.items():
        assert 0 < deployed <= 0.75 * 24576, name
        assert deployed < creation <= 0.75 * 49152, name
    assert build.size_table() in (ROOT / "docs" / "analysis.md").read_text()


def test_federation_and_steps_share_their_storage(build):
    """The steps run on the federation's storage, so shared variables need the same slots."""
    layouts = {name: build.storage(name) for name in ("Federation", "Steps")}
    shared = layouts["Steps"]
    assert len(shared) >= 7 and layouts["Federation"][: len(shared)] == shared


def test_inheritance_has_three_levels(build):
    """Inheritance of the main contract, without interfaces and OpenZeppelin's contracts."""
    bases: dict[str, list[str]] = {}
    for path in (ROOT / "contracts").glob("*.sol"):
        for name, parents in re.findall(r"contract (\w+)(?: is ([\w, ]+))? \{", path.read_text()):
            bases[name] = [parent for parent in parents.split(", ") if parent]

    def levels(name: str) -> int:
        known = [levels(parent) for parent in bases[name] if parent in bases]
        return 1 + max(known, default=0)

    assert levels("Federation") == 3
    assert max(map(levels, bases)) == 3


def _opcodes(code: bytes) -> set[int]:
    """Opcodes up to the metadata, without the immediate values of PUSH."""
    end, found, at = code.rfind(b"\xa1\x64solc"), set(), 0
    while at < end:
        found.add(code[at])
        at += 1 + max(0, code[at] - 0x5F) * (0x60 <= code[at] <= 0x7F)
    return found


def test_signatures_are_over_the_published_types():
    """The type hashes in the code are those of the protocol text."""
    code = json.loads((ARTIFACTS / "Federation.json").read_text())["bytecode"]
    for text in (
        "Update(uint64 round,address node,bytes32 base,bytes32 digest)",
        "Merge(uint64 round,bytes32 root)",
    ):
        assert keccak(text=text).hex() in code
