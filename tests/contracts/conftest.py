"""Contracts on an embedded chain, compiled ones beside the shipped ones.

Whoever has no Node, or has not run ``npm ci``, skips what needs the compiler: the artifacts in
the package are tested all the same.
"""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture(scope="session")
def libraries(build: Any) -> Callable[..., Any]:
    """The pure libraries: ``libraries("settle", *args)`` is what their harness returns."""
    from collegium.chain.abi import Abi
    from collegium.chain.embedded.chain import EmbeddedChain
    from collegium.chain.embedded.genesis import dev_accounts
    from collegium.chain.embedded.rpc import Rpc

    compiled = build.compile_contracts(["contracts/test/Harness.sol"])["Harness"]
    abi = Abi(compiled["abi"])
    rpc = Rpc(EmbeddedChain(clock="virtual"))
    create = {
        "from": dev_accounts()[0].address,
        "gas": hex(10**7),
        "data": "0x" + compiled["evm"]["bytecode"]["object"],
    }
    receipt = rpc.call("eth_getTransactionReceipt", [rpc.call("eth_sendTransaction", [create])])

    def ask(name: str, *args: Any) -> Any:
        call = {"to": receipt["contractAddress"], "data": "0x" + abi.encode_call(name, *args).hex()}
        return abi.decode_output(name, bytes.fromhex(rpc.call("eth_call", [call, "latest"])[2:]))

    return ask


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A twin with five members, to be forked; its own chain is closed."""
    from tests.contracts.twin import Contracts, Twin
    from tests.protocol.consortium import TERMS

    path = tmp_path_factory.mktemp("contracts") / "chain"
    Contracts.found(path, TERMS)
    twin = Twin(path, TERMS)
    twin.contracts.chain.close()
    return twin
