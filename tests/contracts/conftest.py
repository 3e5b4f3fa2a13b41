"""Contracts on an embedded chain, freshly compiled ones beside the shipped ones.

Without Node, or before ``npm ci``, tests that need the compiler are skipped. The artifacts in the
package are tested in any case.
"""

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.twin import Contracts, Twin
from tests.support.terms import TERMS

from collegium.chain.abi import Abi
from collegium.chain.embedded.chain import EmbeddedChain
from collegium.chain.embedded.genesis import dev_accounts
from collegium.chain.embedded.rpc import Rpc
from collegium.chain.shipped import artifact

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def build() -> Any:
    """The module ``tools/build_contracts.py``; skips the test if there is no compiler."""
    if shutil.which("node") is None or not (ROOT / "node_modules" / "solc").is_dir():
        pytest.skip("no Solidity compiler: run npm ci")
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import build_contracts
    finally:
        sys.path.remove(str(ROOT / "tools"))
    return build_contracts


class Libraries:
    """The pure libraries and the judge of disputes, called through ``Harness.sol``.

    ``libraries("settle", *args)`` is what the function returns; ``errors`` decodes custom errors.
    """

    def __init__(self, compiled: Any) -> None:
        self._abi = Abi(compiled["abi"])
        self.errors = self._abi + artifact("Disputes").abi
        self._rpc = Rpc(EmbeddedChain(clock="virtual"))
        code = "0x" + compiled["evm"]["bytecode"]["object"]
        create = {"from": dev_accounts()[0].address, "gas": hex(10**7), "data": code}
        tx = self._rpc.call("eth_sendTransaction", [create])
        self._address = self._rpc.call("eth_getTransactionReceipt", [tx])["contractAddress"]

    def __call__(self, name: str, *args: Any) -> Any:
        call = {"to": self._address, "data": "0x" + self._abi.encode_call(name, *args).hex()}
        answer = self._rpc.call("eth_call", [call, "latest"])
        return self._abi.decode_output(name, bytes.fromhex(answer[2:]))


@pytest.fixture(scope="session")
def libraries(build: Any) -> Libraries:
    return Libraries(build.compile_contracts(["contracts/test/Harness.sol"])["Harness"])


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    """A twin with five members, which tests fork."""
    path = tmp_path_factory.mktemp("contracts") / "chain"
    Contracts.found(path, TERMS)
    return Twin(path, TERMS)
