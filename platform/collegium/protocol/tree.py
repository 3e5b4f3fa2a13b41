"""Merkle trees over lanes, after RFC 6962 with SHA-256.

Leaves and inner nodes are hashed with different prefixes, so that an inner node can never pass as
a leaf. The leaves are padded to a power of two with the hash of an all-zero leaf: every proof of a
layout then has the same length, and the contract need not know the number of leaves.
"""

from collections.abc import Sequence

from collegium.errors import BadProof
from collegium.protocol.digest import sha256

LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"

Leaf = bytes | memoryview
"""Content of a leaf before hashing."""


def leaf_hash(leaf: Leaf) -> bytes:
    """``SHA256(0x00 ‖ leaf)``."""
    return sha256(LEAF_PREFIX, leaf)


def inner(left: bytes, right: bytes) -> bytes:
    """``SHA256(0x01 ‖ left ‖ right)``."""
    return sha256(NODE_PREFIX, left, right)


def depth(count: int) -> int:
    """Height of the padded tree over ``count`` leaves: the smallest d with 2^d >= count.

    Raises:
        BadProof: ``count`` is below 1.
    """
    if count < 1:
        raise BadProof(
            expected="a tree with at least one leaf",
            found=f"{count} leaves",
            action="Check the layout: it must have at least one tensor.",
        )
    return (count - 1).bit_length()


def root(leaves: Sequence[Leaf], zero_leaf: Leaf) -> bytes:
    """Root over ``leaves``, padded with ``zero_leaf`` to a power of two; BadProof without any."""
    return _layers(leaves, zero_leaf)[-1][0]


def proof(leaves: Sequence[Leaf], index: int, zero_leaf: Leaf) -> list[bytes]:
    """Sibling hashes from leaf ``index`` up to, but without, the root; BadProof if out of range."""
    if not 0 <= index < len(leaves):
        raise BadProof(
            expected=f"a leaf index below {len(leaves)}",
            found=str(index),
            action="Ask for a leaf that the layout has.",
        )
    layers = _layers(leaves, zero_leaf)
    return [layer[(index >> height) ^ 1] for height, layer in enumerate(layers[:-1])]


def verify_proof(
    expected_root: bytes, leaf: Leaf, index: int, count: int, siblings: Sequence[bytes]
) -> None:
    """Check that ``leaf`` is number ``index`` of ``count`` under ``expected_root``.

    Raises:
        BadProof: index outside the tree, wrong number of siblings, or another root.
    """
    if not 0 <= index < count or len(siblings) != depth(count):
        raise BadProof(
            expected=f"leaf index below {count} and {depth(count)} siblings",
            found=f"index {index} and {len(siblings)} siblings",
            action="Build the proof for the layout of this task.",
        )
    node = leaf_hash(leaf)
    for height, sibling in enumerate(siblings):
        node = inner(sibling, node) if (index >> height) & 1 else inner(node, sibling)
    if node != expected_root:
        raise BadProof(
            expected=f"root {expected_root.hex()}",
            found=f"root {node.hex()}",
            action="Treat the leaf as altered: fetch it again, or report its source.",
        )


def _layers(leaves: Sequence[Leaf], zero_leaf: Leaf) -> list[list[bytes]]:
    layer = [leaf_hash(leaf) for leaf in leaves]
    layer += [leaf_hash(zero_leaf)] * ((1 << depth(len(leaves))) - len(layer))
    layers = [layer]
    while len(layer) > 1:
        layer = [inner(layer[i], layer[i + 1]) for i in range(0, len(layer), 2)]
        layers.append(layer)
    return layers
