"""How a round ends: with an attested merge or on its base; and what dishonesty costs."""

from dataclasses import replace

import pytest
from tests.support.consortium import GENESIS, refused

from collegium.protocol import state
from collegium.protocol.model.machine import ZERO_ADDRESS, Context, Revert
from collegium.protocol.model.phases import Offence
from collegium.protocol.model.proposals import MAX_PROPOSALS
from collegium.protocol.model.registry import LeaveReason
from collegium.protocol.model.round import Phase, Stage
from collegium.protocol.settlement import INVALID

GARBAGE = b"\x09" * 32


def phase(consortium) -> Phase:
    return consortium.model.status(consortium.time).phase


def slashed(events) -> list[tuple[int, Offence, int]]:
    found = [event.args for event in events if event.name == "NodeSlashed"]
    return [(args["id"], args["offence"], args["amount"]) for args in found]


def others(consortium, *, but: set[int] = frozenset()) -> list[int]:
    """Members of the round that are not the aggregator."""
    turn = consortium.round.aggregator
    return [id for id in consortium.round.members.values() if id != turn and id not in but]


# -- attestation -----------------------------------------------------------------------------------


def test_a_quorum_starts_the_dispute_window(consortium, terms):
    consortium.proposed()
    challenge = consortium.time + terms.challenge_window
    consortium.time += 10
    assert consortium.attest(0)[0].args["deadline"] == challenge
    assert consortium.attest(1)[0].args["deadline"] == consortium.time + terms.dispute_window
    end = consortium.round.deadline
    consortium.time += 5
    assert consortium.attest(2)[0].args == {"round": 1, "slots": 7, "deadline": end}
    assert phase(consortium) == Phase.PROPOSED and consortium.model.state_root == GENESIS
    consortium.time = end - 1
    with refused("NothingDue", phase=Phase.PROPOSED):
        consortium.advance()
    consortium.time = end
    final, credited = consortium.advance()
    assert final.args["root"] == consortium.model.state_root == consortium.round.proposal
    assert credited.args["id"] == consortium.round.proposer


def test_a_late_quorum_does_not_extend_the_challenge_window(consortium, terms):
    consortium.proposed()
    end = consortium.time + terms.challenge_window
    consortium.time = end - 1
    assert consortium.attest(0, 1)[0].args["deadline"] == end


# -- rejection -------------------------------------------------------------------------------------


def test_silence_does_not_make_a_merge_final(consortium):
    """No one can disprove a root whose state is unknown: without a quorum it is rejected."""
    consortium.settled()
    turn = consortium.round.aggregator
    consortium.propose(GARBAGE)
    consortium.attest(0)
    consortium.expire()
    (event,) = consortium.advance()
    assert event.name == "MergeRejected"
    none = {"proposer": turn, "root": GARBAGE, "challenger": ZERO_ADDRESS}
    assert event.args == {"round": 1, **none}
    round_ = consortium.round
    assert (round_.proposer, round_.proposal, round_.attested) == (0, bytes(32), set())
    assert phase(consortium) == Phase.MERGE
    with refused("ProposerBarred", id=turn):
        consortium.propose()
    other = others(consortium)[0]
    consortium.propose(id=other)  # at once, because the aggregator had its turn
    consortium.final()
    assert consortium.model.vault.payees[other].bonus == 50_000
    assert consortium.model.vault.forfeited == 0  # being slow is not an offence


def test_the_fourth_rejection_ends_the_round_on_its_base(consortium, terms):
    consortium.settled()
    free = consortium.model.vault.free
    for id in (consortium.round.aggregator, *others(consortium)[: MAX_PROPOSALS - 1]):
        consortium.propose(GARBAGE, id)
        consortium.expire()
        events = consortium.advance()
    assert [event.name for event in events] == ["MergeRejected", "RoundFinalised", "Released"]
    assert events[1].args == {"round": 1, "root": GENESIS} and events[2].args["amount"] == 50_000
    assert consortium.model.state_root == GENESIS and consortium.model.vault.free == free + 50_000
    assert consortium.round.view(terms, consortium.time)["rejected"] == 4
    consortium.open()


def test_a_round_in_which_nobody_proposes_ends_on_its_base(consortium, terms):
    consortium.settled()
    consortium.time = consortium.round.deadline + terms.challenge_window - 1
    with refused("NothingDue", phase=Phase.MERGE):
        consortium.advance()
    consortium.time += 1
    final, released = consortium.advance()
    assert final.args == {"round": 1, "root": GENESIS} and released.args["amount"] == 50_000
    assert consortium.model.vault.reserved == 0
    consortium.open()


def test_a_node_with_too_little_stake_left_cannot_propose(consortium):
    consortium.open()
    consortium.commit(1, 2, 3, 4, 5)
    consortium.draw()
    for slot in range(3):
        consortium.seal(slot, [1] * 5)
    for slot in (0, 1):
        consortium.reveal(slot, [1] * 5)
    consortium.expire()
    events = consortium.settle()
    poor = consortium.round.committee[2]
    assert slashed(events) == [(poor, Offence.UNREVEALED, 50)]
    assert [event.name for event in events] == [
        *("RoundSettled", "Settled", "Slashed", "NodeSlashed")
    ]
    consortium.expire()
    with refused("NotBonded", id=poor, stake=450, bond=500):
        consortium.propose(id=poor)


# -- dispute ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("lane", [0, 200, 511])
def test_a_disproved_merge_costs_its_proposer_and_its_attesters(consortium, lane):
    consortium.proposed(altered=lane)
    honest = state.root(consortium.merged())
    root, turn = consortium.round.proposal, consortium.round.aggregator
    consortium.attest(0, 2)
    committee = consortium.round.committee
    events = consortium.dispute(sender=consortium.account(1))
    liars = [committee[slot] for slot in (0, 2) if committee[slot] != turn]
    expected = [(turn, Offence.MERGE, 500), *((id, Offence.ATTESTATION, 250) for id in liars)]
    assert slashed(events) == expected
    left = [event for event in events if event.name == "NodeLeft"]
    assert [event.args["id"] for event in left] == [turn]  # half of the stake is enough to stay
    assert left[0].args["reason"] == LeaveReason.SLASHED
    assert events[-1].name == "MergeRejected"
    by = consortium.account(1)
    assert events[-1].args == {"round": 1, "proposer": turn, "root": root, "challenger": by}
    assert consortium.model.vault.owed == {by: 250 + 125 * len(liars)}
    consortium.propose(id=others(consortium, but=set(liars))[0])
    consortium.final()
    assert consortium.model.state_root == honest


def test_a_proposer_that_also_attests_is_slashed_once(make_consortium, terms):
    consortium = make_consortium(replace(terms, merge_penalty=100), nodes=3)
    consortium.proposed(altered=3)
    consortium.attest(0, 1, 2)
    turn = consortium.round.aggregator
    offences = {id: offence for id, offence, _ in slashed(consortium.dispute())}
    assert offences.pop(turn) == Offence.MERGE
    assert set(offences.values()) == {Offence.ATTESTATION} and len(offences) == 2


def test_a_merge_is_open_to_dispute_until_it_is_final(consortium):
    consortium.proposed(altered=3)
    proof = consortium.proof()
    consortium.attest(0, 1)
    consortium.expire()
    consortium.dispute(proof)  # no one has finalised it yet
    with refused("WrongPhase", phase=Phase.MERGE):
        consortium.dispute(proof)


def test_a_frivolous_dispute_changes_nothing(consortium):
    consortium.proposed()
    with refused("MergeCorrect"):
        consortium.dispute()
    assert consortium.round.stage == Stage.PROPOSED and consortium.model.vault.staked == 2500
    good = consortium.proof()
    for changes, error in (
        ({"round": 2}, "WrongRound"),
        ({"accepted": b""}, "WrongOutcome"),
        ({"block": 8}, "WrongBlock"),
        ({"leaf": 0}, "WrongLeaf"),
    ):
        with refused(error):
            consortium.dispute(replace(good, **changes))


def test_the_round_ends_honestly_after_dishonest_proposals(consortium):
    consortium.settled()
    honest = state.root(consortium.merged())
    *liars, last = (consortium.round.aggregator, *others(consortium)[: MAX_PROPOSALS - 1])
    for id in liars:
        consortium.propose(state.root(consortium.merged(altered=id)), id)
        consortium.dispute()
    consortium.propose(id=last)
    consortium.final()
    assert consortium.model.state_root == honest


# -- votes and updates -----------------------------------------------------------------------------


def test_an_update_that_the_committee_found_invalid_costs_its_owner(consortium):
    events = consortium.settled([100, INVALID, 100, 100, INVALID])
    owners = [id for id, _ in consortium.round.updates]
    assert slashed(events) == [(owners[i], Offence.INVALID, 50) for i in (1, 4)]


def test_an_update_that_nobody_could_vote_on_costs_nothing(make_consortium, terms):
    """The only validator has no vote on its own update."""
    consortium = make_consortium(replace(terms, committee=1, min_updates=1), nodes=1)
    events = consortium.settled([INVALID])
    assert slashed(events) == []
    assert [event.name for event in events] == ["RoundSettled", "Settled", "RoundFinalised"]


def test_votes_that_stay_sealed_cost_their_owners_though_the_round_is_cancelled(consortium):
    consortium.open()
    consortium.commit(1, 2)
    consortium.draw()
    for slot in (0, 2):
        consortium.seal(slot, [1, 1])
    consortium.expire()
    consortium.reveal(0, [1, 1])
    consortium.expire()
    events = consortium.advance()
    silent = consortium.round.committee[2]
    assert slashed(events) == [(silent, Offence.UNREVEALED, 50)]
    assert [event.name for event in events[:2]] == ["RoundCancelled", "Released"]


def test_without_stakes_a_dispute_still_rejects_the_merge(make_consortium, terms):
    consortium = make_consortium(replace(terms, stake=0))
    consortium.proposed(altered=3)
    events = consortium.dispute()
    assert [event.name for event in events] == ["MergeRejected"]


# -- equivocation ----------------------------------------------------------------------------------


def test_two_updates_for_one_round_cost_the_stake_and_the_membership(consortium):
    consortium.finished()
    consortium.open()
    two = consortium.equivocation(2)
    events = consortium.call(consortium.anybody, "proveEquivocation", **two)
    assert slashed(events) == [(2, Offence.EQUIVOCATION, 500)]
    assert events[1].args["reporter"] == consortium.anybody
    assert [event.name for event in events[2:]] == ["NodeLeft", "Unbonding"]
    with refused("AlreadyProven", id=2, round=2):
        consortium.call(consortium.anybody, "proveEquivocation", **two)
    earlier = consortium.equivocation(2, round=1)
    with refused("NothingAtStake", id=2):
        consortium.call(consortium.anybody, "proveEquivocation", **earlier)


def test_equivocation_is_proven_long_after_its_round(consortium):
    for _ in range(2):
        consortium.finished()
    keys = {"encryptionKey": bytes(32), "transportKey": bytes(32)}
    consortium.call(consortium.account(2), "rotate", signer=consortium.signer(9), **keys)
    two = consortium.equivocation(2, key=consortium.key(2), round=1)
    events = consortium.call(consortium.anybody, "proveEquivocation", **two)
    assert events[1].args["round"] == 1 and slashed(events)[0][0] == 2


def test_only_two_different_updates_by_the_key_of_the_round_are_equivocal(consortium):
    consortium.open()
    signature = consortium.equivocation(2)["signatures"]
    third = consortium.equivocation(3)["signatures"]
    for lie in (
        consortium.equivocation(2, digests=[b"\1" * 32, b"\1" * 32]),
        consortium.equivocation(2) | {"signatures": signature[:2] + third[2:]},
        consortium.equivocation(2) | {"signatures": [bytes(32)] * 4},
        consortium.equivocation(2) | {"base": bytes(32)},
        consortium.equivocation(2, key=consortium.key(3)),
        consortium.equivocation(2, account=consortium.account(3)),
        consortium.equivocation(2, round=0),
        consortium.equivocation(2, key=consortium.key(99)),
    ):
        with refused("NotEquivocal"):
            consortium.call(consortium.anybody, "proveEquivocation", **lie)


@pytest.mark.parametrize("name", ["disprove", "punish"])
def test_calls_reserved_for_the_disputes_contract_are_unknown(consortium, name):
    with pytest.raises(Revert, match="UnknownFunction"):
        consortium.model.call(Context(consortium.admin, 0), name)
