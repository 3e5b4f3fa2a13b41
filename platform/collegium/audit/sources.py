"""Where evidence is exported from: the folder of a run, or a chain and an artifact store."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from collegium.errors import BlobMissing, EvidenceError, NoRun
from collegium.protocol.canonical import MAX_DOCUMENT
from collegium.store import BlobStore

RUN = "run.json"


@dataclass(frozen=True)
class Source:
    """What an exporter needs to know.

    Attributes:
        chain: file, engine or URL.
        federation: address of the contract.
        store: folder or URL of the artifact store; None if there is none.
        card, layout: the agreed documents; taken from the store by their digests if None.
        keys: folders of nodes whose keys open sealed updates.
    """

    chain: str
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
        return None if self.store is None else BlobStore(self.store)

    def document(self, name: str, given: bytes | None, digest: str) -> bytes:
        """An agreed document: as given, or from the store by its digest (hex).

        Raises:
            BlobMissing: it is neither.
        """
        store = self.blobs
        if given is not None:
            return given
        try:
            if store is not None:
                return store.get(digest, MAX_DOCUMENT)
        except EvidenceError:
            pass  # absent or damaged there: the sentence below says what to do
        raise BlobMissing(
            expected=f"the {name} with SHA-256 {digest}",
            found=f"nothing usable in {self.store or 'no store'}",
            action=f"Put it into the store, or name the file with --{name}.",
        )


def from_run(path: str | Path) -> Source:
    """The source that a run's folder describes in its ``run.json``.

    Raises:
        NoRun: there is no such file, or it does not describe a run.
    """
    root = Path(path)
    try:
        fields: dict[str, Any] = json.loads((root / RUN).read_bytes())
        chain = str(fields["chain"])
        if "://" not in chain and not (root / chain).is_file():
            raise FileNotFoundError(f"no chain file {chain}")
        return Source(
            chain=chain if "://" in chain else str(root / chain),
            federation=str(fields["federation"]),
            store=_below(root, str(fields["store"])),
            card=(root / fields["card"]).read_bytes(),
            layout=(root / fields["layout"]).read_bytes(),
            keys=tuple(root / node for node in fields.get("nodes", ())),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoRun(
            expected=f"the folder of a run, with {RUN} and the files it names, at {root}",
            found=f"{type(error).__name__}: {error}",
            action="Name the folder that `collegium demo --out` or the coordinator wrote.",
        ) from error


def from_chain(
    chain: str,
    federation: str,
    store: str | Path | None = None,
    *,
    card: str | Path | None = None,
    layout: str | Path | None = None,
) -> Source:
    """A chain (URL or file), a contract address and an artifact store.

    Args:
        card, layout: files of the agreed documents, if the store does not hold them.
    """
    return Source(
        chain=chain,
        federation=federation,
        store=None if store is None else str(store),
        card=None if card is None else Path(card).read_bytes(),
        layout=None if layout is None else Path(layout).read_bytes(),
    )


@contextmanager
def connected(source: Source) -> Iterator[Any]:
    """The source's chain, opened for reading (:class:`collegium.chain.connection.Chain`)."""
    from collegium.chain.engines import connect

    with connect(source.chain) as chain:
        yield chain


def _below(root: Path, store: str) -> str:
    return store if "://" in store else str(root / store)
