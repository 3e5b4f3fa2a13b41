"""The phase is a pure function of storage and time; it starts at ``>=`` and ends at ``<``."""

import pytest

from collegium.protocol.digest import keccak
from collegium.protocol.model.round import Phase, Round, Stage, Status

UPDATES = [(1, b"\1" * 32), (2, b"\2" * 32)]


def scoring(seals: int, scores: int) -> Round:
    """A round whose scoring ends at 1000; the reveal window is 300, the quorum 2 of 3."""
    return Round(
        id=1,
        stage=Stage.SCORE,
        deadline=1000,
        updates=UPDATES,
        seals={slot: bytes(32) for slot in range(seals)},
        scores={slot: b"" for slot in range(scores)},
    )


@pytest.mark.parametrize(
    ("updates", "time", "expected"),
    [
        (2, 999, Status(Phase.COMMIT, 1000)),
        (2, 1000, Status(Phase.DRAW)),
        (1, 999, Status(Phase.COMMIT, 1000)),
        (1, 1000, Status(Phase.COMMIT, 1000, cancellable=True)),
        (0, 10**9, Status(Phase.COMMIT, 1000, cancellable=True)),
    ],
)
def test_commit_ends_in_a_draw_or_is_cancelled(terms, updates, time, expected):
    round_ = Round(id=1, stage=Stage.COMMIT, deadline=1000, updates=UPDATES[:updates])
    assert round_.status(terms, time) == expected


@pytest.mark.parametrize(
    ("seals", "scores", "time", "expected"),
    [
        (0, 0, 999, Status(Phase.SCORE, 1000)),
        (2, 0, 999, Status(Phase.SCORE, 1000)),
        (1, 0, 1000, Status(Phase.SCORE, 1000, cancellable=True)),
        (2, 0, 1000, Status(Phase.REVEAL, 1300)),
        (3, 2, 1299, Status(Phase.REVEAL, 1300)),
        (3, 2, 1300, Status(Phase.SETTLE)),
        (3, 3, 1000, Status(Phase.SETTLE)),
        (2, 2, 1000, Status(Phase.SETTLE)),
        (3, 1, 1299, Status(Phase.REVEAL, 1300)),
        (3, 1, 1300, Status(Phase.REVEAL, 1300, cancellable=True)),
        (2, 0, 10**9, Status(Phase.REVEAL, 1300, cancellable=True)),
    ],
)
def test_scores_are_sealed_then_revealed_then_settled(terms, seals, scores, time, expected):
    assert scoring(seals, scores).status(terms, time) == expected


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_a_phase_at_every_time(terms, stage):
    round_ = Round(id=1, stage=stage, deadline=1000)
    for time in (0, 999, 1000, 2**40):
        status = round_.status(terms, time)
        assert status.phase in Phase
        assert status.cancellable <= round_.live


def test_the_accumulator_chains_commitments_in_order():
    round_ = Round(id=7)
    assert round_.accumulator == (7).to_bytes(32, "big")
    round_.updates.append(UPDATES[0])
    once = keccak((7).to_bytes(32, "big") + b"\0\1" + b"\1" * 32)
    assert round_.accumulator == once
    round_.updates.append(UPDATES[1])
    assert round_.accumulator == keccak(once + b"\0\2" + b"\2" * 32)
    swapped = Round(id=7, updates=UPDATES[::-1])
    assert swapped.accumulator != round_.accumulator


def test_the_view_shows_bitmaps_of_seats_and_slots(terms):
    round_ = scoring(2, 1)
    round_.members = {0: 1, 3: 2, 9: 5}
    round_.attested = {2}
    view = round_.view(terms, 1000)
    assert view["members"] == 1 + 8 + 512 and view["committed"] == 1 + 8
    assert (view["sealedSlots"], view["revealedSlots"], view["attestedSlots"]) == (3, 1, 4)
    assert (view["phase"], view["deadline"], view["updates"]) == (Phase.REVEAL, 1300, 2)
    assert Round().view(terms, 0)["accumulator"] == bytes(32)
