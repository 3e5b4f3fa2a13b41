"""Dishonest disputes: a proof that proves nothing reverts and costs its sender only gas."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.support.by_hand import ByHand
from tests.support.offences import (
    altered_lane,
    members,
    owed,
    proof,
    propose,
    show,
    slashes,
    stake,
)

from collegium.errors import TransactionReverted
from collegium.protocol import state
from collegium.protocol.merge_proof import Leaf, MergeProof
from collegium.roles import aggregator


@pytest.fixture
def settled(played: Callable[..., ByHand]) -> ByHand:
    return played("settle")


def test_a_right_merge_cannot_be_disputed(settled: ByHand) -> None:
    """Frivolous dispute: it reverts for every block, and the merge becomes final."""
    settled.propose()
    sender = settled.nodes[5].federation
    for place in ((0, 0), (0, 7), (1, 0), (1, 7)):
        with pytest.raises(TransactionReverted, match="MergeCorrect"):
            sender.dispute_merge(show(settled, settled.merged, place))
    settled.play("finish", "attest")
    assert settled.world.federation.state_root() == state.root(settled.merged)
    assert slashes(settled.world) == []


def other_data(leaf: Leaf) -> Leaf:
    return replace(leaf, data=bytes([leaf.data[0] ^ 1]) + leaf.data[1:])


def first_update(shown: MergeProof, leaf: Leaf) -> tuple[Leaf, ...]:
    return (leaf, *shown.updates[1:])


LIES: dict[str, tuple[str, Callable[[MergeProof], dict[str, Any]]]] = {
    "another base": ("WrongLeaf", lambda p: {"base": other_data(p.base)}),
    "another merge": ("WrongLeaf", lambda p: {"merged": other_data(p.merged)}),
    "the base for the merge": ("WrongLeaf", lambda p: {"merged": p.base}),
    "another update": (
        "WrongLeaf",
        lambda p: {"updates": first_update(p, other_data(p.updates[0]))},
    ),
    "updates in another order": ("WrongLeaf", lambda p: {"updates": p.updates[::-1]}),
    "another manifest": ("WrongLeaf", lambda p: {"manifests": (bytes(32), *p.manifests[1:])}),
    "another place": ("WrongLeaf", lambda p: {"leaf": 1}),
    "a place beyond the tree": ("WrongLeaf", lambda p: {"leaf": 2}),
    "a shorter path": ("WrongLeaf", lambda p: {"base": replace(p.base, path=())}),
    "a longer path": (
        "WrongLeaf",
        lambda p: {"merged": replace(p.merged, path=(*p.merged.path, bytes(32)))},
    ),
    "half a leaf": (
        "WrongLeaf",
        lambda p: {"base": replace(p.base, data=p.base.data[:512])},
    ),
    "a ninth block": ("WrongBlock", lambda p: {"block": 8}),
    "an update less": (
        "WrongOutcome",
        lambda p: {
            "accepted": p.accepted[36:], "manifests": p.manifests[1:], "updates": p.updates[1:]
        },
    ),
    "other weights": (
        "WrongOutcome",
        lambda p: {"accepted": p.accepted[:-1] + bytes([p.accepted[-1] ^ 1])},
    ),
    "fewer leaves than updates": ("WrongOutcome", lambda p: {"updates": p.updates[1:]}),
    "more manifests than updates": (
        "WrongOutcome",
        lambda p: {"manifests": (*p.manifests, bytes(32))},
    ),
}  # fmt: skip


def test_a_right_merge_cannot_be_disputed_by_lies(settled: ByHand) -> None:
    """Frivolous dispute: false leaves, lists and indices that make a right merge look wrong."""
    settled.propose()
    shown, found = show(settled, settled.merged), {}
    for lie, (_, change) in LIES.items():
        with pytest.raises(TransactionReverted) as refusal:
            settled.nodes[5].federation.dispute_merge(replace(shown, **change(shown)))
        found[lie] = refusal.value.found.partition("(")[0]
    assert found == {lie: error for lie, (error, _) in LIES.items()}
    assert settled.view.phase == "Proposed" and slashes(settled.world) == []


def test_a_right_block_of_a_wrong_merge(settled: ByHand) -> None:
    """Frivolous dispute: the merge is wrong, but in another block."""
    wrong = altered_lane(settled)  # lane 17, in block 0
    propose(settled, wrong)
    with pytest.raises(TransactionReverted, match="MergeCorrect"):
        settled.nodes[5].federation.dispute_merge(show(settled, wrong, (0, 1)))
    settled.nodes[5].federation.dispute_merge(show(settled, wrong, (0, 0)))


def test_a_front_run_dispute(settled: ByHand) -> None:
    """Front-run dispute: a copy is mined first and earns the reward; the merge is still rejected.

    The watcher loses its gas and the offender its stake; no one loses anything else.
    """
    world, wrong = settled.world, altered_lane(settled)
    liar = propose(settled, wrong)
    copied = proof(settled, wrong)
    copier, watching = world.federation, settled.nodes[members(settled)[0]].federation
    copier.dispute_merge(copied)
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        watching.dispute_merge(copied)
    assert owed(world, copier.sender.address) == 250 and owed(world, watching.sender.address) == 0
    assert [one.node for one in slashes(world)] == [liar]


def test_disproving_oneself(settled: ByHand) -> None:
    """Self-report: a liar disputes its own merge first, and still loses half of its stake."""
    world, wrong = settled.world, altered_lane(settled)
    liar = propose(settled, wrong)
    settled.nodes[liar].federation.dispute_merge(proof(settled, wrong))
    assert owed(world, settled.nodes[liar].federation.sender.address) == 250
    assert stake(world, liar) == 0 and settled.view.phase == "Merge"


def test_a_dispute_again(settled: ByHand) -> None:
    """Replay of a dispute against the next proposal, and against one of another round."""
    world, wrong = settled.world, altered_lane(settled)
    propose(settled, wrong)
    used = proof(settled, wrong)
    world.federation.dispute_merge(used)
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        world.federation.dispute_merge(used)
    node = settled.nodes[members(settled)[0]]
    settled.merged = aggregator.merged(node, settled.view, settled.file, settled.envelopes)
    aggregator.propose(node, settled.view, settled.merged)
    with pytest.raises(TransactionReverted, match=r"WrongLeaf\(index=1\)"):
        world.federation.dispute_merge(used)
    settled.play("finish", "attest")

    following = ByHand(world, settled.merged).play("propose")
    assert following.view.phase == "Proposed"
    with pytest.raises(TransactionReverted, match="WrongRound"):
        world.federation.dispute_merge(used)
    with pytest.raises(TransactionReverted, match="WrongOutcome"):
        world.federation.dispute_merge(replace(used, round=2))
    assert len(slashes(world)) == 1
