"""What the screens show is what the contracts hold."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import World

import collegium
from collegium.chain.contracts import Contracts
from collegium.protocol.settlement import is_accepted
from collegium.queries import money, rounds
from collegium.queries.disputes import with_places
from collegium.queries.labels import UNITS, Labels
from collegium.queries.newest import Newest
from collegium.queries.rounds import Content, ShownRound
from collegium.queries.status import read_status


@pytest.fixture
def final(played: Callable[..., ByHand]) -> ByHand:
    return played("finish")


def shown(world: World) -> list[ShownRound]:
    return rounds.read_rounds(world.federation.events(), world.terms.min_score)


def test_a_final_round(final: ByHand) -> None:
    world = final.world
    (one,) = shown(world)
    assert (one.id, one.phase, one.settled) == (1, "Final", True)
    assert one.root == world.federation.state_root() and one.base == bytes.fromhex(
        world.card.genesis
    )
    assert {u.node: u.score for u in one.updates} == world.scores(1)
    assert {u.node: u.weight for u in one.updates} == world.weights(1)
    assert {u.node: u.paid for u in one.updates} == world.pays(1)
    assert dict(zip(one.committee, one.fees, strict=True)) == world.fees(1)
    assert one.aggregator == one.proposer == final.view.aggregator
    assert one.earned + one.bonus == world.federation.escrow().earned
    assert one.earned + one.bonus + one.returned == world.terms.reward
    assert one.rejected == one.slashed == one.disputes == ()


@pytest.mark.parametrize(
    ("last", "phase"),
    [("open", "Commit"), ("draw", "Score"), ("settle", "Merge"), ("propose", "Proposed")],
)
def test_a_round_under_way(played: Callable[..., ByHand], last: str, phase: str) -> None:
    (one,) = shown(played(last).world)
    assert one.phase == phase and one.root is None and one.bonus == 0
    assert one.settled == (phase in ("Merge", "Proposed"))
    assert (one.proposer != 0) == (phase == "Proposed")
    if not one.settled:
        assert all(u.accepted is None and u.score is None and u.paid == 0 for u in one.updates)
    document = json.loads(json.dumps(one.to_json()))
    assert document["state_root"] is None and document["round"] == 1


def test_what_is_below_the_least_score_is_rejected(played: Callable[..., ByHand]) -> None:
    """The contract's own weights say what it accepted."""
    scores = played("settle").world.scores(1).values()
    hand = played("settle", min_score=(min(scores) + max(scores)) // 2)
    (one,) = shown(hand.world)
    assert {u.accepted for u in one.updates} == {True, False}
    assert all(u.accepted == (u.weight > 0) for u in one.updates)


def test_an_unsigned_merge_is_a_rejection_without_a_dispute(played: Callable[..., ByHand]) -> None:
    hand = played("propose")
    proposer = hand.view.proposer
    hand.world.coordinator.wait(hand.view)
    (one,) = shown(hand.world)
    (rejected,) = one.rejected
    assert (rejected.proposer, rejected.by, one.proposer) == (proposer, None, 0)
    assert one.disputes == () and one.phase == "Merge"
    assert all(slash.round == 1 for slash in one.slashed)
    assert rounds.slashes(hand.world.federation.events()) == list(one.slashed)
    (placed,) = with_places(hand.world.federation, one).rejected
    assert placed.leaf is None and placed.gas is not None and placed.gas > 21_000


def test_labels_write_every_node_and_amount(final: ByHand) -> None:
    (one,) = shown(final.world)
    node = one.updates[0].node
    one = one.with_contents({node: Content(8, 1_234, ("stale",))})
    names = Labels(node=lambda node: f"hospital {node}", amount=lambda units: units / 2)
    document = one.to_json(names)
    first, second = document["updates"][:2]
    assert first["node"] == f"hospital {node}"
    assert first["codes"] == ["stale"] and first["bytes"] == 1_234
    assert second["opened"] is False and second["bits"] is None
    assert first["paid"] == one.updates[0].paid / 2
    assert list(document["fees"]) == document["committee"]
    assert one.to_json(UNITS)["updates"][0]["paid"] == str(one.updates[0].paid)


def test_accounts_say_what_the_contracts_pay(final: ByHand) -> None:
    world = final.world
    before = {one.node: one for one in money.read_accounts(world.federation)}
    assert {n: one.due for n, one in before.items()} == {
        n: world.federation.due(n) for n in world.homes
    }
    world.federation.claim(2)
    after = {one.node: one for one in money.read_accounts(world.federation)}
    assert after[2].claimed == before[2].due and after[2].due == 0
    assert after[2].earned == before[2].earned and after[1] == before[1]
    books = money.read_treasury(world.federation)
    assert sum(one.earned for one in after.values()) == books.escrow.earned
    assert sum(one.stake for one in after.values()) == books.escrow.staked
    assert (books.slashed, books.rewarded) == (0, 0)


def test_status(final: ByHand) -> None:
    document = read_status(final.world.federation, "chain.sqlite").to_json(UNITS)
    assert document["round"] == {"id": 1, "phase": "Final"}
    assert document["money"]["deposited"] == str(20 * final.world.terms.reward)
    assert document["card"] == "0x" + final.world.card.digest.hex()


def test_the_newest_round_in_words(played: Callable[..., ByHand]) -> None:
    newest = Newest(played("commit").view)
    assert "committee can be drawn now" in newest.sentence()
    told = str(newest.facts()["updates"])
    assert sorted(told.split(", ")) == [f"node {number}" for number in range(1, 6)]
    assert newest.to_json()["committee"] == []


def test_it_reads_events_only(final: ByHand, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounds need no request beyond the events."""
    events = final.world.federation.events()
    monkeypatch.setattr(Contracts, "events", None)
    monkeypatch.setattr("collegium.chain.connection.Chain.rpc", None)
    assert len(rounds.read_rounds(events, 0)) == 1


def test_acceptance_is_decided_in_one_place() -> None:
    """Screens that compared scores themselves could disagree with the contract."""
    root = Path(collegium.__file__).parent
    pattern = re.compile(
        r">=?\s*[\w.\[\]\"']*min_?score|min_?score[\w.\[\]\"']*\s*<", re.IGNORECASE
    )
    places = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        for line in path.read_text().splitlines()
        if pattern.search(line) and "->" not in line
    }
    assert places == {"protocol/settlement.py"}
    assert is_accepted(5, 5) and not is_accepted(4, 5) and not is_accepted(-(2**31), -(2**31))


@pytest.mark.parametrize("event", ["Credited", "Claimed", "Collected"])
def test_money_is_added_up_in_one_place(event: str) -> None:
    """Earned, claimed and rewarded: screens read them from queries; audit and model derive anew."""
    root = Path(collegium.__file__).parent
    independent = ("queries/", "audit/", "protocol/", "chain/artifacts")
    places = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(rf"== \"{event}\"", path.read_text())
    ]
    assert [place for place in places if not place.startswith(independent)] == []
