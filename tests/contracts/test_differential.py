"""The contracts do what the reference model does, in whatever order they are called."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
from tests.contracts.twin import Contracts, Twin

from collegium.errors import BadProof
from collegium.protocol.machine import Event, Revert
from collegium.protocol.round import Phase
from collegium.protocol.settlement import INVALID
from collegium.protocol.terms import SCORE, Terms

TERMS = Terms(
    reward=1_000_000,
    stake=500,
    node_share=8500,
    validator_share=1000,
    aggregator_share=500,
    committee=3,
    min_updates=2,
    min_score=-100,
    weight_rule=SCORE,
    commit_window=300,
    score_window=300,
    reveal_window=300,
    merge_window=300,
    challenge_window=300,
)


@pytest.fixture(scope="module")
def template(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("contracts") / "template"
    Contracts.found(path, TERMS)
    return path


@pytest.fixture
def twin(template, tmp_path) -> Twin:
    return Twin(template, tmp_path / "chain", TERMS)


def refused(error: str, step, *args, **kwargs) -> None:
    with pytest.raises(Revert) as caught:
        step(*args, **kwargs)
    assert caught.value.name == error


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
            refused("NothingToClaim", twin.claim, id)
    assert twin.model.vault.claimed_total == twin.model.vault.earned > 0
    assert twin.compared > 50


def test_refusals_are_the_same(twin):
    admin, stranger = twin.admin, twin.anybody
    refused("WrongRound", twin.advance)
    refused("AccessControlUnauthorizedAccount", twin.call, stranger, "openRound", base=bytes(32))
    refused("WrongBase", twin.call, admin, "openRound", base=bytes(32))
    refused("NotAdmitted", twin.call, stranger, "register", **twin.registration(9))
    refused("AccountTaken", twin.call, twin.account(1), "register", **twin.registration(9))
    twin.call(admin, "admit", account=stranger, allowed=True)
    refused("SignerTaken", twin.call, stranger, "register", **twin.registration(1))
    refused("UnknownNode", twin.call, admin, "revoke", id=9)
    refused("NotSponsor", twin.call, stranger, "withdraw", amount=1)
    refused("InsufficientFree", twin.call, admin, "withdraw", amount=10**8 + 1)
    twin.open()
    refused("WrongPhase", twin.open)
    refused("NothingDue", twin.advance)
    refused("NotActive", twin.call, stranger, "commitUpdate", round=1, digest=bytes(32))
    twin.commit(1)
    refused("AlreadyCommitted", twin.commit, 1)
    refused("BadLength", twin.call, stranger, "commitUpdates", round=1, items=b"?")
    items = twin.commitment(1) + twin.commitment(2, key=twin.key(3)) + twin.commitment(2)
    twin.call(stranger, "commitUpdates", round=1, items=items + bytes(116))
    twin.draw()
    refused("NotMember", twin.call, stranger, "commitVerdict", round=1, slot=0, seal=bytes(32))
    refused("NotMember", twin.call, stranger, "commitVerdict", round=1, slot=200, seal=bytes(32))
    for slot in range(3):
        twin.seal(slot, [5, 6])
        if slot < 2:
            refused("AlreadySealed", twin.seal, slot, [7, 8])
    refused("WrongOpening", twin.reveal, 0, [5, 7])
    refused("BadLength", twin.reveal, 0, [5])
    twin.reveal(0, [5, 6])
    refused("NothingSealed", twin.reveal, 0, [5, 6])
    refused("WrongPhase", twin.settle)
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
        refused(error, twin.call, stranger, "settle", **good | lists)
    twin.settle()
    refused("NotAggregator", twin.propose, b"\x0a" * 32, twin.round.aggregator % 5 + 1)
    refused("NotActive", twin.call, stranger, "proposeMerge", round=1, root=bytes(32))
    twin.propose(b"\x0a" * 32)
    bad = twin.attestation(0, b"\x0b" * 32)
    refused("BadSignature", twin.call, stranger, "attestMerge", round=1, signatures=bad)
    refused("BadLength", twin.call, stranger, "attestMerge", round=1, signatures=b"")
    twin.attest(0)
    twin.attest(0, 1)
    refused("WrongPhase", twin.attest, 2)
    refused("WrongProof", twin.call, stranger, "claim", id=1, total=1, proof=[])
    twin.call(admin, "pause")
    refused("EnforcedPause", twin.open)


class Crowd:
    """Members of a twin who mostly do what is due, and sometimes anything else."""

    def __init__(self, twin: Twin, seed: int) -> None:
        self.it, self.rng = twin, Random(seed)
        self.votes: dict[tuple[int, int], list[int]] = {}
        self.seen: Counter[str] = Counter()

    def act(self) -> None:
        step = self.due if self.rng.random() < 0.7 else self.meddle
        try:
            events = step() or []
        except Revert as refusal:
            self.seen[refusal.name] += 1
        else:
            self.seen.update(event.name for event in events)

    def due(self) -> list[Event] | None:
        it, pick = self.it, self.rng.choice
        status = it.model.status(it.time)
        if status.cancellable:
            return it.advance()
        match status.phase:
            case Phase.IDLE | Phase.FINAL | Phase.CANCELLED:
                return it.open()
            case Phase.COMMIT:
                missing = [id for id in it.round.members.values() if not it.round.committed(id)]
                if missing and self.rng.random() < 0.4:
                    return self.relay(self.rng.sample(missing, self.rng.randint(1, len(missing))))
                return it.commit(pick(missing)) if missing else it.expire()
            case Phase.SCORE if open_slots := sorted({0, 1, 2} - set(it.round.seals)):
                return self.seal(pick(open_slots))
            case Phase.REVEAL:
                return self.reveal(pick(sorted(set(it.round.seals) - set(it.round.scores))))
            case Phase.SETTLE:
                return it.settle()
            case Phase.MERGE:
                return it.propose(self.rng.randbytes(32))
            case Phase.PROPOSED:
                return it.attest(*self.rng.sample(range(3), 2))
            case _:
                return it.advance()

    def meddle(self) -> list[Event] | None:
        it, id, slot = self.it, self.rng.randint(1, 7), self.rng.randint(0, 2)
        amount = self.rng.randint(0, 10**6)
        return self.rng.choice(
            [
                it.expire,
                it.advance,
                it.open,
                it.settle,
                lambda: it.join() if len(it.model.nodes) < 9 else None,
                lambda: it.call(it.admin, "revoke", id=id),
                lambda: it.call(it.admin, self.rng.choice(["pause", "unpause", "unpause"])),
                lambda: it.call(it.admin, "withdraw", amount=amount),
                lambda: it.call(it.admin, "deposit", amount=2 * amount),
                lambda: it.commit(id),
                lambda: self.relay([id, slot + 1, id]),
                lambda: self.seal(slot),
                lambda: self.reveal(slot),
                lambda: it.propose(bytes(32), id),
                lambda: it.attest(slot),
                lambda: it.claim(id),
                lambda: it.claim(slot + 1),
            ]
        )()

    def relay(self, ids: list[int]) -> list[Event]:
        wrong = self.rng.random() < 0.2
        items = [self.it.commitment(id, self.it.key(7) if wrong else None) for id in ids]
        call = {"round": self.it.id, "items": b"".join(items)}
        return self.it.call(self.it.anybody, "commitUpdates", **call)

    def seal(self, slot: int) -> list[Event]:
        values = [*range(-150, 400, 7), INVALID, 2**31 - 1]
        votes = self.rng.choices(values, k=len(self.it.round.updates))
        self.votes.setdefault((self.it.id, slot), votes)
        return self.it.seal(slot, self.votes[self.it.id, slot])

    def reveal(self, slot: int) -> list[Event]:
        return self.it.reveal(slot, self.votes.get((self.it.id, slot), []))


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_calls(twin, seed):
    crowd = Crowd(twin, seed)
    for _ in range(150):
        try:
            crowd.act()
        except (BadProof, IndexError):
            continue  # nobody has this id yet, or no committee is drawn: there is no call to make
    # The search must have been where money moves, or its silence says nothing.
    for name in ("RoundSettled", "RoundFinalised", "Claimed", "CommitSkipped", "NothingDue"):
        assert crowd.seen[name] > 0, crowd.seen
