"""States of a layout in a blob store, found by their Merkle roots."""

from collegium.errors import BlobMissing, EvidenceError
from collegium.protocol import state
from collegium.protocol.container import decode_state, encode_state
from collegium.protocol.layout import Layout
from collegium.protocol.state import State
from collegium.store.blobs import BlobStore


def find_state(store: BlobStore, layout: Layout, root: bytes) -> State:
    """The state with this root: all zeros, or one that the store holds.

    Raises:
        BlobMissing: the store does not hold it.
    """
    if state.root(zero := state.zeros(layout)) == root:
        return zero
    size = len(encode_state(zero))
    for name in store:
        if store.size(name) != size:
            continue
        try:
            found = decode_state(store.get(name), layout)
        except EvidenceError:
            continue  # other content of that size, or bytes that were damaged
        if state.root(found) == root:
            return found
    raise BlobMissing(
        expected=f"the state with root {root.hex()}",
        found="no such state in the store",
        action="Point to the store that was used before, or import the state from a bundle.",
    )
