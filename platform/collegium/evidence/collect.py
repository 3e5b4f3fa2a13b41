"""Which blobs of an artifact store are evidence: states, updates and sealed updates.

Blobs in a store have no labels. A state is recognised by its root, an update by its digest, and an
envelope by trying to open it for one commitment after the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from collegium.audit.index import StateBlob, UpdateBlob
from collegium.errors import CollegiumError, EvidenceError
from collegium.evidence.openers import Openers
from collegium.protocol import codec, state
from collegium.protocol.container import decode_state, decode_update, encode_state
from collegium.protocol.delivery import envelope_limit, readers, update_limit
from collegium.protocol.digest import sha256
from collegium.protocol.layout import Layout
from collegium.store import BlobStore


@dataclass(frozen=True)
class Commitment:
    """An update that the chain knows: round, node id, digest, and the nodes that may read it."""

    round: int
    node: int
    digest: bytes
    readers: frozenset[int]


@dataclass
class Collected:
    """Blobs for a bundle: updates by (round, node id), unopened envelopes, states by root (hex)."""

    updates: dict[tuple[int, int], UpdateBlob] = field(default_factory=dict)
    envelopes: set[str] = field(default_factory=set)
    states: dict[str, StateBlob] = field(default_factory=dict)

    @property
    def blobs(self) -> set[str]:
        """SHA-256 (hex) of every blob."""
        updates = {entry.blob for entry in self.updates.values()}
        return updates | {entry.blob for entry in self.states.values()} | self.envelopes


class Collector:
    """Sorts the blobs of a store.

    Args:
        layout: limits the size of every file.
        commitments: all that the chain contains.
        roots: state roots that the chain names.
        openers: the available keys.
        keep: stores the bytes of a blob in the bundle and returns their SHA-256 (hex).
    """

    def __init__(
        self,
        layout: Layout,
        commitments: list[Commitment],
        roots: set[bytes],
        openers: Openers,
        keep: Callable[[bytes], str],
    ) -> None:
        self._layout, self._commitments, self._roots = layout, commitments, roots
        self._openers, self._keep = openers, keep
        self._by_digest = {one.digest: one for one in commitments}
        self._state_size = len(encode_state(state.zeros(layout)))
        self.found = Collected()

    def collect(self, store: BlobStore | None, progress: Callable[[int, int], None]) -> Collected:
        """Read the store, then the journals of the nodes whose folders are available.

        Args:
            store: None if there is none.
            progress: called with the number of blobs done, and of all blobs.
        """
        names = [] if store is None else sorted(store)
        for done, name in enumerate(names, start=1):
            assert store is not None  # it has names
            # Nothing larger can be evidence, so it is not even read.
            if store.size(name) <= max(self._state_size, envelope_limit(self._layout)):
                self._sort(store.get(name))
            progress(done, len(names))
        for commitment in self._waiting():
            self._from_journal(commitment)
        return self.found

    def _sort(self, data: bytes) -> None:
        if len(data) == self._state_size and self._is_state(data):
            return
        if self._is_update(data):
            return
        try:
            nodes = readers(data)
        except EvidenceError:
            return  # none of the three: not evidence
        self._envelope(data, nodes)

    def _is_state(self, data: bytes) -> bool:
        try:
            root = state.root(decode_state(data, self._layout))
        except CollegiumError:
            return False
        if root in self._roots:
            self.found.states[root.hex()] = StateBlob(root.hex(), self._keep(data))
        return True

    def _is_update(self, data: bytes) -> bool:
        commitment = self._committed(data)
        if commitment is not None:
            self._take(commitment, data, opened=True)
        return commitment is not None

    def _envelope(self, envelope: bytes, nodes: frozenset[int]) -> None:
        for commitment in self._waiting():
            if not nodes <= commitment.readers:
                continue  # sealed to nodes that this commitment was not meant for
            content = self._openers.open(
                envelope, nodes, commitment.round, commitment.digest, update_limit(self._layout)
            )
            if content is None:
                continue
            # Content that differs from the commitment stays in its envelope, where anyone with a
            # key can see that it is what the node sent.
            holds = self._committed(content) == commitment
            self._take(commitment, content if holds else envelope, opened=holds)
            return
        self.found.envelopes.add(self._keep(envelope))

    def _from_journal(self, commitment: Commitment) -> None:
        opener = self._openers.of(commitment.node)
        data = None if opener is None else opener.own_update(commitment.round)
        if data is not None and self._committed(data) == commitment:
            self._take(commitment, data, opened=True)

    def _committed(self, data: bytes) -> Commitment | None:
        """The commitment to this update file; None if there is none."""
        try:
            update = decode_update(data, self._layout)
        except CollegiumError:
            return None
        if codec.lane_root(update.encoded).hex() != update.manifest.lane_root:
            return None
        return self._by_digest.get(update.manifest.update_digest)

    def _take(self, commitment: Commitment, data: bytes, *, opened: bool) -> None:
        place = commitment.round, commitment.node
        self.found.updates[place] = UpdateBlob(*place, self._keep(data), opened)

    def _waiting(self) -> Iterator[Commitment]:
        for one in self._commitments:
            if (one.round, one.node) not in self.found.updates:
                yield one


def blob_digest(data: bytes) -> str:
    """The name of a blob: its SHA-256 in hex."""
    return sha256(data).hex()
