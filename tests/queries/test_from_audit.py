"""The chain's events and an independent audit show the same rounds."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import LAYOUT, World

from collegium import evidence
from collegium.audit.report import AuditResult
from collegium.queries import from_audit
from collegium.queries.disputes import with_places
from collegium.queries.rounds import ShownRound, read_rounds, slashes


def audited(world: World, folder: Path) -> AuditResult:
    """The audit of what the chain and the store hold; no key opens an update."""
    for name, data in (("card", world.card.encode()), ("layout", LAYOUT.encode())):
        (folder / f"{name}.json").write_bytes(data)
    source = evidence.from_chain(
        world.chain.spec,
        world.federation.address,
        world.store.root,
        card=folder / "card.json",
        layout=folder / "layout.json",
    )
    return evidence.audit(source)


def comparable(shown: ShownRound) -> ShownRound:
    """Without what only one of the two can know."""
    rejected = tuple(
        replace(one, slashed=(), tx=None, exact=None, gas=None) for one in shown.rejected
    )
    return replace(
        shown.with_contents({}), rejected=rejected, min_score=None, gas=None, time=None, merge=None
    )


@pytest.mark.parametrize("last", ["commit", "settle", "propose", "finish"])
def test_both_show_the_same(played: Callable[..., ByHand], last: str, tmp_path: Path) -> None:
    world = played(last).world
    result = audited(world, tmp_path)
    (derived,) = from_audit.rounds(result)
    (shown,) = read_rounds(world.federation.events(), world.terms.min_score)
    assert comparable(derived) == comparable(shown)
    assert derived.merge == ("none" if last in ("commit", "settle") else "unchecked")
    document = json.loads(json.dumps(from_audit.document(result)))
    assert document["rounds"][0]["earned"] == str(shown.earned)
    assert document["ok"] == result.ok


def test_rejected_merges_and_lost_stakes(played: Callable[..., ByHand], tmp_path: Path) -> None:
    hand = played("settle")
    cheat, world = hand.view.aggregator, hand.world
    hand.nodes[cheat].federation.propose_merge(1, b"\x13" * 32)
    world.coordinator.wait(hand.view)  # nobody signs it
    result = audited(world, tmp_path)
    (derived,) = from_audit.rounds(result)
    (shown,) = read_rounds(world.federation.events(), world.terms.min_score)
    assert comparable(derived) == comparable(with_places(world.federation, shown))
    assert from_audit.slashes(result) == slashes(world.federation.events())
    assert [one.proposer for one in derived.rejected] == [cheat]
