"""The aggregator merges what the chain accepted, whatever it thinks of it, and proposes once."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.support.by_hand import ByHand
from tests.support.terms import LIMITS

from collegium.errors import BadProof, BlobMissing, RoundFailed, TransactionReverted
from collegium.protocol import state
from collegium.protocol.container import encode_state
from collegium.roles import aggregator
from collegium.roles.inbox import open_updates


@pytest.fixture
def settled(played: Callable[..., ByHand]) -> ByHand:
    return played("settle")


def test_a_state_other_than_the_base_is_refused(settled: ByHand) -> None:
    node, other = settled.nodes[settled.view.aggregator], settled.base.copy()
    other[3] += 1
    with pytest.raises(BadProof, match=state.root(other).hex()):
        aggregator.merged(node, settled.view, encode_state(other), settled.envelopes)


def test_an_accepted_update_that_is_missing_is_named(settled: ByHand) -> None:
    node = settled.nodes[settled.view.aggregator]
    missing = next(n for n in settled.nodes if n != node.id)
    del settled.envelopes[missing]
    (node.home.journal(1).folder / f"{settled.made[missing].digest.hex()}.sealed").unlink(True)
    with pytest.raises(BlobMissing, match=f"node {missing},"):
        aggregator.merged(node, settled.view, settled.file, settled.envelopes)


def test_every_member_gets_the_same_bits(settled: ByHand) -> None:
    roots = {
        state.root(
            aggregator.merged(settled.nodes[n], settled.view, settled.file, settled.envelopes)
        )
        for n in settled.view.readers()
    }
    assert len(roots) == 1


def test_what_was_accepted_is_merged_even_if_this_node_would_have_refused_it(
    settled: ByHand,
) -> None:
    """Norms are floats: at the limit two honest machines may differ, and still have to agree."""
    node = settled.nodes[settled.view.aggregator]
    strict = replace(node, card=replace(node.card, limits=replace(LIMITS, norm=1e-6)))
    findings = open_updates(strict, settled.view, settled.envelopes).findings
    assert all([f.code for f in found] == ["norm"] for found in findings.values())
    merged = [
        aggregator.merged(n, settled.view, settled.file, settled.envelopes) for n in (node, strict)
    ]
    assert state.root(merged[0]) == state.root(merged[1])


def test_it_proposes_once(settled: ByHand) -> None:
    world = settled.world
    settled.propose()
    before = world.chain.head
    aggregator.propose(settled.nodes[settled.view.aggregator], settled.view, settled.merged)
    assert world.chain.head == before and settled.view.proposal == state.root(settled.merged)


def test_until_the_deadline_nobody_else_proposes(settled: ByHand) -> None:
    view, world = settled.view, settled.world
    other = next(n for n in view.committee if n != view.aggregator)
    with pytest.raises(TransactionReverted, match="NotAggregator"):
        aggregator.propose(settled.nodes[other], view, settled.base)
    world.pass_deadline()
    aggregator.propose(settled.nodes[other], world.view(), settled.base)
    assert world.view().phase == "Proposed"


def test_there_is_nothing_to_merge_before_settlement(played: Callable[..., ByHand]) -> None:
    hand = played("vote")
    with pytest.raises(RoundFailed, match="phase Merge or Proposed or Final"):
        aggregator.merged(hand.nodes[hand.view.committee[0]], hand.view, hand.file, hand.envelopes)


def test_a_member_merges_from_what_it_kept(settled: ByHand) -> None:
    """Owners and server may be gone by then; who scored an update can still merge it."""
    expected = aggregator.merged(
        settled.nodes[settled.view.aggregator], settled.view, settled.file, settled.envelopes
    )
    restarted = settled.world.node(settled.view.committee[0])
    found = aggregator.merged(restarted, settled.view, settled.file, {})
    assert state.root(found) == state.root(expected)


def test_a_false_envelope_does_not_displace_the_one_it_kept(settled: ByHand) -> None:
    number = settled.view.committee[0]
    false = dict.fromkeys(settled.nodes, b'{"keys":{}}\n')
    honest = aggregator.merged(settled.nodes[number], settled.view, settled.file, {})
    found = aggregator.merged(settled.nodes[number], settled.view, settled.file, false)
    assert state.root(found) == state.root(honest)
