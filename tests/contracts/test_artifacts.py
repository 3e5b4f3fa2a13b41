"""What the package ships is what the sources compile to, and what its users rely on."""

import json

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


@pytest.mark.parametrize("name", ["Federation", "Vault", "Disputes", "DemoToken"])
def test_code_runs_on_every_engine(name):
    """No opcode beyond Shanghai: TLOAD, TSTORE, MCOPY, BLOBHASH and BLOBBASEFEE never appear."""
    code = bytes.fromhex(json.loads((ARTIFACTS / f"{name}.json").read_text())["bytecode"][2:])
    assert len(code) <= 2 * 24576, "init code limit, EIP-3860"
    assert not _opcodes(code) & {0x49, 0x4A, 0x5C, 0x5D, 0x5E}


def _opcodes(code: bytes) -> set[int]:
    """Opcodes up to the metadata, which is data; immediate values are skipped."""
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
