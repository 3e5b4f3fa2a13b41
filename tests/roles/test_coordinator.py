"""The coordinator relays and calls what is due; whatever others do meanwhile, rounds go on."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import World

from collegium.chain.engines import connect
from collegium.errors import RoundFailed, TransactionReverted
from collegium.protocol import signing, state
from collegium.roles import validator
from collegium.roles.contributor import Attestation
from collegium.roles.coordinator import Coordinator


@pytest.fixture
def opened(played: Callable[..., ByHand]) -> ByHand:
    return played("open")


def transactions(world: World) -> int:
    return world.chain.head


# -- opening -------------------------------------------------------------------------------------


def test_a_round_that_is_open_already_is_returned(world: World) -> None:
    base = world.federation.state_root()
    first = world.coordinator.open_round(base)
    before = transactions(world)
    assert world.coordinator.open_round(base) == first and transactions(world) == before


def test_a_round_that_is_half_done_is_not_passed_over(opened: ByHand) -> None:
    opened.play("draw", "commit")
    with pytest.raises(RoundFailed, match="phase Score"):
        opened.world.coordinator.open_round(opened.view.base)


# -- relaying ------------------------------------------------------------------------------------


def test_commitments_are_relayed_in_one_transaction_in_the_order_of_accounts(
    opened: ByHand,
) -> None:
    world = opened.world
    made = [opened.train(number) for number in (5, 3, 1, 4, 2)]
    before = transactions(world)
    world.coordinator.relay(1, made)
    assert transactions(world) == before + 1
    accounts = [world.view().nodes[u.node].account.lower() for u in world.view().updates]
    assert len(accounts) == 5 and accounts == sorted(accounts)


def test_relaying_again_sends_only_what_is_new(opened: ByHand) -> None:
    opened.commit(1, 2)
    before = transactions(opened.world)
    opened.world.coordinator.relay(1, opened.made.values())
    assert transactions(opened.world) == before
    opened.commit(3)
    assert [u.node for u in opened.view.updates][2:] == [3]


BROKEN: dict[str, Callable[[Attestation], Attestation]] = {
    "digest too short": lambda a: replace(a, digest=a.digest[:5]),
    "digest too long": lambda a: replace(a, digest=a.digest + b"\0"),
    "signature cut off": lambda a: replace(a, signature=a.signature[:64]),
    "no signature": lambda a: replace(a, signature=b""),
    "another digest": lambda a: replace(a, digest=bytes(32)),
    "not an address": lambda a: replace(a, node="0xzz"),
    "not registered": lambda a: replace(a, node="0x5FbDB2315678afecb367f032d93F642f64180aa3"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_one_bad_attestation_does_not_spoil_the_batch(opened: ByHand, how: str) -> None:
    good, bad = opened.train(1), BROKEN[how](opened.train(2))
    opened.world.coordinator.relay(1, [bad, good])
    assert [u.node for u in opened.view.updates] == [1]


def test_what_comes_after_the_deadline_is_left_out(opened: ByHand) -> None:
    late = opened.train(3)
    opened.world.pass_deadline()  # nobody committed: the round can only be cancelled
    opened.world.coordinator.relay(1, [late])
    assert opened.view.updates == () and opened.view.cancellable


def test_signatures_over_the_merge_that_do_not_hold_are_left_out(
    played: Callable[..., ByHand],
) -> None:
    hand = played("propose")
    view, world = hand.view, hand.world
    good = [
        validator.attest(hand.nodes[n], view, hand.file, hand.envelopes) for n in view.committee
    ]
    forged = signing.sign(world.domain.merge_digest(1, b"\x01" * 32), b"\x09" * 32)
    bad = [(0, forged), (-1, good[2][1]), (7, good[0][1]), (1, b""), (2, good[0][1])]
    world.coordinator.relay_attestations(view, [*bad, good[1]])
    assert world.view().attested == {1}
    world.coordinator.relay_attestations(world.view(), [good[1], good[0]])
    assert world.view().attested == {0, 1}
    assert world.coordinator.wait(world.view()).phase == "Final"


# -- waiting -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "phase"), [("open", "Commit"), ("deliver", "Score"), ("vote", "Reveal")]
)
def test_too_few_cancel_the_round_and_the_reward_returns(
    played: Callable[..., ByHand], last: str, phase: str
) -> None:
    hand = played(last)
    view, reward = hand.view, hand.world.terms.reward
    free = hand.world.federation.escrow().free
    assert view.phase == phase
    assert hand.world.coordinator.wait(view).phase == "Cancelled"
    books = hand.world.federation.escrow()
    assert books.free == free + reward and books.reserved == 0 and books.conserved


def test_with_a_quorum_the_round_goes_on_without_the_others(
    played: Callable[..., ByHand],
) -> None:
    hand = played("deliver")
    hand.vote(*hand.view.committee[:2])
    assert hand.world.coordinator.wait(hand.view).phase == "Reveal"
    hand.reveal(*hand.view.committee[:2])
    assert hand.view.phase == "Settle"


def test_an_unattested_merge_falls_when_its_window_is_over(played: Callable[..., ByHand]) -> None:
    hand = played("propose")
    before, proposer = hand.view.base, hand.view.proposer
    later = hand.world.coordinator.wait(hand.view)
    assert later.phase == "Merge" and later.barred == {proposer} and not any(later.proposal)
    assert proposer not in later.candidates() and hand.world.federation.state_root() == before


def test_an_attested_merge_stays_open_to_dispute(played: Callable[..., ByHand]) -> None:
    hand = played("attest")
    world, view = hand.world, hand.view
    assert view.phase == "Proposed" and len(view.attested) == 3
    assert 0 < view.deadline - world.chain.timestamp() <= world.terms.dispute_window
    assert world.coordinator.wait(view).phase == "Final"
    assert world.federation.state_root() == state.root(hand.merged)


def test_a_merge_that_nobody_proposes_ends_the_round_unmerged(
    played: Callable[..., ByHand],
) -> None:
    hand = played("settle")
    coordinator, before = hand.world.coordinator, hand.view.base
    late = coordinator.wait(hand.view)  # now others may propose, too
    assert late.phase == "Merge" and coordinator.overdue(late)
    assert coordinator.wait(late).phase == "Final"
    assert hand.world.federation.state_root() == before
    books = hand.world.federation.escrow()
    assert books.reserved == 0 and books.conserved


def test_on_a_real_clock_it_comes_back_to_ask_for_a_merge_again(
    played: Callable[..., ByHand], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand = played("settle")
    late = hand.world.coordinator.wait(hand.view)
    waited: list[int] = []
    coordinator = replace(hand.world.coordinator, fast_forward=False)
    monkeypatch.setattr(Coordinator, "_pass_time", lambda self, end: waited.append(end))
    assert coordinator.wait(late).phase == "Merge"
    assert waited == [hand.world.chain.timestamp() + 60]
    assert coordinator.seconds_left(late) > 400  # long enough for the next that may merge


@pytest.mark.parametrize("last", ["reveal", "finish"])
def test_time_alone_does_not_settle_or_reopen(played: Callable[..., ByHand], last: str) -> None:
    hand = played(last)
    with pytest.raises(RoundFailed):
        hand.world.coordinator.wait(hand.view)


def test_it_says_what_it_waits_for(opened: ByHand) -> None:
    said: list[str] = []
    replace(opened.world.coordinator, notify=said.append).wait(opened.view)
    assert said == ["round 1: waiting for the deadline of Commit"]


def test_on_a_local_chain_time_passes_without_a_fast_clock(
    make_world: Callable[..., World],
) -> None:
    """Such a chain mines only when it is sent something; the coordinator sees to it."""
    world = make_world(nodes=3, commit_window=3)
    coordinator = Coordinator(world.federation, fast_forward=False)
    view = coordinator.open_round(world.federation.state_root())
    assert coordinator.wait(view).phase == "Cancelled"


def test_no_more_is_waited_than_is_left_on_a_chain_that_runs_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty blocks at once put a local chain's time twenty seconds ahead of the machine's."""
    clock = SimpleNamespace(now=0.0, time=time.time, monotonic=lambda: clock.now)
    clock.sleep = lambda seconds: setattr(clock, "now", clock.now + seconds)
    monkeypatch.setattr("collegium.roles.coordinator.time", clock)
    with connect(str(tmp_path / "chain.sqlite")) as chain:
        for _ in range(20):
            chain.mine()
        deadline = chain.timestamp() + 2
        Coordinator(SimpleNamespace(chain=chain))._pass_time(deadline)  # type: ignore[arg-type]
        assert chain.timestamp() >= deadline and clock.now < 3


# -- others were faster --------------------------------------------------------------------------


def test_a_step_that_somebody_else_has_just_taken_is_as_good(
    played: Callable[..., ByHand],
) -> None:
    hand = played("reveal")
    stale, coordinator = hand.view, hand.world.coordinator
    anybody = hand.world.federation.using(hand.nodes[4].keys.signer)
    anybody.settle(1)
    coordinator.settle(stale)
    assert hand.view.phase == "Merge"
    stale = hand.play("propose", "propose").view
    hand.world.pass_deadline()
    anybody.advance(1)  # nobody attested: it is rejected
    coordinator._unless_overtaken(stale, lambda: hand.world.federation.advance(1))
    assert hand.view.phase == "Merge"


def test_a_refusal_that_is_nobody_elses_doing_is_not_swallowed(opened: ByHand) -> None:
    with pytest.raises(TransactionReverted, match="NothingDue"):
        opened.world.coordinator._unless_overtaken(
            opened.view, lambda: opened.world.federation.advance(1)
        )


# -- patience ------------------------------------------------------------------------------------


def test_nobody_is_waited_for_beyond_the_deadline(opened: ByHand) -> None:
    view, chain = opened.view, opened.world.chain
    coordinator = replace(opened.world.coordinator, fast_forward=False)
    assert coordinator.seconds_left(view) == view.deadline - chain.timestamp() > 50
    opened.world.pass_deadline()
    assert coordinator.seconds_left(view) == 1.0  # who is there still gets a chance
    assert coordinator.seconds_left(replace(view, deadline=0)) is None
    assert opened.world.coordinator.seconds_left(view) is None  # that clock waits for the nodes
