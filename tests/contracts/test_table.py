"""A table of phase, caller and function: only the listed combinations succeed.

Every state-changing function of the contracts is tried in every situation by every kind of caller,
with the best arguments that this caller could have. Calls are simulated, so a situation never
changes.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.twin import ABIS, Twin, encode, target
from tests.support.consortium import SALT

from collegium.protocol import ledger, state, verdict
from collegium.protocol.merge_proof import Leaf, MergeProof
from collegium.protocol.model.access import COORDINATOR, COUNCIL, PAUSER
from collegium.protocol.model.federation import VAULT_CALLS
from collegium.protocol.model.machine import Contract

# Phases; "late" is after the deadline. In "merge-silent" no one has proposed for a challenge window
# after it, in "merge-again" a first proposal was rejected.
ALWAYS = (
    "idle final paused cancelled commit commit-late draw score score-late reveal reveal-late "
    "settle merge merge-late merge-silent merge-again proposed proposed-late attested attested-late"
)
SITUATIONS = ALWAYS.split()

# Signers: of a validator of the round, of the aggregator, of a member that is neither, and of one
# that joined too late for the round. Accounts: the owner of a node, the owner of one that has left
# ("gone"), an admitted newcomer, the appointed next admin ("heir"). Each role has one holder. The
# contracts themselves are callers too.
ANYBODY = (
    "validator aggregator member late owner gone newcomer heir council coordinator pauser admin "
    "stranger federation vault disputes"
)
CALLERS = ANYBODY.split()

DUE = "commit-late draw score-late reveal-late merge-silent proposed-late attested-late"
OPEN_TO_DISPUTE = "proposed proposed-late attested attested-late"


def but(*situations: str) -> str:
    """All situations except these."""
    return " ".join(name for name in SITUATIONS if name not in situations)


TABLE = [
    ("admit", "council", ALWAYS),
    ("setAllowList", "council", ALWAYS),
    ("revoke", "council", ALWAYS),
    ("register", "gone newcomer", ALWAYS),
    ("rotate", "owner", ALWAYS),
    ("exit", "owner", ALWAYS),
    #
    ("openRound", "coordinator", "idle final cancelled"),
    # Missing commitments and seals are accepted after the deadline until the round is cancelled.
    ("commitUpdate", "validator aggregator member", "commit commit-late"),
    ("commitUpdates", ANYBODY, "commit commit-late"),
    ("commitVerdict", "validator", "score score-late"),
    ("revealVerdict", "validator", "reveal reveal-late"),
    ("advance", ANYBODY, DUE),
    ("settle", ANYBODY, "settle"),
    ("proposeMerge", "aggregator", "merge merge-late merge-silent"),
    ("proposeMerge", "validator member", "merge-late merge-silent merge-again"),
    ("attestMerge", ANYBODY, OPEN_TO_DISPUTE),
    #
    ("disputeMerge", ANYBODY, OPEN_TO_DISPUTE),
    ("disprove", "disputes", OPEN_TO_DISPUTE),
    ("proveEquivocation", ANYBODY, ALWAYS),
    ("punish", "disputes", ALWAYS),
    #
    ("pause", "pauser", but("paused")),
    ("unpause", "pauser", "paused"),
    ("grantRole", "admin", ALWAYS),
    ("revokeRole", "admin", ALWAYS),
    ("renounceRole", ANYBODY, ALWAYS),  # without the role it changes nothing
    ("beginDefaultAdminTransfer", "admin", ALWAYS),
    ("cancelDefaultAdminTransfer", "admin", ALWAYS),
    ("acceptDefaultAdminTransfer", "heir", ALWAYS),
    #
    ("deposit", ANYBODY, ALWAYS),
    ("withdraw", "admin", ALWAYS),
    ("claim", ANYBODY, but("idle")),  # nothing is earned before the first settlement
    ("withdrawStake", ANYBODY, ALWAYS),
    ("collect", ANYBODY, ALWAYS),
    ("recycle", ANYBODY, ALWAYS),
    #
    ("vault.reserve", "federation", ALWAYS),
    ("vault.release", "federation", ALWAYS),
    ("vault.settle", "federation", ALWAYS),
    ("vault.credit", "federation", ALWAYS),
    ("vault.pullStake", "federation", ALWAYS),
    ("vault.unbond", "federation", ALWAYS),
    ("vault.slash", "federation", ALWAYS),
]

ALLOWED = {
    (situation, function, caller)
    for function, callers, situations in TABLE
    for caller in callers.split()
    for situation in situations.split()
}

HOLDERS = {"council": 21, "coordinator": 22, "pauser": 23, "heir": 24}
OWNER, GONE, CHEAT, LATE, NEWCOMER = 6, 7, 8, 9, 10


# -- the situations --------------------------------------------------------------------------------


def assign(it: Twin) -> None:
    """Six members, one that left, one that was slashed; a separate holder for each role."""
    for _ in (OWNER, GONE, CHEAT):
        it.join()
    it.call(it.account(GONE), "exit")
    it.call(it.anybody, "proveEquivocation", **it.equivocation(CHEAT, round=1))
    it.time = it.model.vault.payees[GONE].until
    it.council, it.coordinator, pauser, heir = map(it.signer, HOLDERS.values())
    for role, holder in ((COUNCIL, it.council), (COORDINATOR, it.coordinator), (PAUSER, pauser)):
        it.call(it.admin, "grantRole", role=role, account=holder)
        it.call(it.admin, "renounceRole", role=role, account=it.admin)
    it.call(it.admin, "beginDefaultAdminTransfer", newAdmin=heir)
    it.call(it.council, "admit", account=it.account(NEWCOMER), allowed=True)


def story(founded: Twin, folder: Path) -> Iterator[tuple[str, Twin]]:
    """All situations in the course of two rounds."""
    numbers = count()

    def fork(it: Twin) -> Twin:
        return it.fork(folder / f"chain{next(numbers)}")

    def later(it: Twin, seconds: int = 0) -> Twin:
        late = fork(it)
        late.expire()
        late.time += seconds
        return late

    it = fork(founded)
    assign(it)
    yield "idle", fork(it)
    it.finished()
    yield "final", fork(it)
    paused = fork(it)
    paused.call(paused.signer(HOLDERS["pauser"]), "pause")
    yield "paused", paused
    it.open()
    it.join()
    yield "commit", fork(it)
    yield "commit-late", later(it)
    cancelled = later(it)
    cancelled.advance()
    yield "cancelled", cancelled
    it.commit(*range(1, OWNER + 1))
    yield "draw", fork(it)
    drawn = later(it)
    drawn.advance()
    while drawn.round.aggregator in drawn.round.committee:  # another block gives another draw
        it.call(it.anybody, "deposit", amount=1)
        drawn = later(it)
        drawn.advance()
    it = drawn
    yield "score", fork(it)
    yield "score-late", later(it)
    for slot in range(3):
        it.seal(slot, [100] * OWNER)
    yield "reveal", fork(it)
    yield "reveal-late", later(it)
    for slot in range(3):
        it.reveal(slot, [100] * OWNER)
    yield "settle", fork(it)
    it.settle()
    yield "merge", fork(it)
    yield "merge-late", later(it)
    yield "merge-silent", later(it, it.model.terms.challenge_window)
    it.propose(state.root(it.merged(altered=300)))
    yield "proposed", fork(it)
    yield "proposed-late", later(it)
    rejected = later(it)
    rejected.advance()
    yield "merge-again", rejected
    it.attest(0, 1)
    yield "attested", fork(it)
    yield "attested-late", later(it)


@pytest.fixture(scope="module")
def situations(founded: Twin, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Twin]:
    return dict(story(founded, tmp_path_factory.mktemp("situations")))


# -- the callers and what they try -----------------------------------------------------------------


def callers(it: Twin) -> dict[str, str]:
    """The address of every caller; before the draw any members serve as the drawn ones."""
    committee, turn = it.round.committee or [1], it.round.aggregator or 2
    member = next(id for id in range(1, OWNER) if id not in (*committee, turn))
    numbers = {"validator": committee[0], "aggregator": turn, "member": member, "late": LATE}
    accounts = {"owner": OWNER, "gone": GONE, "newcomer": NEWCOMER}
    return {
        **{name: it.signer(number) for name, number in (numbers | HOLDERS).items()},
        **{name: it.account(id) for name, id in accounts.items()},
        **{"admin": it.admin, "stranger": it.anybody, **it.contracts.at},
    }


def attempts(it: Twin, sender: str) -> Iterator[tuple[str, Contract, bytes]]:
    """(function, contract, calldata) of every call that a sender can try."""
    for name, args in arguments(it, sender).items():
        yield name, target(name), encode(name, args)
    federation = {
        "disprove": (it.id, it.anybody),
        "punish": (it.id, OWNER, 4, it.anybody),
    }
    vault = {
        **{"reserve": (0,), "release": (0,), "settle": (bytes(32), 0, 0), "credit": (1, 0)},
        **{"pullStake": (1, it.account(1), it.model.terms.stake), "unbond": (1,)},
        "slash": (1, 1, it.anybody),
    }
    for name, values in federation.items():
        yield name, "federation", ABIS["federation"].encode_call(name, *values)
    for name, values in vault.items():
        yield f"vault.{name}", "vault", ABIS["vault"].encode_call(name, *values)


def arguments(it: Twin, sender: str) -> dict[str, dict[str, Any]]:
    """The best arguments that this sender could have for each function."""
    node = it.model.node_of_signer(sender)
    id, committee, round_ = node.id if node else 1, it.round.committee, {"round": it.id}
    slot = round_ | {"slot": committee.index(id) if id in committee else 0}
    keys = {"signer": it.signer(25), "encryptionKey": bytes(32), "transportKey": bytes(32)}
    totals = it.model.totals or [1]
    scores = verdict.encode_scores([100] * len(it.round.updates))
    signature = it.attestation(2, it.round.proposal) if committee else bytes(65)
    return {
        "admit": {"account": it.anybody, "allowed": True},
        "setAllowList": {"root": bytes(32)},
        "revoke": {"id": OWNER},
        "register": keys | {"proof": []},
        "rotate": keys,
        "exit": {},
        "openRound": {"base": it.model.state_root},
        "commitUpdate": round_ | {"digest": it.digest(id)},
        "commitUpdates": round_ | {"items": it.commitment(OWNER)},
        "advance": round_,
        "commitVerdict": slot | {"seal": bytes(32)},
        "revealVerdict": slot | {"scores": scores, "salt": SALT},
        "settle": it.settlement(),
        "proposeMerge": round_ | {"root": bytes(32)},
        "attestMerge": round_ | {"signatures": signature},
        "disputeMerge": {"proof": proof(it).to_call()},
        "proveEquivocation": it.equivocation(OWNER, key=it.key(OWNER), round=1),
        "pause": {},
        "unpause": {},
        "grantRole": {"role": PAUSER, "account": it.anybody},
        "revokeRole": {"role": PAUSER, "account": it.anybody},
        "renounceRole": {"role": PAUSER, "account": sender},
        "beginDefaultAdminTransfer": {"newAdmin": it.anybody},
        "cancelDefaultAdminTransfer": {},
        "acceptDefaultAdminTransfer": {},
        "deposit": {"amount": 0},
        "withdraw": {"amount": 1},
        "claim": {"id": 1, "total": totals[0], "proof": ledger.proof(totals, 1)},
        "withdrawStake": {"id": GONE},
        "collect": {"reporter": it.anybody},
        "recycle": {},
    }


def proof(it: Twin) -> MergeProof:
    if it.round.proposer:
        return it.proof()
    leaf = Leaf(b"", ())
    return MergeProof(it.id, 0, 0, leaf, leaf, b"", (), ())


# -- the table -------------------------------------------------------------------------------------


@pytest.mark.parametrize("situation", SITUATIONS)
def test_only_the_listed_cells_succeed(situations: dict[str, Twin], situation: str) -> None:
    it = situations[situation]
    it.set_clock()
    succeeded = {
        (situation, function, caller)
        for caller, sender in callers(it).items()
        for function, contract, data in attempts(it, sender)
        if it.contracts.refusal(sender, contract, data) is None
    }
    expected = {cell for cell in ALLOWED if cell[0] == situation}
    assert sorted(succeeded - expected) == [], "succeeded, and is not listed"
    assert sorted(expected - succeeded) == [], "is listed, and was refused"


def test_every_function_and_every_caller_is_in_the_table() -> None:
    functions = {
        f"vault.{name}" if contract == "vault" and name not in VAULT_CALLS else name
        for contract, abi in ABIS.items()
        for name, entry in abi.functions.items()
        if entry["stateMutability"] not in ("view", "pure")
    }
    assert {function for _, function, _ in ALLOWED} == functions
    assert {caller for _, _, caller in ALLOWED} == set(CALLERS)
    assert {situation for situation, _, _ in ALLOWED} == set(SITUATIONS)
