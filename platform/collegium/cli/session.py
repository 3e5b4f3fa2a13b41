"""Open a run folder for a command: its chain, its federation, and an account to send from."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collegium.chain.spec import ChainSpec
from collegium.cli.options import run_dir
from collegium.cli.passphrase import ask
from collegium.errors import ChainFile, MissingKeys
from collegium.workspace.run import Run

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from collegium.chain.connection import Chain
    from collegium.chain.federation import Federation

DEVELOPMENT = "dev:"


@dataclass(frozen=True)
class Session:
    """A run, its chain and its contracts, which can only be read; see :meth:`sending`."""

    run: Run
    chain: "Chain"
    federation: "Federation"

    def sending(self, wallet: str | None) -> "Federation":
        """The federation, with transactions sent from the account of ``--wallet``."""
        return self.federation.using(account(self.chain, wallet))


@contextmanager
def opened(dir: Path | None) -> Iterator[Session]:
    """Open the run in a folder and connect to its chain.

    Raises:
        NoRun: the folder contains no run.
        ChainUnreachable, ChainFile: its chain does not respond, or its file is gone.
        WrongChain: its contract is not on the chain.
    """
    from collegium.chain.federation import Federation

    run = Run.load(run_dir(dir))
    with connected(run.chain_spec) as chain:
        yield Session(run, chain, Federation(chain, run.federation, first_block=run.first_block))


@contextmanager
def connected(spec: ChainSpec, run_dir: Path | None = None) -> Iterator["Chain"]:
    """Connect to an existing chain; an embedded chain is not created as a side effect.

    Raises:
        ChainFile: the file of an embedded chain is missing.
    """
    from collegium.chain.engines import connect
    from collegium.chain.http import INTERACTIVE

    if spec.path is not None and not spec.path.is_file():
        raise ChainFile(
            expected=f"the file of an embedded chain at {spec}",
            found="no such file",
            action="Put the file back, or pass another run with --dir.",
        )
    with connect(spec, run_dir=run_dir, retry=INTERACTIVE) as chain:
        yield chain


def account(chain: "Chain", wallet: str | None) -> "LocalAccount":
    """The account of ``--wallet``; by default, on a local chain, the first development account.

    Raises:
        MissingKeys: no wallet was given, or it cannot be found.
        WrongPassphrase: the passphrase does not open the wallet.
    """
    if wallet is None and chain.is_local:
        wallet = f"{DEVELOPMENT}0"
    if wallet is None:
        raise MissingKeys(
            expected="a wallet to send with",
            found=f"none, and chain {chain.chain_id} is not a local chain",
            action="Pass a wallet file with --wallet.",
        )
    if wallet.startswith(DEVELOPMENT):
        return _development(chain, wallet.removeprefix(DEVELOPMENT))
    from collegium.workspace.wallet import open_wallet

    return open_wallet(Path(wallet), ask(wallet))


def _development(chain: "Chain", number: str) -> "LocalAccount":
    accounts = chain.dev_accounts if chain.is_local else ()
    if number.isascii() and number.isdigit() and int(number) < len(accounts):
        return accounts[int(number)]
    raise MissingKeys(
        expected=f"dev:0 to dev:{len(accounts) - 1}" if accounts else "a wallet file",
        found=f"{DEVELOPMENT}{number} on chain {chain.chain_id}",
        action="Correct --wallet.",
    )
