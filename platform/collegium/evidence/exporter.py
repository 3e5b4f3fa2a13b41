"""Export evidence: the chain as the server reports it, the documents, and the blobs.

This checks only what is needed to sort the blobs. The bundle contains what was found; the audit
judges it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collegium.audit.index import INDEX, Index
from collegium.audit.trail import Progress
from collegium.chain import history
from collegium.chain.federation import Federation
from collegium.chain.reader import Reader
from collegium.chain.receipts import Event
from collegium.errors import EvidenceError, WrongChain
from collegium.evidence.collect import Collected, Collector, Commitment
from collegium.evidence.openers import Openers
from collegium.evidence.sources import Source, connected, from_run
from collegium.evidence.writer import BundleWriter
from collegium.protocol.canonical import parse_canonical
from collegium.protocol.layout import Layout
from collegium.protocol.names import CARD, LAYOUT
from collegium.protocol.signing import Domain


def export(
    source: Source | str | Path,
    out: str | Path,
    *,
    keys: tuple[str | Path, ...] = (),
    progress: Progress | None = None,
) -> Path:
    """Write an evidence bundle.

    Args:
        source: see :func:`.from_run` and :func:`.from_chain`; a path is that of a run's folder.
        out: directory to create, or a file ending in ``.zip``.
        keys: folders of nodes whose keys open sealed updates, with COLLEGIUM_PASSPHRASE. The
            nodes of a run's folder are always used.
        progress: called as the work goes on.

    Returns:
        ``out``; it contains the whole bundle, or does not exist.

    Raises:
        BundleExists: ``out`` exists.
        NoRun: the path is not the folder of a run.
        WrongChain, ChainUnreachable: the chain or the contract cannot be read.
        BlobMissing: the task card or the layout is missing.
        MissingKeys: a folder in ``keys`` is not that of a node.
    """
    given = source if isinstance(source, Source) else from_run(source)
    given = given.with_keys(*keys)
    with connected(given) as chain:
        return _Export(given, chain, BundleWriter(out), progress or _quiet).run()


class _Export:
    """One export on an open chain."""

    def __init__(
        self, source: Source, chain: Any, writer: BundleWriter, progress: Progress
    ) -> None:
        self.source, self.chain = source, chain
        self.writer, self.progress = writer, progress
        self.client = Federation(chain, source.federation)
        self.reader = Reader(chain, self.client.known)
        self.head = self.chain.head  # fixed now: the chain may grow during the export
        self.first = self._first_block()
        self.events = self.client.events(first=self.first, last=self.head)

    def run(self) -> Path:
        card, layout = self._documents()
        self._blocks()
        found = self._blobs(layout)
        updates = tuple(found.updates[place] for place in sorted(found.updates))
        states = tuple(found.states[root] for root in sorted(found.states))
        envelopes = tuple(sorted(found.envelopes))
        # An interrupted export may have left blobs that are not evidence any more.
        self.writer.keep_only(found.blobs)
        self.writer.write(CARD, card)
        self.writer.write(LAYOUT, layout)
        index = Index(
            chain_id=self.chain.chain_id,
            federation=self.client.address,
            vault=self.client.vault.address,
            disputes=self.client.disputes.address,
            settler=self.client.settler.address,
            steps=self.client.steps.address,
            token=self.client.token.address,
            first_block=self.first,
            head_number=self.head,
            head_hash=self.reader.block(self.head, full=False)["hash"].lower()[2:],
            updates=updates,
            envelopes=envelopes,
            states=states,
            files=self.writer.files(),
        )
        # Last: it has the digests of all other files.
        self.writer.write(INDEX, index.encode())
        return self.writer.finish()

    def _first_block(self) -> int:
        """The first block with an event of the federation or a part: each constructor emits one."""
        client = self.client
        parts = [client.vault, client.disputes, client.settler, client.steps]
        addresses = [client.address, *(part.address for part in parts)]
        # The logs come page by page, so this reads only up to the first.
        for log in self.reader.logs(0, self.head, addresses):
            return int(log["blockNumber"], 16)
        raise WrongChain(
            expected=f"events of {self.client.address} since its creation",
            found="none",
            action="Use a server that keeps the chain's whole history.",
        )

    def _documents(self) -> tuple[bytes, bytes]:
        digest = self.client.terms()["card"].hex()
        card = self.source.document("card", self.source.card, digest)
        try:
            wanted = str(parse_canonical(card)["layout"])
        except (EvidenceError, LookupError, TypeError):
            wanted = "named by the task card, which cannot be read"
        return card, self.source.document("layout", self.source.layout, wanted)

    # -- chain -----------------------------------------------------------------------------------

    def _blocks(self) -> None:
        written = self.writer.blocks_so_far(self._is_ours)
        start = self.first if written is None else written + 1
        self.writer.append_blocks(self._lines(start))

    def _is_ours(self, height: int, block_hash: str) -> bool:
        if not self.first <= height <= self.head:
            return False
        return bool(self.reader.block(height, full=False)["hash"] == block_hash)

    def _lines(self, start: int) -> Iterator[bytes]:
        for block in self.reader.blocks(start, self.head):
            entry = {"block": block, "receipts": self.reader.receipts(block)}
            yield json.dumps(entry, separators=(",", ":")).encode()
            done = int(block["number"], 16) - self.first + 1
            self.progress("chain", done, self.head - self.first + 1)

    # -- blobs -----------------------------------------------------------------------------------

    def _blobs(self, layout: bytes) -> Collected:
        try:
            agreed = Layout.decode(layout)
        except EvidenceError:
            return Collected()  # no blob can be recognised without it; the audit says what is wrong
        registered = [event for event in self.events if event.name == "NodeRegistered"]
        ids = {event["account"]: event["id"] for event in registered}
        domain = Domain(self.chain.chain_id, self.client.address)
        collector = Collector(
            agreed,
            commitments(self.events),
            self._roots(),
            Openers(self.source.keys, ids, domain),
            self.writer.blob,
        )
        return collector.collect(self.source.blobs, lambda n, of: self.progress("blobs", n, of))

    def _roots(self) -> set[bytes]:
        named = {e["root"] for e in self.events if e.name in ("MergeProposed", "RoundFinalised")}
        return named | {self.client.terms()["genesis"]}


def commitments(events: list[Event]) -> list[Commitment]:
    """Every committed update, with the nodes that may read it, in the order of the rounds."""
    found = []
    for event in events:
        if event.name == "RoundOpened":
            drawn = history.drawn(events, event["round"])
            nodes = frozenset((*drawn.committee, drawn.aggregator)) if drawn else frozenset()
            for node, digest in history.updates(events, event["round"]):
                found.append(Commitment(event["round"], node, digest, nodes))
    return found


def _quiet(stage: str, done: int, total: int) -> None:
    """Reports nothing."""
