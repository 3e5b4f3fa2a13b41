"""Dishonest validators: how far they can change others' scores, and what they earn.

The score of an update is the median of the votes without its owner's. With a committee of five,
four or five vote: one liar is below the bound of a half, two of four are at it.
"""

from collections.abc import Callable

import pytest
from tests.support.by_hand import ByHand
from tests.support.world import World

from collegium.errors import TransactionReverted
from collegium.protocol import verdict
from collegium.protocol.settlement import INVALID
from collegium.roles import validator

LOWEST, HIGHEST = -(2**31) + 1, 2**31 - 1


@pytest.fixture
def scored(played: Callable[..., ByHand]) -> ByHand:
    """Six nodes, five of which validate; all updates are delivered."""
    return played("deliver", nodes=6, committee=5)


def owners(hand: ByHand) -> list[int]:
    return [update.node for update in hand.view.updates]


def conclude(hand: ByHand) -> ByHand:
    """The others vote honestly, and the round is settled."""
    return hand.play("settle", "vote")


def honest_votes(hand: ByHand, about: int) -> list[int]:
    """The honest members' votes on the update of ``about``."""
    index = owners(hand).index(about)
    return [vote.scores[index] for member, vote in hand.votes.items() if member != about]


# -- copying -------------------------------------------------------------------------------------


def test_a_vote_cannot_be_seen_before_all_are_in(scored: ByHand) -> None:
    """Copying: until the last vote is sealed, the chain shows only hashes."""
    first, *others = scored.view.committee
    scored.vote(first)
    scores = scored.votes[first].encoded
    on_chain = [str(event.args) for event in scored.world.federation.events()]
    assert not any(scores.hex() in text or str(scores) in text for text in on_chain)
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        scored.nodes[first].federation.reveal_verdict(1, 0, scores, scored.votes[first].salt)
    scored.vote(*others[:-1])
    assert scored.view.phase == "Score"  # no one can reveal yet


def test_a_copied_seal_cannot_be_opened(scored: ByHand) -> None:
    """Copying: a member copies a seal and tries to open it with the other's scores and salt."""
    view = scored.view
    copier, victim, *others = view.committee
    scored.vote(victim, *others)
    seal = scored.world.federation.federation.call("verdict", view.slot(victim))
    federation, slot = scored.nodes[copier].federation, view.slot(copier)
    federation.commit_verdict(1, slot, seal)
    scored.reveal(victim)
    stolen = scored.votes[victim]
    with pytest.raises(TransactionReverted, match="WrongOpening"):
        federation.reveal_verdict(1, slot, stolen.encoded, stolen.salt)
    scored.reveal(*others)
    scored.world.pass_deadline()
    scored.settle()
    assert scored.world.fees(1)[copier] == 0
    assert all(scored.world.fees(1)[member] > 0 for member in (victim, *others))


def test_a_vote_cannot_be_changed(scored: ByHand) -> None:
    """Copying: a sealed vote can neither be replaced nor opened with other scores."""
    view = scored.view
    member = view.committee[0]
    scored.vote()
    node, made = scored.nodes[member], scored.votes[member]
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        node.federation.commit_verdict(1, 0, b"\x01" * 32)
    other = verdict.encode_scores([s + 1 for s in made.scores])
    with pytest.raises(TransactionReverted, match="WrongOpening"):
        node.federation.reveal_verdict(1, 0, other, made.salt)


def test_a_member_cannot_vote_twice_or_for_another(scored: ByHand) -> None:
    """Each slot can be used once, and only by its member."""
    first, second, *_ = scored.view.committee
    scored.vote(first)
    with pytest.raises(TransactionReverted, match="AlreadySealed"):
        scored.nodes[first].federation.commit_verdict(1, 0, b"\x01" * 32)
    with pytest.raises(TransactionReverted, match="NotMember"):
        scored.nodes[first].federation.commit_verdict(1, 1, b"\x01" * 32)
    outsider = next(n for n in scored.nodes if n not in scored.view.committee)
    with pytest.raises(TransactionReverted, match="NotMember"):
        scored.nodes[outsider].federation.commit_verdict(1, 1, b"\x01" * 32)
    assert scored.view.slot(second) == 1


def test_a_guessed_vote_earns_less_than_an_honest_one(scored: ByHand) -> None:
    """A lazy member votes last round's scores, or one score for all."""
    lazy = scored.view.committee[0]
    scored.cast(lazy, [50_000] * 6)
    conclude(scored)
    fees = scored.world.fees(1)
    assert fees[lazy] < 0.95 * min(fee for member, fee in fees.items() if member != lazy)


# -- lying ---------------------------------------------------------------------------------------

LIES: dict[str, Callable[[int], int]] = {
    "everything is worthless": lambda index: LOWEST,
    "everything is invalid": lambda index: INVALID,
    "everything is wonderful": lambda index: HIGHEST,
    "one is wonderful, the others are not": lambda index: HIGHEST if index == 2 else LOWEST,
}


@pytest.mark.parametrize("lie", LIES)
def test_lying_below_the_bound(scored: ByHand, lie: str) -> None:
    """Lying: one of five. Medians stay within the honest votes, and the liar earns nothing."""
    liar = scored.view.committee[0]
    scored.cast(liar, [LIES[lie](index) for index in range(6)])
    conclude(scored)
    world = scored.world
    for node, median in world.scores(1).items():
        votes = honest_votes(scored, node)
        assert min(votes) <= median <= max(votes)
    assert set(world.pays(1)) == set(world.homes) and min(world.pays(1).values()) > 0
    fees = world.fees(1)
    assert fees[liar] == 0 and all(fee > 0 for member, fee in fees.items() if member != liar)


def test_lying_a_little_earns_a_little_less(scored: ByHand) -> None:
    """Lying: a member halves one competitor's score; it changes nothing and costs its own pay."""
    liar, made = scored.view.committee[0], None
    made = scored.score(liar)
    index = next(i for i, owner in enumerate(owners(scored)) if owner != liar)
    shaded = [s // 2 if i == index else s for i, s in enumerate(made.scores)]
    scored.cast(liar, shaded)
    conclude(scored)
    votes = honest_votes(scored, owners(scored)[index])
    assert min(votes) <= scored.world.scores(1)[owners(scored)[index]] <= max(votes)
    fees = scored.world.fees(1)
    assert 0 < fees[liar] < min(fee for member, fee in fees.items() if member != liar)


def test_colluding_at_the_bound(make_world: Callable[..., World]) -> None:
    """Colluding: two of three members give a poisoned update a high score, and succeed.

    The poison is accepted and paid, and the honest member, who is outvoted, loses its fee. The
    protocol cannot prevent it. Colluders must be drawn by luck, a larger committee makes that
    rare, and their votes stay public on the chain.
    """
    hand = ByHand(make_world(nodes=5))
    hand.open()
    hand.submit(5, hand.forge(5, -hand.delta(5)))
    hand.play("deliver", "commit")
    world, committee = hand.world, hand.view.committee
    index = owners(hand).index(5)
    colluders = [member for member in committee if member != 5][:2]
    for member in colluders:
        made = hand.score(member)
        assert made.scores[index] < 0  # both know that the update is harmful
        lifted = [1_000_000 if i == index else s for i, s in enumerate(made.scores)]
        hand.cast(member, lifted)
    conclude(hand)
    assert world.scores(1)[5] == 1_000_000 and world.weights(1)[5] > 0
    assert world.pays(1)[5] > max(pay for node, pay in world.pays(1).items() if node != 5)
    honest = [member for member in committee if member not in (*colluders, 5)]
    assert all(world.fees(1)[member] < world.fees(1)[colluders[0]] for member in honest)
    assert world.federation.escrow().conserved  # no money is created or lost, even here


def test_one_of_two_voters_is_at_the_bound(played: Callable[..., ByHand]) -> None:
    """Lying in a committee of three: only two vote on the update of the third.

    So one liar can get a fellow member's update rejected. In a committee of five there are four
    votes.
    """
    hand = played("deliver")
    world = hand.world
    liar, victim, other = hand.view.committee
    made = hand.score(liar)
    scores = [LOWEST if o == victim else s for o, s in zip(owners(hand), made.scores, strict=True)]
    hand.cast(liar, scores)
    hand.vote(victim, other)
    hand.play("settle", "reveal")
    assert world.weights(1)[victim] == 0 and world.pays(1)[victim] == 0
    untouched = [node for node in world.homes if node != victim]
    assert all(world.pays(1)[node] > 0 for node in untouched)


# -- silence -------------------------------------------------------------------------------------


def test_not_revealing(scored: ByHand) -> None:
    """Not revealing: the round settles on the other votes; the silent member earns nothing."""
    silent, *others = scored.view.committee
    scored.vote()
    scored.reveal(*others)
    with pytest.raises(TransactionReverted, match="WrongPhase"):
        scored.settle()
    scored.world.pass_deadline()
    scored.settle()
    world = scored.world
    assert world.fees(1)[silent] == 0 and all(world.fees(1)[member] > 0 for member in others)
    assert min(world.pays(1).values()) > 0


def test_not_voting_at_all(scored: ByHand) -> None:
    """A member never seals a vote: a quorum of four is enough."""
    silent, *others = scored.view.committee
    scored.vote(*others)
    assert scored.world.coordinator.wait(scored.view).phase == "Reveal"
    scored.reveal(*others)
    scored.settle()
    assert scored.world.fees(1)[silent] == 0 and min(scored.world.pays(1).values()) > 0


def test_more_than_a_third_silent_cancel_the_round(scored: ByHand) -> None:
    """Not revealing, by too many: the round is cancelled and its reward refunded."""
    free = scored.world.federation.escrow().free
    scored.vote(*scored.view.committee)
    scored.reveal(*scored.view.committee[:3])
    scored.world.pass_deadline()
    assert scored.view.cancellable
    scored.world.federation.advance(1)
    books = scored.world.federation.escrow()
    assert books.free == free + scored.world.terms.reward and books.earned == 0


def test_settling_with_votes_that_were_not_revealed(scored: ByHand) -> None:
    """A vote is left out, replaced or invented in settlement: the hashes do not match."""
    scored.play("reveal", "vote")
    federation = scored.world.federation
    revealed = [e["scores"] for e in federation.events("VerdictRevealed")]
    for wrong in (
        [b"", *revealed[1:]],
        [revealed[1], revealed[0], *revealed[2:]],
        [revealed[0][:-1] + b"\x00", *revealed[1:]],
        revealed[:-1],
    ):
        with pytest.raises(TransactionReverted, match="WrongScores"):
            federation.settle(1, scores=wrong)


# -- own interest --------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [HIGHEST, LOWEST, INVALID])
def test_voting_on_itself(played: Callable[..., ByHand], own: int) -> None:
    """Voting on itself: a member's score for its own update changes nothing."""
    outcomes = []
    for cheats in (False, True):
        hand = played("deliver")
        member = hand.view.committee[0]
        made = hand.score(member)
        mine = owners(hand).index(member)
        scores = [own if i == mine and cheats else s for i, s in enumerate(made.scores)]
        hand.cast(member, scores)
        conclude(hand)
        outcomes.append((hand.world.scores(1), hand.world.pays(1), hand.world.fees(1)))
    assert outcomes[0] == outcomes[1]


def test_an_owner_that_alone_scores_its_update_gains_nothing(
    make_world: Callable[..., World],
) -> None:
    """Voting on itself without other voters: an update without votes is invalid."""
    hand = ByHand(make_world(nodes=3, committee=1)).play("deliver")
    member = hand.view.committee[0]
    hand.cast(member, [HIGHEST] * 3)
    conclude(hand)
    assert hand.world.scores(1)[member] == INVALID and hand.world.pays(1)[member] == 0


def test_a_member_does_not_vote_for_its_own_copy(scored: ByHand) -> None:
    """The honest validator votes 0 on its own group, no matter what it is worth."""
    member = scored.view.committee[0]
    made = validator.vote(
        scored.nodes[member], scored.view, scored.file, scored.envelopes, lambda vector: 1.0
    )
    assert made.scores[owners(scored).index(member)] == 0
