"""Where evidence is exported from: the folder of a run, or a chain and an artifact store."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from collegium.chain.spec import ChainSpec
from collegium.errors import BlobMissing, EvidenceError, NoRun
from collegium.protocol.canonical import MAX_DOCUMENT
from collegium.store import BlobStore
from collegium.workspace.names import RUN
from collegium.workspace.run import Run

if TYPE_CHECKING:
    from collegium.chain.connection import Chain


@dataclass(frozen=True)
class Source:
    """What the export needs to know.

    Attributes:
        chain: file, engine or URL.
        federation: address of the contract.
        store: folder or URL of the artifact store; None if there is none.
        card, layout: the agreed documents; taken from the store by their digests if None.
        keys: folders of nodes whose keys open sealed updates.
    """

    chain: ChainSpec
    federation: str
    store: str | None
    card: bytes | None = None
    layout: bytes | None = None
    keys: tuple[Path, ...] = ()

    def with_keys(self, *homes: str | Path) -> "Source":
        """The same source, with more node folders whose keys may be used."""
        return replace(self, keys=(*self.keys, *map(Path, homes)))

    @property
    def blobs(self) -> BlobStore | None:
        """The artifact store; None if there is none."""
        return None if self.store is None else BlobStore(self.store)

    def document(self, name: str, given: bytes | None, digest: str) -> bytes:
        """An agreed document: as given, or from the store by its digest (hex).

        Raises:
            BlobMissing: it is not given, and the store does not have it.
        """
        store = self.blobs
        if given is not None:
            return given
        try:
            if store is not None:
                return store.get(digest, MAX_DOCUMENT)
        except EvidenceError:
            pass  # missing or damaged: the error below says what to do
        raise BlobMissing(
            expected=f"the {name} with SHA-256 {digest}",
            found=f"nothing usable in {self.store or 'no store'}",
            action=f"Put it into the store, or pass the file with --{name}.",
        )


def from_run(path: str | Path) -> Source:
    """The source for the folder of a run.

    Raises:
        NoRun: there is no run in the folder, or a file that it names is missing.
    """
    run = Run.load(path)
    try:
        chain = run.chain_spec
        if chain.path is not None and not chain.path.is_file():
            raise FileNotFoundError(f"no chain file {chain}")
        return Source(
            chain=chain,
            federation=run.federation,
            store=run.store_root,
            card=run.card_file.read_bytes(),
            layout=run.layout_file.read_bytes(),
            keys=tuple(run.node_homes),
        )
    except OSError as error:
        raise NoRun(
            expected=f"the files that {path}/{RUN} names",
            found=str(error),
            action="Put the file back, or export from the chain with --rpc.",
        ) from error


def from_chain(
    chain: str | ChainSpec,
    federation: str,
    store: str | Path | None = None,
    *,
    card: str | Path | None = None,
    layout: str | Path | None = None,
) -> Source:
    """The source for a chain (URL or file), a contract address and an artifact store.

    Args:
        card, layout: files of the agreed documents, if the store does not contain them.

    Raises:
        UnknownChain: ``chain`` is not the name of a chain.
        OSError: a file cannot be read.
    """
    return Source(
        chain=ChainSpec.parse(chain),
        federation=federation,
        store=None if store is None else str(store),
        card=None if card is None else Path(card).read_bytes(),
        layout=None if layout is None else Path(layout).read_bytes(),
    )


@contextmanager
def connected(source: Source) -> Iterator["Chain"]:
    """The source's chain, opened for reading."""
    from collegium.chain.engines import connect

    with connect(source.chain) as chain:
        yield chain
