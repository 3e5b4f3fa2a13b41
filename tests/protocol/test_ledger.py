"""The ledger proves what a node has earned and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadProof
from collegium.protocol import ledger
from collegium.protocol.digest import keccak

totals_ = st.lists(st.integers(0, 2**96 - 1), min_size=1, max_size=20)


def reference_root(layer: list[bytes]) -> bytes:
    """Layer by layer, pairs sorted, an odd last node promoted."""
    if len(layer) == 1:
        return layer[0]
    pairs = [sorted(layer[i : i + 2]) for i in range(0, len(layer), 2)]
    return reference_root([keccak(b"".join(p)) if len(p) == 2 else p[0] for p in pairs])


@given(totals_)
def test_root_is_openzeppelins(totals):
    leaves = [
        keccak(keccak(i.to_bytes(32, "big") + total.to_bytes(32, "big")))
        for i, total in enumerate(totals, start=1)
    ]
    assert ledger.root(totals) == reference_root(leaves)


@given(totals_)
def test_every_total_is_proven_and_no_other(totals):
    root = ledger.root(totals)
    for node, total in enumerate(totals, start=1):
        proof = ledger.proof(totals, node)
        ledger.verify_proof(root, node, total, proof)
        for claimed_node, claimed in ((node, total + 1), (node + 1, total), (node, 0)):
            if (claimed_node, claimed) != (node, total):
                with pytest.raises(BadProof):
                    ledger.verify_proof(root, claimed_node, claimed, proof)


@given(totals_, st.data())
def test_a_raised_total_changes_the_root(totals, data):
    place = data.draw(st.integers(0, len(totals) - 1))
    raised = [*totals[:place], totals[place] + 1, *totals[place + 1 :]]
    assert ledger.root(raised) != ledger.root(totals)
    assert ledger.root([*totals, 0]) != ledger.root(totals)


def test_an_inner_node_cannot_be_claimed_as_a_leaf():
    """Two child hashes are 64 bytes, the size of (id, total): only hashing twice tells them
    apart. The attack works on a tree whose leaves are hashed once, and fails on this one."""

    def once(node: int, total: int) -> bytes:
        return keccak(node.to_bytes(32, "big") + total.to_bytes(32, "big"))

    def claim_inner(leaf) -> tuple[int, int, list[bytes], bytes]:
        leaves = [leaf(1, 10), leaf(2, 20), leaf(3, 30), leaf(4, 40)]
        low, high = sorted(leaves[:2])
        right = keccak(b"".join(sorted(leaves[2:])))
        root = keccak(b"".join(sorted([keccak(low + high), right])))
        return int.from_bytes(low, "big"), int.from_bytes(high, "big"), [right], root

    node, total, siblings, root = claim_inner(once)
    assert keccak(b"".join(sorted([once(node, total), siblings[0]]))) == root
    node, total, siblings, root = claim_inner(ledger.leaf)
    assert root == ledger.root([10, 20, 30, 40])
    with pytest.raises(BadProof):
        ledger.verify_proof(root, node, total, siblings)


def test_an_empty_ledger_pays_nobody():
    assert ledger.root([]) == ledger.EMPTY == bytes(32)
    with pytest.raises(BadProof):
        ledger.verify_proof(ledger.EMPTY, 1, 0, [])
    for node in (0, 1):
        with pytest.raises(BadProof):
            ledger.proof([], node)


def test_a_single_node_needs_no_siblings():
    assert ledger.proof([7], 1) == [] and ledger.root([7]) == ledger.leaf(1, 7)
    assert [len(ledger.proof([1, 2, 3], node)) for node in (1, 2, 3)] == [2, 2, 1]
