"""Ledger: what every node has earned since the beginning, under one Merkle root.

Totals only grow, so one claim with one proof covers all rounds and can never pay twice. The
tree is OpenZeppelin's: leaves are hashed twice (so the 64 bytes of two inner hashes cannot pass
as a leaf), pairs are sorted before hashing, an odd last node moves up unchanged.
https://docs.openzeppelin.com/contracts/5.x/api/utils/cryptography#MerkleProof
"""

from collections.abc import Sequence

from collegium.errors import BadProof
from collegium.protocol.digest import keccak

EMPTY = bytes(32)
"""Root before any node is registered."""


def leaf(node: int, total: int) -> bytes:
    """``keccak256(keccak256(abi.encode(uint256 id, uint256 total)))``."""
    return keccak(keccak(node.to_bytes(32, "big") + total.to_bytes(32, "big")))


def root(totals: Sequence[int]) -> bytes:
    """Root over the totals of nodes 1, 2, 3, …"""
    return _layers(totals)[-1][0] if totals else EMPTY


def proof(totals: Sequence[int], node: int) -> list[bytes]:
    """Siblings from the leaf of ``node`` (ids start at 1) up to the root.

    There is none on a layer where the node has no pair and moves up unchanged.

    Raises:
        BadProof: there is no such node.
    """
    if not 1 <= node <= len(totals):
        raise BadProof(
            expected=f"a node id from 1 to {len(totals)}",
            found=str(node),
            action="Ask for a registered node.",
        )
    siblings, index = [], node - 1
    for layer in _layers(totals)[:-1]:
        if index ^ 1 < len(layer):
            siblings.append(layer[index ^ 1])
        index //= 2
    return siblings


def verify_proof(expected_root: bytes, node: int, total: int, siblings: Sequence[bytes]) -> None:
    """Raise BadProof unless ``node`` has earned ``total`` under ``expected_root``."""
    found = leaf(node, total)
    for sibling in siblings:
        found = _pair(found, sibling)
    if found != expected_root:
        raise BadProof(
            expected=f"ledger root {expected_root.hex()}",
            found=f"{found.hex()} for node {node} with {total}",
            action="Build the proof from the ledger of the latest settlement.",
        )


def _layers(totals: Sequence[int]) -> list[list[bytes]]:
    layer = [leaf(node, total) for node, total in enumerate(totals, start=1)]
    layers = [layer]
    while len(layer) > 1:
        paired = [_pair(layer[i], layer[i + 1]) for i in range(0, len(layer) - 1, 2)]
        layer = paired + layer[len(paired) * 2 :]  # an odd last one moves up
        layers.append(layer)
    return layers


def _pair(one: bytes, other: bytes) -> bytes:
    return keccak(min(one, other) + max(one, other))
