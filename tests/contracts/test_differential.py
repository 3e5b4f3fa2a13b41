"""The contracts behave like the reference model for calls in any order."""

from collections import Counter
from dataclasses import replace

import pytest
from tests.contracts.twin import Twin
from tests.support.consortium import GENESIS, refused
from tests.support.crowd import Crowd
from tests.support.terms import TERMS


@pytest.fixture
def twin(founded, tmp_path) -> Twin:
    return founded.fork(tmp_path / "chain")


def refusal(error: str, step, *args, **kwargs) -> None:
    with refused(error):
        step(*args, **kwargs)


def test_two_rounds_and_all_claims(twin):
    twin.finished()
    twin.join()
    twin.settled(scores=[70, -30, 0, 500, -(2**31), 12])
    twin.propose(b"\x0a" * 32)
    twin.expire()
    twin.advance()
    for id in range(1, 7):
        if twin.model.totals[id - 1]:
            twin.claim(id)
            refusal("NothingToClaim", twin.claim, id)
    assert twin.model.vault.claimed_total == twin.model.vault.earned > 0
    assert twin.compared > 50


def test_refusals_are_the_same(twin):
    admin, stranger = twin.admin, twin.anybody
    refusal("WrongRound", twin.advance)
    refusal("AccessControlUnauthorizedAccount", twin.call, stranger, "openRound", base=bytes(32))
    refusal("WrongBase", twin.call, admin, "openRound", base=bytes(32))
    refusal("NotAdmitted", twin.call, stranger, "register", **twin.registration(9))
    refusal("AccountTaken", twin.call, twin.account(1), "register", **twin.registration(9))
    twin.call(admin, "admit", account=stranger, allowed=True)
    refusal("SignerTaken", twin.call, stranger, "register", **twin.registration(1))
    refusal("UnknownNode", twin.call, admin, "revoke", id=9)
    refusal("NotSponsor", twin.call, stranger, "withdraw", amount=1)
    refusal("InsufficientFree", twin.call, admin, "withdraw", amount=10**8 + 1)
    twin.open()
    refusal("WrongPhase", twin.open)
    refusal("NothingDue", twin.advance)
    refusal("NotActive", twin.call, stranger, "commitUpdate", round=1, digest=bytes(32))
    twin.commit(1)
    refusal("AlreadyCommitted", twin.commit, 1)
    refusal("BadLength", twin.call, stranger, "commitUpdates", round=1, items=b"?")
    items = twin.commitment(1) + twin.commitment(2, key=twin.key(3)) + twin.commitment(2)
    twin.call(stranger, "commitUpdates", round=1, items=items + bytes(116))
    twin.draw()
    refusal("NotMember", twin.call, stranger, "commitVerdict", round=1, slot=0, seal=bytes(32))
    refusal("NotMember", twin.call, stranger, "commitVerdict", round=1, slot=200, seal=bytes(32))
    for slot in range(3):
        twin.seal(slot, [5, 6])
        if slot < 2:
            refusal("AlreadySealed", twin.seal, slot, [7, 8])
    refusal("WrongOpening", twin.reveal, 0, [5, 7])
    refusal("BadLength", twin.reveal, 0, [5])
    twin.reveal(0, [5, 6])
    refusal("NothingSealed", twin.reveal, 0, [5, 6])
    refusal("WrongPhase", twin.settle)
    twin.reveal(1, [5, 6])
    twin.reveal(2, [5, 6])
    good = twin.settlement()
    for error, lists in (
        ("WrongUpdates", {"updates": good["updates"][:-1] + b"?"}),
        ("WrongUpdates", {"updates": b""}),
        ("WrongScores", {"scores": [good["scores"][0], b"12345678", b""]}),
        ("WrongScores", {"scores": []}),
        ("WrongLedger", {"ledger": [0] * 5}),
        ("WrongLedger", {"ledger": [0] * 6}),
    ):
        refusal(error, twin.call, stranger, "settle", **good | lists)
    twin.settle()
    refusal("NotAggregator", twin.propose, b"\x0a" * 32, twin.round.aggregator % 5 + 1)
    refusal("NotActive", twin.call, stranger, "proposeMerge", round=1, root=bytes(32))
    twin.propose(b"\x0a" * 32)
    bad = twin.attestation(0, b"\x0b" * 32)
    refusal("BadSignature", twin.call, stranger, "attestMerge", round=1, signatures=bad)
    refusal("BadLength", twin.call, stranger, "attestMerge", round=1, signatures=b"")
    twin.attest(0)
    twin.attest(0, 1)
    refusal("NothingDue", twin.advance)
    twin.expire()
    twin.advance()
    refusal("WrongPhase", twin.attest, 2)
    refusal("WrongProof", twin.call, stranger, "claim", id=1, total=1, proof=[])
    twin.call(admin, "pause")
    refusal("EnforcedPause", twin.open)


def test_an_altered_merge_is_disproved(twin):
    twin.proposed(altered=300)
    twin.attest(0, 1)
    good, reporter = twin.proof(), twin.account(1)
    for error, changes in (
        ("WrongRound", {"round": 2}),
        ("WrongOutcome", {"accepted": b""}),
        ("WrongOutcome", {"manifests": good.manifests[1:]}),
        ("WrongBlock", {"block": 8}),
        ("WrongLeaf", {"leaf": 2}),
        ("WrongLeaf", {"base": good.merged}),
        ("WrongLeaf", {"merged": good.base}),
        ("WrongLeaf", {"updates": good.updates[::-1]}),
        ("MergeCorrect", {"block": good.block ^ 1}),
    ):
        refusal(error, twin.dispute, replace(good, **changes))
    twin.dispute(good, reporter)
    refusal("WrongPhase", twin.dispute, good)
    turn = twin.round.rejected[0]
    refusal("ProposerBarred", twin.propose, id=turn)
    refusal("NothingDue", twin.advance)
    poor = next(id for id in twin.round.committee if id != turn)
    refusal("NotBonded", twin.propose, id=poor)
    twin.propose(id=next(id for id in range(1, 6) if id not in (turn, *twin.round.committee)))
    twin.final()
    twin.call(reporter, "collect", reporter=reporter)
    refusal("NothingOwed", twin.call, reporter, "collect", reporter=reporter)
    twin.call(reporter, "recycle")
    refusal("NothingOwed", twin.call, reporter, "recycle")
    twin.compare_members()


def test_four_rejections_and_silence_end_a_round_on_its_base(twin, terms=TERMS):
    twin.settled()
    for id in (twin.round.aggregator, *(id for id in range(1, 6) if id != twin.round.aggregator)):
        if twin.round.live:
            twin.propose(b"\x09" * 32, id)
            twin.expire()
            twin.advance()
    assert len(twin.round.rejected) == 4
    twin.settled()
    twin.time = twin.round.deadline + terms.challenge_window - 2
    refusal("NothingDue", twin.advance)
    twin.time += 2
    twin.advance()
    assert twin.model.state_root == GENESIS and not twin.round.live


def test_members_leave_return_and_change_keys(twin):
    for id, key in ((1, 11), (2, 12)):
        form = twin.registration(id) | {"signer": twin.signer(key)}
        del form["proof"]
        twin.call(twin.account(id), "rotate", **form)
    twin.open()
    twin.call(twin.account(1), "rotate", **form | {"signer": twin.signer(13)})
    refusal("SignerTaken", twin.call, twin.account(1), "rotate", **form)
    refusal("UnknownNode", twin.call, twin.anybody, "exit")
    call = {"round": 1, "digest": twin.digest(1)}
    refusal("NotActive", twin.call, twin.signer(13), "commitUpdate", **call)
    refusal("NotActive", twin.call, twin.signer(1), "commitUpdate", **call)
    twin.call(twin.signer(11), "commitUpdate", **call)
    twin.call(twin.account(2), "exit")
    refusal("NotRegistered", twin.call, twin.account(2), "exit")
    refusal("StakeLocked", twin.call, twin.anybody, "withdrawStake", id=2)
    again = twin.registration(2) | {"signer": twin.signer(14)}
    twin.call(twin.account(2), "register", **again)
    twin.commit(2)
    twin.call(twin.admin, "revoke", id=3)
    refusal("NotAdmitted", twin.call, twin.account(3), "register", **again)
    twin.time = twin.model.vault.payees[3].until
    refusal("StakeLocked", twin.call, twin.anybody, "withdrawStake", id=3)
    twin.draw()
    twin.expire()
    twin.advance()
    twin.call(twin.anybody, "withdrawStake", id=3)
    refusal("NothingToClaim", twin.call, twin.anybody, "withdrawStake", id=3)
    twin.open()
    two = twin.equivocation(2)
    refusal("NotEquivocal", twin.call, twin.anybody, "proveEquivocation", **two | {"round": 1})
    twin.call(twin.anybody, "proveEquivocation", **two)
    refusal("AlreadyProven", twin.call, twin.anybody, "proveEquivocation", **two)
    earlier = twin.equivocation(2, key=twin.key(12), round=1)
    refusal("NothingAtStake", twin.call, twin.anybody, "proveEquivocation", **earlier)
    twin.compare_members()


class Compared(Crowd):
    """A crowd whose calls all go to both the model and the contracts."""

    def teardown(self) -> None:
        self.it.compare_members()
        self.it.contracts.chain.close()


def test_any_order_of_calls(founded, tmp_path):
    seen: Counter[str] = Counter()
    for seed in range(24, 34):
        crowd = Compared(founded.fork(tmp_path / f"chain{seed}"), seen)
        crowd.walk(seed, 13)
        crowd.teardown()
    # The search means something only if it reached the events that move money.
    for name in (
        *("RoundSettled", "RoundFinalised", "Claimed", "CommitSkipped", "NothingDue", "Credited"),
        *("MergeRejected", "NodeSlashed", "NodeLeft", "NodeRotated", "WrongLeaf", "NotBonded"),
    ):
        assert seen[name] > 0, (name, seen)
