"""One connected chain, independent of the engine that runs it."""

from collections.abc import Callable
from functools import cached_property
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from eth_account.signers.local import LocalAccount
from web3 import Web3
from web3.providers import BaseProvider

from collegium.chain import local
from collegium.chain.http import public_url
from collegium.chain.spec import ChainSpec, Kind
from collegium.chain.transport import request
from collegium.errors import WrongChain

if TYPE_CHECKING:
    from collegium.chain.embedded.chain import EmbeddedChain


class Chain:
    """A connection to an Ethereum chain. Use it as a context manager, or call :meth:`close`.

    Attributes:
        spec: its name for every process on this machine: a URL or a file; the engine
            ``embedded`` if it is in the memory of this process.
        engine: ``embedded``, ``hardhat``, ``ganache``, ``anvil`` or ``rpc``.
        w3: web3.py on this chain.
        chain_id: EIP-155 id.
        embedded: the chain itself if it runs in this process.

    Raises:
        ChainUnreachable: nothing answers.
        WrongChain: its id is not ``expected_chain_id``.
    """

    def __init__(
        self,
        spec: ChainSpec,
        engine: str,
        provider: BaseProvider,
        *,
        expected_chain_id: int | None = None,
        embedded: "EmbeddedChain | None" = None,
        on_close: Callable[[], object] | None = None,
    ) -> None:
        self.spec, self.engine, self.embedded = spec, engine, embedded
        self._on_close = on_close
        self._mined_at = 0.0  # when `present` last mined a block
        self.w3 = Web3(provider)
        self.w3.middleware_onion.remove("ens_name_to_address")  # no ENS names are used here
        provider.global_ccip_read_enabled = False  # contracts must not redirect us
        self.chain_id = int(self.rpc("eth_chainId"), 16)
        if expected_chain_id not in (None, self.chain_id):
            shown = public_url(spec.name) if spec.kind is Kind.URL else str(spec)
            raise WrongChain(
                expected=f"chain id {expected_chain_id}",
                found=f"chain id {self.chain_id} at {shown}",
                action="Use the chain on which the federation was created.",
            )

    def rpc(self, method: str, *params: Any) -> Any:
        """The raw JSON result of one RPC method; see :func:`.transport.request`."""
        return request(self.w3, method, *params)

    @property
    def head(self) -> int:
        """Number of the newest block."""
        return int(self.rpc("eth_blockNumber"), 16)

    @cached_property
    def genesis_hash(self) -> str:
        """Hash of block 0, 0x-prefixed; tells apart chains that have the same id."""
        return str(self.rpc("eth_getBlockByNumber", "0x0", False)["hash"])

    def timestamp(self, block: str | int = "latest") -> int:
        """Unix time of a block."""
        name = hex(block) if isinstance(block, int) else block
        return int(self.rpc("eth_getBlockByNumber", name, False)["timestamp"], 16)

    @cached_property
    def software(self) -> str:
        """Name and version of the server's program, as it reports them."""
        return str(self.rpc("web3_clientVersion"))

    @property
    def is_local(self) -> bool:
        """Whether this is a development chain, which mines only for transactions or on request."""
        return self.chain_id in local.CHAIN_IDS

    def present(self) -> str:
        """The block tag that has the present time, for views that depend on it.

        A public chain's newest block is seconds old. A local chain's may be old, but its pending
        block has the present time. Ganache has no pending block: it mines one.
        """
        if not self.is_local:
            return "latest"
        if not self.software.startswith("Ganache"):
            return "pending"
        if monotonic() - self._mined_at >= 1:  # block times are in whole seconds
            self.mine()
            self._mined_at = monotonic()
        return "latest"

    # -- local chains only ----------------------------------------------------------------------

    @property
    def dev_accounts(self) -> tuple[LocalAccount, ...]:
        """The 20 prefunded accounts of every local chain. Their keys are public."""
        from collegium.chain.embedded.genesis import dev_accounts

        return dev_accounts()

    def mine(self) -> None:
        """Mine an empty block (local chains)."""
        self.rpc("evm_mine")

    def increase_time(self, seconds: int) -> None:
        """Let ``seconds`` pass and mine a block, so that views see it (local chains)."""
        self.rpc("evm_increaseTime", seconds)
        self.rpc("evm_mine")

    def close(self) -> None:
        """Release the file, and stop the engine if this connection started it."""
        if self.embedded is not None:
            self.embedded.close()
        if self._on_close is not None:
            self._on_close()
            self._on_close = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
