"""States of a layout in a blob store, found by their Merkle roots.

A blob is named by its digest, and a chain names states by their roots. ``states/ROOT/DIGEST``, an
empty file, ties the two: a look-up is one listing and one read. Such a tag is a hint only: what
is read is compared with the root.
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
    """Keep a state and return its root, by which it is found again."""
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
    size, tagged = len(encode_state(state.zeros(layout))), store.tagged(_TAGS)
    for name in store:
        if name in tagged or store.size(name) != size:
            continue
        found = _read(store, name, layout)
        if found is None:
            continue
        other = state.root(found)
        with contextlib.suppress(OSError):  # a store that may only be read is searched each time
            store.tag(f"{_TAGS}/{other.hex()}", name)
        if other == root:
            return found
    raise BlobMissing(
        expected=f"the state with root {root.hex()}",
        found="no such state in the store",
        action="Point to the store that was used before, or import the state from a bundle.",
    )


def _read(store: BlobStore, name: str, layout: Layout) -> State | None:
    try:
        return decode_state(store.get(name), layout)
    except EvidenceError:
        return None  # other content of that size, or bytes that were damaged
