"""What a role sees is what the contract holds."""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import World

from collegium.errors import RoundFailed


def test_members_are_those_that_may_commit_in_this_round(world: World) -> None:
    world.federation.open_round()
    world.join(b"late")
    world.federation.revoke(2)
    assert world.view().members == (1, 2, 3, 4, 5)
    world.pass_deadline()
    world.federation.advance(1)
    world.federation.open_round()
    assert world.view().members == (1, 3, 4, 5, 6)


def test_before_the_first_round(world: World) -> None:
    view = world.view()
    assert (view.id, view.phase, view.live, view.updates, view.committee) == (
        0,
        "Idle",
        False,
        (),
        (),
    )
    assert view.base == world.federation.state_root()


def test_phases_follow_each_other(world: World, hand: ByHand) -> None:
    seen = []
    for step in ("open", "commit", "draw", "deliver", "vote", "reveal", "settle", "propose"):
        hand.play(step, step)
        seen.append(world.view().phase)
    hand.play("finish", "attest")
    expected = ["Commit", "Draw", "Score", "Score", "Reveal", "Settle", "Merge", "Proposed"]
    assert seen == expected and world.view().phase == "Final" and not world.view().live


def test_a_step_out_of_turn_says_so(world: World) -> None:
    with pytest.raises(RoundFailed, match=r"phase Score or Reveal.*phase Idle"):
        world.view().expect("Score", "Reveal")


def test_readers_are_the_committee_and_the_aggregator(played: Callable[..., ByHand]) -> None:
    hand = played("draw")
    view = hand.view
    assert len(view.committee) == 3
    assert view.readers() == set(view.committee) | {view.aggregator}
    assert [view.slot(node) for node in view.committee] == [0, 1, 2]
    assert {view.slot(n) for n in hand.nodes if n not in view.committee} == {None}
