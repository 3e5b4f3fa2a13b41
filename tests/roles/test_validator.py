"""A validator scores once, seals and reveals once, and attests only what it can recompute."""

from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

import numpy as np
import pytest
from tests.support.by_hand import ByHand
from tests.support.world import site

from collegium.errors import BadProof, BlobMissing, RoundFailed
from collegium.protocol import signing, state
from collegium.protocol.container import encode_state
from collegium.protocol.settlement import INVALID
from collegium.roles import validator


@pytest.fixture
def delivered(played: Callable[..., ByHand]) -> ByHand:
    return played("deliver")


def first(hand: ByHand) -> int:
    """The committee member in slot 0."""
    return hand.view.committee[0]


def must_not_be_called(vector: np.ndarray) -> NoReturn:
    raise AssertionError("scored again")


# -- scoring -------------------------------------------------------------------------------------


def test_honest_updates_score_well_and_its_own_is_left_out(delivered: ByHand) -> None:
    number = first(delivered)
    made = delivered.score(number)
    by_node = dict(zip((u.node for u in delivered.view.updates), made.scores, strict=True))
    assert by_node.pop(number) == 0
    assert len(by_node) == 4 and all(score > 10_000 for score in by_node.values())
    assert not any(made.findings.values())


def test_asked_again_it_gives_the_same_vote(delivered: ByHand) -> None:
    number = first(delivered)
    made = delivered.score(number)
    restarted = delivered.world.node(number)
    again = validator.vote(
        restarted, delivered.view, delivered.file, delivered.envelopes, must_not_be_called
    )
    assert again == made


def test_a_vote_on_other_updates_is_not_reused(delivered: ByHand) -> None:
    """After a reorganisation the same round can hold the same updates in another order."""
    number = first(delivered)
    made, view = delivered.score(number), delivered.view
    turned = replace(view, updates=view.updates[::-1])
    again = validator.vote(
        delivered.nodes[number], turned, delivered.file, delivered.envelopes, site(number).loss
    )
    assert again.scores == made.scores[::-1] != made.scores


def test_who_is_not_in_the_committee_scores_nothing(delivered: ByHand) -> None:
    outsider = next(n for n in delivered.nodes if n not in delivered.view.committee)
    with pytest.raises(RoundFailed, match=f"node {outsider} in the committee"):
        validator.vote(
            delivered.nodes[outsider],
            delivered.view,
            delivered.file,
            delivered.envelopes,
            must_not_be_called,
        )


def test_a_state_other_than_the_base_is_refused(delivered: ByHand) -> None:
    number, other = first(delivered), delivered.base.copy()
    other[0] = 1
    with pytest.raises(BadProof):
        validator.vote(
            delivered.nodes[number],
            delivered.view,
            encode_state(other),
            delivered.envelopes,
            must_not_be_called,
        )


def test_what_was_not_delivered_is_invalid(delivered: ByHand) -> None:
    number = first(delivered)
    missing = next(n for n in delivered.nodes if n != number)
    del delivered.envelopes[missing]
    made = delivered.score(number)
    by_node = dict(zip((u.node for u in delivered.view.updates), made.scores, strict=True))
    assert by_node[missing] == INVALID
    assert [f.code for f in made.findings[missing]] == ["missing"]


def test_nobody_scores_before_the_draw(hand: ByHand) -> None:
    hand.play("commit")
    with pytest.raises(RoundFailed):
        validator.vote(hand.nodes[1], hand.view, hand.file, {}, must_not_be_called)


# -- sealing and revealing -----------------------------------------------------------------------


def test_sealing_and_revealing_twice_is_doing_it_once(delivered: ByHand) -> None:
    number = first(delivered)
    for _ in range(2):
        delivered.vote(number)
    delivered.vote()
    for _ in range(2):
        delivered.reveal(number)
    names = [e.name for e in delivered.world.federation.events()]
    assert names.count("VerdictCommitted") == 3 and names.count("VerdictRevealed") == 1


def test_what_is_revealed_after_a_restart_opens_the_seal(delivered: ByHand) -> None:
    delivered.vote()
    for number in delivered.view.committee:
        delivered.nodes[number] = delivered.world.node(number)
        delivered.reveal(number)
    assert delivered.view.revealed == {0, 1, 2}


def test_nothing_is_revealed_that_was_not_sealed(delivered: ByHand) -> None:
    number = first(delivered)
    others = [n for n in delivered.view.committee if n != number]
    delivered.score(number)  # in the journal, but never sealed
    delivered.vote(*others)
    delivered.world.pass_deadline()
    delivered.reveal(number)
    assert delivered.view.phase == "Reveal" and delivered.view.revealed == frozenset()


def test_a_lost_journal_is_named(delivered: ByHand) -> None:
    delivered.vote()
    number = first(delivered)
    (delivered.world.homes[number].journal(1).folder / "vote.json").unlink()
    with pytest.raises(RoundFailed, match="journal of node"):
        delivered.reveal(number)


def test_equal_votes_have_different_seals(delivered: ByHand) -> None:
    """The salt is of the node and of the round, so a seal tells nothing about the vote in it."""
    made = [delivered.score(n) for n in delivered.view.committee]
    assert len({m.salt for m in made}) == 3
    assert all(len(m.salt) == 32 for m in made)


# -- attesting -----------------------------------------------------------------------------------


def test_it_signs_the_right_root(played: Callable[..., ByHand]) -> None:
    hand = played("propose")
    number = first(hand)
    slot, signature = validator.attest(hand.nodes[number], hand.view, hand.file, hand.envelopes)
    message = hand.world.domain.merge_digest(1, state.root(hand.merged))
    assert slot == 0
    signing.verify(message, signature, hand.nodes[number].keys.signer.address)


def test_it_does_not_sign_another_root(played: Callable[..., ByHand]) -> None:
    hand = played("settle")
    view = hand.view
    hand.nodes[view.aggregator].federation.propose_merge(view.id, b"\x13" * 32)
    with pytest.raises(RoundFailed, match="Do not attest"):
        validator.attest(hand.nodes[first(hand)], hand.view, hand.file, hand.envelopes)


def test_it_does_not_sign_what_it_cannot_recompute(played: Callable[..., ByHand]) -> None:
    hand = played("propose")
    number = first(hand)
    home = hand.nodes[number].home
    home.forget_deliveries(before=2)
    with pytest.raises(BlobMissing):
        validator.attest(hand.nodes[number], hand.view, hand.file, {})


def test_who_is_not_in_the_committee_cannot_attest(played: Callable[..., ByHand]) -> None:
    hand = played("propose")
    view = hand.view
    others = [n for n in hand.nodes if n not in view.committee and n != view.aggregator]
    for number in others:
        with pytest.raises((RoundFailed, BlobMissing)):
            validator.attest(hand.nodes[number], view, hand.file, hand.envelopes)
