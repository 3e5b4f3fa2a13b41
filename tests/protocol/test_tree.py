"""Trees over lanes: proofs are valid for existing leaves only."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadProof
from collegium.protocol import tree

ZERO = bytes(16)
leaf_lists = st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=17)


def reference_root(leaves: list[bytes]) -> bytes:
    """The definition by recursion; ``leaves`` must be a power of two in number."""
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = len(leaves) // 2
    pair = reference_root(leaves[:half]) + reference_root(leaves[half:])
    return hashlib.sha256(b"\1" + pair).digest()


@given(leaf_lists)
def test_root_is_that_of_the_leaves_padded_with_zero_leaves(leaves):
    padded = leaves + [ZERO] * (2 ** tree.depth(len(leaves)) - len(leaves))
    assert len(padded) < 2 * len(leaves)
    assert tree.root(leaves, ZERO) == reference_root(padded)


@given(leaf_lists, st.data())
def test_every_leaf_is_proven_and_no_other(leaves, data):
    index = data.draw(st.integers(0, len(leaves) - 1))
    root, proof = tree.root(leaves, ZERO), tree.proof(leaves, index, ZERO)
    tree.verify_proof(root, leaves[index], index, len(leaves), proof)
    other = bytes([leaves[index][0] ^ 1]) + leaves[index][1:]
    with pytest.raises(BadProof):
        tree.verify_proof(root, other, index, len(leaves), proof)


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=2, max_size=17, unique=True))
def test_a_leaf_is_proven_at_its_own_place_only(leaves):
    root, proof = tree.root(leaves, ZERO), tree.proof(leaves, 0, ZERO)
    for index in range(1, len(leaves)):
        with pytest.raises(BadProof):
            tree.verify_proof(root, leaves[0], index, len(leaves), proof)


@given(leaf_lists.filter(lambda leaves: len(leaves) > 1), st.data())
def test_any_altered_sibling_breaks_the_proof(leaves, data):
    proof = tree.proof(leaves, 0, ZERO)
    place = data.draw(st.integers(0, len(proof) - 1))
    proof[place] = bytes(32) if proof[place] != bytes(32) else b"\1" * 32
    with pytest.raises(BadProof):
        tree.verify_proof(tree.root(leaves, ZERO), leaves[0], 0, len(leaves), proof)


def test_an_inner_node_cannot_be_shown_as_a_leaf():
    """Second preimage: without prefixes the 64 bytes under the root would be a leaf of it."""
    leaves = [bytes([i]) * 16 for i in range(4)]
    left = tree.inner(tree.leaf_hash(leaves[0]), tree.leaf_hash(leaves[1]))
    right = tree.inner(tree.leaf_hash(leaves[2]), tree.leaf_hash(leaves[3]))
    root = tree.root(leaves, ZERO)
    assert tree.inner(left, right) == root
    with pytest.raises(BadProof):
        tree.verify_proof(root, left + right, 0, 1, [])
    # Nor one level down, where only the length of the proof is wrong.
    inner_leaf = tree.leaf_hash(leaves[0]) + tree.leaf_hash(leaves[1])
    with pytest.raises(BadProof):
        tree.verify_proof(root, inner_leaf, 0, 2, [right])
    with pytest.raises(BadProof, match="2 siblings"):
        tree.verify_proof(root, inner_leaf, 0, 4, [right])


def test_indices_outside_the_tree_are_refused():
    leaves = [ZERO] * 3
    with pytest.raises(BadProof):
        tree.proof(leaves, 3, ZERO)
    with pytest.raises(BadProof):  # the padding is not a leaf of the layout
        siblings = tree.proof([*leaves, ZERO], 3, ZERO)
        tree.verify_proof(tree.root(leaves, ZERO), ZERO, 3, 3, siblings)
    with pytest.raises(BadProof):
        tree.root([], ZERO)
