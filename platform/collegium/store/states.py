"""States of a layout in a blob store, found by their Merkle roots.

A blob is named by its digest, but a chain names states by their roots. An empty file
``states/ROOT/DIGEST`` connects the two: a look-up is one listing and one read. Such a tag is only a
hint: the root of the state that is read is computed and compared.
"""

import contextlib

from collegium.errors import BlobMissing, EvidenceError
from collegium.protocol import state
from collegium.protocol.container import decode_state, encode_state
from collegium.protocol.layout import Layout
from collegium.protocol.state import State
from collegium.store.blobs import BlobStore

_TAGS = "states"


def put_state(store: BlobStore, values: State) -> bytes:
    """Store a state and return its root (32 bytes), by which :func:`find_state` finds it."""
    root = state.root(values)
    store.tag(f"{_TAGS}/{root.hex()}", store.put(encode_state(values)))
    return root


def find_state(store: BlobStore, layout: Layout, root: bytes) -> State:
    """The state with this root: all zeros, or one that is in the store.

    Raises:
        BlobMissing: the store does not have it.
    """
    if state.root(zero := state.zeros(layout)) == root:
        return zero
    for name in store.tagged(f"{_TAGS}/{root.hex()}"):
        found = _read(store, name, layout)
        if found is not None and state.root(found) == root:
            return found
    return _search(store, layout, root)


def _search(store: BlobStore, layout: Layout, root: bytes) -> State:
    """Look through the states that have no tag yet, and tag them."""
    # All states of a layout have the same size, so most other blobs need not be read.
    size, tagged = len(encode_state(state.zeros(layout))), store.tagged(_TAGS)
    for name in store:
        if name in tagged or store.size(name) != size:
            continue
        found = _read(store, name, layout)
        if found is None:
            continue
        other = state.root(found)
        with contextlib.suppress(OSError):  # a read-only store is searched each time
            store.tag(f"{_TAGS}/{other.hex()}", name)
        if other == root:
            return found
    raise BlobMissing(
        expected=f"the state with root {root.hex()}",
        found="no such state in the store",
        action="Use the store that was used before, or import the state from a bundle.",
    )


def _read(store: BlobStore, name: str, layout: Layout) -> State | None:
    try:
        return decode_state(store.get(name), layout)
    except EvidenceError:
        return None  # another file of that size, or a damaged one
