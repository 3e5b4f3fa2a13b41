"""One round from opening to final state; every step reverts at the wrong time."""

import copy
from dataclasses import replace

import pytest
from tests.support.consortium import GENESIS, refused

from collegium.protocol import draw, ledger, packed, signing, verdict
from collegium.protocol.digest import keccak
from collegium.protocol.model.federation import ALREADY_COMMITTED, BAD_SIGNATURE, NOT_ACTIVE
from collegium.protocol.model.machine import Context, Revert
from collegium.protocol.model.round import Phase, Stage

ROOT = b"\x09" * 32


def phase(consortium) -> Phase:
    return consortium.model.status(consortium.time).phase


def test_a_whole_round(consortium, terms):
    model = consortium.model
    opened, reserved = consortium.open()
    assert opened.args == {"round": 1, "base": GENESIS, "members": 31, "deadline": 1100}
    assert reserved.args == {"amount": terms.reward}
    events = consortium.commit(3, 1)
    assert [event.args["id"] for event in events] == [3, 1]
    assert phase(consortium) == Phase.COMMIT
    (drawn,) = consortium.draw()
    seed = draw.seed(consortium.prevrandao, model.domain.federation, 1)
    committee = [seat + 1 for seat in draw.committee(seed, range(5), 3)]
    expected = {"round": 1, "seed": seed, "committee": committee, "aggregator": 2, "deadline": 1300}
    assert drawn.args == expected

    for slot in range(3):
        consortium.seal(slot, [200, 100])
    assert phase(consortium) == Phase.REVEAL  # all have committed
    for slot in range(3):
        (revealed,) = consortium.reveal(slot, [200, 100])
        assert revealed.args["scores"] == verdict.encode_scores([200, 100])
    assert phase(consortium) == Phase.SETTLE

    settled, moved = consortium.settle()
    assert (settled.name, moved.name) == ("RoundSettled", "Settled")
    results = packed.unpack_results(settled.args["results"])
    assert results == [(200, 43690, 566_666), (100, 21845, 283_333)]
    fees = packed.unpack_fees(settled.args["fees"])
    earned = 849_999 + sum(fees)
    assert settled.args["earned"] == earned == sum(settled.args["totals"])
    assert settled.args["released"] == terms.reward - earned - 50_000
    assert settled.args["ledgerRoot"] == ledger.root(model.totals) == model.vault.ledger_root
    accepted = b"".join(
        id.to_bytes(2, "big") + consortium.digest(id) + weight.to_bytes(2, "big")
        for id, weight in ((3, 43690), (1, 21845))
    )
    assert settled.args["outcome"] == keccak(accepted)

    (proposed,) = consortium.propose(ROOT)
    assert proposed.args["proposer"] == 2 and proposed.args["root"] == ROOT
    end = consortium.time + terms.challenge_window
    (attested,) = consortium.attest(0)
    assert attested.args == {"round": 1, "slots": 1, "deadline": end}
    (attested,) = consortium.attest(2)
    end = consortium.time + terms.dispute_window
    assert attested.args == {"round": 1, "slots": 5, "deadline": end} and model.state_root != ROOT
    consortium.expire()
    final, credited = consortium.advance()
    assert final.args == {"round": 1, "root": ROOT} and model.state_root == ROOT
    assert credited.args == {"id": 2, "amount": 50_000}
    assert consortium.open()[0].args["round"] == 2


def test_when_all_have_committed_the_draw_waits_for_the_next_block_only(consortium):
    consortium.open()
    consortium.commit(1, 2, 3, 4, 5)
    assert phase(consortium) == Phase.COMMIT
    with refused("NothingDue"):
        consortium.advance()
    consortium.time += 1
    assert phase(consortium) == Phase.DRAW


def test_a_batch_commits_good_items_and_names_bad_ones(consortium, make_consortium):
    consortium.open()
    consortium.join()
    consortium.commit(1)
    good, late, double = (consortium.commitment(id) for id in (2, 6, 1))
    forged = consortium.commitment(3, key=consortium.key(2))
    garbage = good[:52] + b"\xff" * 64
    items = forged + good + late + double + good + garbage
    events = consortium.call(consortium.anybody, "commitUpdates", round=1, items=items)
    skipped = [(event.args["account"], event.args["reason"]) for event in events[:-1]]
    assert skipped == [
        (consortium.account(3), BAD_SIGNATURE),
        (consortium.account(6), NOT_ACTIVE),
        (consortium.account(1), ALREADY_COMMITTED),
        (consortium.account(2), ALREADY_COMMITTED),
        (consortium.account(2), BAD_SIGNATURE),
    ]
    assert events[-1].args["updates"] == packed.pack_updates([(2, consortium.digest(2))])
    assert [id for id, _ in consortium.round.updates] == [1, 2]
    events = consortium.call(consortium.anybody, "commitUpdates", round=1, items=forged)
    assert [event.name for event in events] == ["CommitSkipped"]


def test_a_batch_completes_a_round_as_single_commitments_do(consortium):
    consortium.open()
    items = b"".join(consortium.commitment(id) for id in range(1, 6))
    consortium.call(consortium.anybody, "commitUpdates", round=1, items=items)
    assert consortium.round.deadline == consortium.time + 1


@pytest.mark.parametrize("items", [b"", b"\0" * 115, b"\0" * 117])
def test_a_batch_of_another_length_is_refused(consortium, items):
    consortium.open()
    with refused("BadLength"):
        consortium.call(consortium.anybody, "commitUpdates", round=1, items=items)


def test_a_signature_for_another_base_or_round_is_skipped(consortium):
    consortium.finished()
    consortium.open()
    digest = consortium.digest(2)
    for round_id, base in ((1, consortium.model.state_root), (2, GENESIS)):
        typed = consortium.model.domain.update_digest(round_id, consortium.account(2), base, digest)
        signature = signing.compact(signing.sign(typed, consortium.key(2)))
        item = packed.pack_commitment(consortium.account(2), digest, signature)
        (event,) = consortium.call(consortium.anybody, "commitUpdates", round=2, items=item)
        assert event.args["reason"] == BAD_SIGNATURE


def test_too_few_updates_cancel_the_round_and_free_the_reward(consortium, terms):
    consortium.open()
    consortium.commit(1)
    consortium.expire()
    cancelled, released = consortium.advance()
    assert cancelled.args == {"round": 1, "phase": Phase.COMMIT}
    assert released.args == {"amount": terms.reward}
    assert consortium.model.vault.reserved == 0 and consortium.model.state_root == GENESIS
    assert consortium.open()[0].args["round"] == 2


@pytest.mark.parametrize(
    ("seals", "reached"), [(0, Phase.SCORE), (1, Phase.SCORE), (2, Phase.REVEAL)]
)
def test_too_few_verdicts_cancel_the_round(consortium, seals, reached):
    consortium.open()
    consortium.commit(1, 2)
    consortium.draw()
    for slot in range(seals):
        consortium.seal(slot, [1, 2])
    if seals == 2:
        consortium.expire()
        consortium.reveal(0, [1, 2])
    consortium.expire()
    cancelled, released, *slashed = consortium.advance()
    assert cancelled.args == {"round": 1, "phase": reached} and released.name == "Released"
    names = [event.name for event in slashed]
    assert names == (["Slashed", "NodeSlashed"] if reached == Phase.REVEAL else [])


def test_a_quorum_settles_without_the_silent(consortium):
    consortium.open()
    consortium.commit(1, 2)
    consortium.draw()
    for slot in (0, 2):
        consortium.seal(slot, [100, 100])
    consortium.expire()
    for slot in (0, 2):
        consortium.reveal(slot, [100, 100])
    settled = consortium.settle()[0]
    assert packed.unpack_fees(settled.args["fees"])[1] == 0


def test_after_the_deadline_any_active_node_can_propose(consortium):
    consortium.settled()
    turn = consortium.round.aggregator
    other = turn % 5 + 1
    with refused("NotAggregator"):
        consortium.propose(ROOT, other)
    consortium.expire()
    consortium.propose(ROOT, other)
    assert consortium.round.proposer == other
    consortium.final()
    assert consortium.model.vault.payees[other].bonus == 50_000
    assert consortium.model.vault.payees[turn].bonus == 0


def test_nothing_accepted_ends_the_round_on_its_base(consortium, terms):
    settled = consortium.settled([-(10**6)] * 5)
    assert [event.name for event in settled] == ["RoundSettled", "Settled", "RoundFinalised"]
    assert settled[0].args["outcome"] == keccak(b"")
    assert consortium.model.state_root == GENESIS and consortium.round.stage == Stage.FINAL
    assert consortium.model.vault.reserved == 0
    assert settled[0].args["released"] == terms.reward - settled[0].args["earned"]


def test_pausing_stops_opening_only(consortium):
    consortium.open()
    consortium.call(consortium.admin, "pause")
    consortium.commit(1, 2)
    consortium.draw()
    for step in (consortium.seal, consortium.reveal):
        for slot in range(3):
            step(slot, [1, 2])
    consortium.settle()
    consortium.propose(ROOT)
    consortium.final()
    with refused("EnforcedPause"):
        consortium.open()
    with refused("EnforcedPause"):
        consortium.call(consortium.admin, "pause")
    consortium.call(consortium.admin, "unpause")
    with refused("ExpectedPause"):
        consortium.call(consortium.admin, "unpause")
    consortium.open()


def test_opening_is_refused_unless_everything_is_ready(make_consortium, consortium, terms):
    admin = consortium.admin
    with refused("AccessControlUnauthorizedAccount"):
        consortium.call(consortium.anybody, "openRound", base=GENESIS)
    with refused("WrongBase"):
        consortium.call(admin, "openRound", base=ROOT)
    consortium.open()
    with refused("WrongPhase"):
        consortium.open()
    with refused("TooFewNodes"):
        make_consortium(terms, nodes=2).open()
    with refused("InsufficientFree"):
        make_consortium(terms, escrow=terms.reward - 1).open()
    make_consortium(replace(terms, reward=0), escrow=0).open()


def test_calls_for_another_round_are_refused(consortium):
    with refused("WrongRound"):
        consortium.call(consortium.anybody, "advance", round=0)
    consortium.open()
    for name, args in (
        ("commitUpdate", {"digest": ROOT}),
        ("commitUpdates", {"items": bytes(116)}),
        ("advance", {}),
        ("commitVerdict", {"slot": 0, "seal": ROOT}),
        ("revealVerdict", {"slot": 0, "scores": b"", "salt": ROOT}),
        ("settle", {"updates": b"", "scores": [], "ledger": []}),
        ("proposeMerge", {"root": ROOT}),
        ("attestMerge", {"signatures": bytes(65)}),
    ):
        for round_id in (0, 2):
            with refused("WrongRound"):
                consortium.call(consortium.signer(1), name, round=round_id, **args)
        if name not in ("commitUpdate", "commitUpdates", "advance"):
            with refused("WrongPhase"):
                consortium.call(consortium.signer(1), name, round=1, **args)


def test_only_the_committee_votes_each_in_its_slot(consortium):
    consortium.open()
    consortium.commit(1, 2)
    with refused("AlreadyCommitted"):
        consortium.commit(2)
    consortium.draw()
    outsider = next(id for id in range(1, 6) if id not in consortium.round.committee)
    for sender, slot in (
        (consortium.signer(outsider), 0),
        (consortium.member(0), 1),
        (consortium.member(0), 3),
        (consortium.account(consortium.round.committee[0]), 0),
    ):
        with refused("NotMember"):
            consortium.call(sender, "commitVerdict", round=1, slot=slot, seal=ROOT)
    consortium.seal(0, [1, 2])
    with refused("AlreadySealed"):
        consortium.seal(0, [2, 1])


def test_a_verdict_opens_only_as_it_was_sealed(consortium):
    consortium.open()
    consortium.commit(1, 2)
    consortium.draw()
    consortium.seal(0, [1, 2])
    stolen = consortium.round.seals[0]
    consortium.call(consortium.member(1), "commitVerdict", round=1, slot=1, seal=stolen)
    consortium.expire()
    with refused("NothingSealed"):
        consortium.reveal(2, [1, 2])
    with refused("BadLength"):
        consortium.reveal(0, [1, 2, 3])
    with refused("WrongOpening"):
        consortium.reveal(0, [1, 3])
    with refused("NotMember"):
        consortium.call(
            consortium.member(1), "revealVerdict", round=1, slot=0, scores=bytes(8), salt=ROOT
        )
    consortium.reveal(0, [1, 2])
    with refused("WrongOpening"):  # the thief knows scores and salt now
        consortium.reveal(1, [1, 2])
    with refused("NothingSealed"):
        consortium.reveal(0, [1, 2])


def test_settling_on_other_lists_than_the_recorded_ones_is_refused(consortium):
    consortium.finished()
    consortium.open()
    consortium.commit(1, 2)
    consortium.draw()
    for slot in (0, 1):
        consortium.seal(slot, [1, 2])
    consortium.expire()
    for slot in (0, 1):
        consortium.reveal(slot, [1, 2])
    good = consortium.settlement()
    updates, scores = good["updates"], good["scores"]
    for name, changes in (
        ("WrongUpdates", {"updates": updates[34:] + updates[:34]}),
        ("WrongUpdates", {"updates": updates[:34]}),
        ("WrongUpdates", {"updates": updates + bytes(34)}),
        ("WrongScores", {"scores": scores[:2]}),
        ("WrongScores", {"scores": [scores[0], verdict.encode_scores([9, 9]), b""]}),
        ("WrongScores", {"scores": [scores[0], scores[1], scores[0]]}),
        ("WrongScores", {"scores": [scores[0], b"", b""]}),
        ("WrongLedger", {"ledger": []}),
        ("WrongLedger", {"ledger": [total + 1 for total in good["ledger"]]}),
    ):
        with refused(name):
            consortium.call(consortium.anybody, "settle", **(good | changes))
    consortium.call(consortium.anybody, "settle", **good)


def test_only_active_nodes_propose_and_only_the_committee_attests(consortium):
    consortium.settled()
    with refused("NotActive"):
        consortium.call(consortium.anybody, "proposeMerge", round=1, root=ROOT)
    consortium.propose(ROOT)
    outsider = next(id for id in range(1, 6) if id not in consortium.round.committee)
    good = consortium.attestation(0, ROOT)
    for signatures in (
        consortium.attestation(0, ROOT, key=consortium.key(outsider)),
        consortium.attestation(0, b"\x0a" * 32),
        b"\1" + good[1:],
        b"\x03" + good[1:],
        good + bytes(65),
    ):
        with refused("BadSignature"):
            consortium.call(consortium.anybody, "attestMerge", round=1, signatures=signatures)
    for signatures in (b"", good[:-1]):
        with refused("BadLength"):
            consortium.call(consortium.anybody, "attestMerge", round=1, signatures=signatures)
    for _ in range(2):  # the same attestation twice counts once
        assert consortium.attest(0)[0].args["slots"] == 1
    assert phase(consortium) == Phase.PROPOSED


def test_a_node_that_joins_later_is_in_the_ledger_with_zero(consortium):
    consortium.settled()
    consortium.join()
    assert len(consortium.model.totals) == 5
    consortium.propose()
    consortium.final()
    consortium.finished()
    assert len(consortium.model.totals) == 6


def test_a_validator_does_not_vote_on_itself(make_consortium, terms):
    """Three nodes all train and are all on the committee: each update has two votes."""
    consortium = make_consortium(terms, nodes=3)
    consortium.open()
    consortium.commit(1, 2, 3)
    consortium.draw()
    for step in (consortium.seal, consortium.reveal):
        for slot, id in enumerate(consortium.round.committee):
            step(slot, [10**6 if id == owner else 100 for owner in (1, 2, 3)])
    settled = consortium.settle()[0]
    assert [row[0] for row in packed.unpack_results(settled.args["results"])] == [100] * 3


@pytest.mark.parametrize("name", ["reserve", "_draw", "settlement", "call", "__init__", "nothing"])
def test_only_functions_of_the_contracts_can_be_called(consortium, name):
    with refused("UnknownFunction"):
        consortium.model.call(Context(consortium.admin, 0), name)


def test_a_reverted_call_changes_nothing(consortium):
    consortium.settled()
    consortium.propose(ROOT)
    consortium.attest(0)
    before = copy.deepcopy(consortium.model.__dict__)
    for sender, name, args in (
        (consortium.anybody, "attestMerge", {"round": 1, "signatures": bytes(65)}),
        (consortium.admin, "openRound", {"base": ROOT}),
        (consortium.admin, "withdraw", {"amount": 10**9}),
        (consortium.anybody, "claim", {"id": 1, "total": 1, "proof": []}),
        (consortium.account(1), "register", consortium.registration(9)),
    ):
        with pytest.raises(Revert):
            consortium.call(sender, name, **args)
    after = consortium.model.__dict__
    for key in ("round", "state_root", "totals", "nodes", "paused", "seated", "admitted"):
        assert after[key] == before[key]
    assert vars(after["vault"])["payees"] == vars(before["vault"])["payees"]
    assert after["log"].events == []
