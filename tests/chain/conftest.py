"""Chains, a contract that reverts in every way, and senders for the tests of ``chain/``."""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path

import pytest

from collegium.chain import engines
from collegium.chain.abi import Abi
from collegium.chain.bindings import Contract, deploy
from collegium.chain.connection import Chain
from collegium.chain.embedded.chain import EmbeddedChain
from collegium.chain.embedded.server import Server
from collegium.chain.sender import Sender
from collegium.chain.shipped import Artifact
from collegium.errors import ChainStopped

sys.path.insert(0, str(Path(__file__).parent))
from flaky import Fault, FlakyProxy

HERE = Path(__file__).parent
# COLLEGIUM_TEST_ENGINES="anvil ganache" runs the tests of every chain on these too.
MORE_ENGINES = os.environ.get("COLLEGIUM_TEST_ENGINES", "").split()


@pytest.fixture(scope="session")
def probe_artifact() -> Artifact:
    """Probe.sol, compiled with solc 0.8.30 for Shanghai, optimizer 200 runs."""
    fields = json.loads((HERE / "Probe.json").read_text())
    return Artifact("Probe", Abi(fields["abi"]), bytes.fromhex(fields["bytecode"][2:]))


@pytest.fixture
def chain() -> Iterator[Chain]:
    with engines.connect("embedded", clock="virtual") as chain:
        yield chain


@pytest.fixture(scope="session")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Chain]]:
    """Local chains of other makers on free ports, each started once: ``nodes("hardhat")``."""
    with ExitStack() as stack:

        @cache
        def make(engine: str) -> Chain:
            run_dir = tmp_path_factory.mktemp(engine)
            return stack.enter_context(engines.connect(engine, run_dir=run_dir, start_engine=True))

        yield make


@pytest.fixture
def hardhat(nodes: Callable[[str], Chain]) -> Chain:
    """A Hardhat node."""
    try:
        return nodes("hardhat")
    except ChainStopped as error:
        if "not installed" not in error.found and "no such program" not in error.found:
            raise
        pytest.skip(f"Hardhat cannot run here: {error.found}")


@pytest.fixture(params=["embedded", "hardhat", *MORE_ENGINES])
def any_chain(request: pytest.FixtureRequest) -> Chain:
    """The same test on each chain."""
    if request.param in MORE_ENGINES:
        return request.getfixturevalue("nodes")(request.param)
    return request.getfixturevalue("chain" if request.param == "embedded" else "hardhat")


@pytest.fixture
def sender_for(tmp_path: Path) -> Callable[..., Sender]:
    """A sender with a prefunded account: ``sender_for(chain, index)``."""

    def make(chain: Chain, index: int = 0, **options: object) -> Sender:
        account = chain.dev_accounts[index]
        return Sender(chain, account, lock_directory=tmp_path, receipt_seconds=20, **options)

    return make


@pytest.fixture
def probe_on(
    probe_artifact: Artifact, sender_for: Callable[..., Sender]
) -> Callable[..., tuple[Contract, Sender]]:
    """Deploy Probe: ``probe_on(chain)`` gives the contract and a sender that knows it."""

    def make(chain: Chain, index: int = 0) -> tuple[Contract, Sender]:
        sender = sender_for(chain, index)
        contract, _ = deploy(sender, probe_artifact, 0)
        return contract, sender

    return make


@pytest.fixture
def served() -> Iterator[Server]:
    """An embedded chain behind real HTTP on a free port."""
    embedded = EmbeddedChain(clock="virtual")
    server = Server(embedded)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()
    embedded.close()


@pytest.fixture
def flaky(served: Server) -> Iterator[Callable[[Fault], FlakyProxy]]:
    """A proxy that loses answers, in front of ``served``: ``flaky(fault)``."""
    proxies: list[FlakyProxy] = []

    def make(fault: Fault) -> FlakyProxy:
        proxies.append(FlakyProxy(served.url, fault))
        return proxies[-1]

    yield make
    for proxy in proxies:
        proxy.close()
