"""Merge disputes: one block of 32 lanes proves that a proposed state is not the merge.

A proof shows the same leaf of the base, of the proposal and of every accepted update, each under
the root or digest that the chain knows, so anyone can compute the block again by the merge rule of
the terms. If the proposal has another number there, it is wrong. ``verify`` checks what the
contract checks, in the same order and without numpy, so neither shares arithmetic with ``merge``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Self

import numpy as np

from collegium.errors import BadDispute
from collegium.protocol import codec, packed, state, tree
from collegium.protocol.codec import Encoded
from collegium.protocol.digest import keccak, update_digest
from collegium.protocol.layout import BLOCK, BLOCKS, LEAF
from collegium.protocol.rules.merging import MergeRule
from collegium.protocol.state import State

_STATE_LEAF = 4 * LEAF
_WIDTHS = {codec.leaf_size(bits): bits for bits in codec.BITS}  # a leaf's size tells its width
_LOWEST, _HIGHEST = -(2**31), 2**31 - 1
_MAX_DEPTH = 32  # bounds the work of a proof; 2^28 lanes make a tree of depth 20

Place = tuple[int, int]
"""Index of a leaf, and index of one of its blocks (0 to 7)."""


@dataclass(frozen=True)
class Leaf:
    """One leaf of a tree of lanes, and its siblings up to, but without, the root."""

    data: bytes
    path: tuple[bytes, ...]

    @classmethod
    def from_call(cls, value: Mapping[str, Any]) -> Self:
        """The leaf in the decoded arguments of a call."""
        return cls(bytes(value["data"]), tuple(value["path"]))

    def to_call(self) -> dict[str, Any]:
        """Field names and order of the Solidity struct."""
        return {"data": self.data, "path": list(self.path)}

    def root(self, index: int) -> bytes:
        """Root of the tree in which this is leaf ``index``."""
        node = tree.leaf_hash(self.data)
        for height, sibling in enumerate(self.path):
            node = tree.inner(sibling, node) if index >> height & 1 else tree.inner(node, sibling)
        return node


@dataclass(frozen=True)
class MergeProof:
    """The contract's ``MergeProof``.

    Attributes:
        round: whose proposed merge is wrong.
        leaf, block: the place: index of the leaf, and which 32 of its 256 lanes.
        base, merged: that leaf in the state that the round began with, and in the proposal.
        accepted: packed (uint16 id, bytes32 digest, uint16 weight); hashes to the round's outcome.
        manifests: SHA-256 of the manifest of each accepted update, in that order.
        updates: that leaf of each accepted update, in that order.
    """

    round: int
    leaf: int
    block: int
    base: Leaf
    merged: Leaf
    accepted: bytes
    manifests: tuple[bytes, ...]
    updates: tuple[Leaf, ...]

    @classmethod
    def from_call(cls, value: Mapping[str, Any]) -> Self:
        """The proof in the decoded arguments of a call."""
        return cls(
            round=value["round"],
            leaf=value["leaf"],
            block=value["block"],
            base=Leaf.from_call(value["base"]),
            merged=Leaf.from_call(value["merged"]),
            accepted=value["accepted"],
            manifests=tuple(value["manifests"]),
            updates=tuple(Leaf.from_call(leaf) for leaf in value["updates"]),
        )

    def to_call(self) -> dict[str, Any]:
        """The argument of ``disputeMerge``: field names and order of the Solidity struct."""
        return {
            "round": self.round,
            "leaf": self.leaf,
            "block": self.block,
            "base": self.base.to_call(),
            "merged": self.merged.to_call(),
            "accepted": self.accepted,
            "manifests": list(self.manifests),
            "updates": [leaf.to_call() for leaf in self.updates],
        }


@dataclass(frozen=True)
class Accepted:
    """An update that the settlement accepted.

    Attributes:
        id: id of the node.
        digest: update digest, 32 bytes.
        weight: merge weight, uint16.
        manifest: SHA-256 of the manifest, 32 bytes.
        lanes: the quantised delta.
    """

    id: int
    digest: bytes
    weight: int
    manifest: bytes
    lanes: Encoded


def find(expected: State, proposed: State) -> Place | None:
    """First block in which two states of one layout differ; None if they are equal."""
    differing = np.flatnonzero(expected != proposed)
    if not differing.size:
        return None
    leaf, lane = divmod(int(differing[0]), LEAF)
    return leaf, lane // BLOCK


def build(
    round_id: int, place: Place, base: State, proposed: State, accepted: Sequence[Accepted]
) -> MergeProof:
    """Build the proof that ``proposed`` is wrong at ``place``.

    Args:
        round_id: the round.
        place: the return value of ``find``.
        base: the state that the round began with.
        proposed: the state under the proposed root.
        accepted: every accepted update, in commit order, those of weight 0 included.
    """
    leaf, block = place
    return MergeProof(
        round=round_id,
        leaf=leaf,
        block=block,
        base=_state_leaf(base, leaf),
        merged=_state_leaf(proposed, leaf),
        accepted=b"".join(
            packed.pack_updates([(update.id, update.digest)]) + update.weight.to_bytes(2, "big")
            for update in accepted
        ),
        manifests=tuple(update.manifest for update in accepted),
        updates=tuple(_lane_leaf(update.lanes, leaf) for update in accepted),
    )


def verify(
    rule: MergeRule, proof: MergeProof, base: bytes, proposal: bytes, outcome: bytes
) -> None:
    """Check that a proof shows a wrong block, as the contract does.

    Args:
        rule: the merge rule of the terms.
        proof: untrusted; its size bounds the work.
        base: root of the state that the round began with.
        proposal: the proposed root.
        outcome: hash over the accepted updates, from the settlement.

    Raises:
        BadDispute: with the name of the contract's error: WrongOutcome, WrongBlock, WrongLeaf or
            MergeCorrect.
    """
    accepted = _accepted(proof, outcome)
    if not 0 <= proof.block < BLOCKS:
        _refuse("WrongBlock", f"a block below {BLOCKS}", proof.block)
    depth = len(proof.base.path)
    if depth > _MAX_DEPTH or not 0 <= proof.leaf < 1 << depth:
        _wrong_leaf(0, f"a leaf of a tree of depth {depth}", proof.leaf)
    for index, (leaf, root) in enumerate(((proof.base, base), (proof.merged, proposal))):
        _check_form(index, leaf, depth, {_STATE_LEAF})
        if leaf.root(proof.leaf) != root:
            _wrong_leaf(index, f"leaf {proof.leaf} under root {root.hex()}", "another root")
    rows = [_update_lanes(proof, i, digest) for i, (digest, _) in enumerate(accepted)]
    moved = rule.block(rows, [weight for _, weight in accepted])
    lanes = _state_lanes(proof.base.data, proof.block)
    merged = [max(_LOWEST, min(_HIGHEST, a + b)) for a, b in zip(lanes, moved, strict=True)]
    if merged == _state_lanes(proof.merged.data, proof.block):
        _refuse("MergeCorrect", "a block that differs from the merge", "32 correct lanes")


def _accepted(proof: MergeProof, outcome: bytes) -> list[tuple[bytes, int]]:
    """Digest and weight of each accepted update; there is one manifest and one leaf for each."""
    count, rest = divmod(len(proof.accepted), packed.ACCEPTED)
    complete = rest == 0 and count == len(proof.manifests) == len(proof.updates)
    if keccak(proof.accepted) != outcome or not complete:
        found = f"{count} with {len(proof.manifests)} manifests and {len(proof.updates)} leaves"
        _refuse("WrongOutcome", f"the accepted updates, hash {outcome.hex()}", found)
    items = packed.items(proof.accepted, packed.ACCEPTED)
    accepted = [(item[2:34], int.from_bytes(item[34:], "big")) for item in items]
    if not any(weight for _, weight in accepted):  # such a merge would divide by zero
        _refuse("WrongOutcome", "an update with a weight above 0", "none")
    return accepted


def _check_form(index: int, leaf: Leaf, depth: int, sizes: Collection[int]) -> None:
    if len(leaf.data) not in sizes or len(leaf.path) != depth:
        found = f"{len(leaf.data)} bytes and {len(leaf.path)} siblings"
        _wrong_leaf(index, f"{sorted(sizes)} bytes and {depth} siblings", found)


def _update_lanes(proof: MergeProof, number: int, digest: bytes) -> list[int]:
    """The 32 lanes, ``q · 2^e``, that an update has in the block."""
    # In the contract's errors, leaf 0 is of the base and leaf 1 of the proposal.
    index, leaf, manifest = number + 2, proof.updates[number], proof.manifests[number]
    _check_form(index, leaf, len(proof.base.path), _WIDTHS)
    if update_digest(manifest, leaf.root(proof.leaf)) != digest:
        _wrong_leaf(index, f"an update of digest {digest.hex()}", "another digest")
    bits, exponent = _WIDTHS[len(leaf.data)], leaf.data[proof.block]
    size, half = BLOCK * bits // 8, 1 << (bits - 1)
    word = int.from_bytes(leaf.data[BLOCKS + size * proof.block :][:size], "big")
    shifts = range(bits * (BLOCK - 1), -1, -bits)
    # Two's complement: adding and subtracting half the range extends the sign.
    codes = [((word >> shift) + half) % (2 * half) - half for shift in shifts]
    if exponent > codec.MAX_EXPONENT or min(codes) == -half:
        _wrong_leaf(index, "an exponent and codes of the format", (exponent, min(codes)))
    return [code << exponent for code in codes]


def _state_lanes(leaf: bytes, block: int) -> list[int]:
    """The 32 lanes of a block of state."""
    start = 4 * BLOCK * block
    words = [leaf[at : at + 4] for at in range(start, start + 4 * BLOCK, 4)]
    return [int.from_bytes(word, "big", signed=True) for word in words]


def _state_leaf(lanes: State, index: int) -> Leaf:
    data = state.encode(lanes[index * LEAF : (index + 1) * LEAF])
    return Leaf(data, tuple(state.proof(lanes, index)))


def _lane_leaf(lanes: Encoded, index: int) -> Leaf:
    return Leaf(bytes(codec.to_leaves(lanes)[index]), tuple(codec.proof(lanes, index)))


def _wrong_leaf(index: int, expected: str, found: object) -> NoReturn:
    _refuse("WrongLeaf", expected, found, index=index)


def _refuse(refusal: str, expected: str, found: object, **values: int) -> NoReturn:
    raise BadDispute(
        refusal,
        values,
        expected=expected,
        found=str(found),
        action="Build the proof from this round's states and updates, where the merge differs.",
    )
