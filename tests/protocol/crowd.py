"""Members of a consortium in any order: most do what is due, some do anything else.

A hypothesis state machine that knows a ``Consortium`` only by its calls. The reference model runs
it alone, to see that money is conserved and no round sticks; with contracts beside it, every
answer of theirs is compared.
"""

from collections import Counter
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.protocol.consortium import SALT, SIGNERS, Consortium
from tests.protocol.tampering import tampered

from collegium.protocol import state
from collegium.protocol.access import ADMIN, COORDINATOR, COUNCIL, PAUSER
from collegium.protocol.machine import ZERO_ADDRESS, Revert
from collegium.protocol.round import Phase
from collegium.protocol.settlement import INVALID
from collegium.protocol.vault import NEVER

NODES = 8
ids = st.integers(1, 6)
words = st.sampled_from([bytes(32), b"\x01" * 32, b"\xff" * 32])
scores = st.integers(-300, 300) | st.sampled_from([INVALID, 2**31 - 1])


class Crowd(RuleBasedStateMachine):
    """Who may do what they like with a consortium.

    Args:
        consortium: the federation.
        seen: counts the events and refusals that came of it.
    """

    def __init__(self, consortium: Consortium, seen: Counter[str]) -> None:
        super().__init__()
        self.it, self.seen = consortium, seen
        self.sealed: dict[tuple[int, int], list[int]] = {}
        self.next_key = NODES + 1

    def attempt(self, step: Any, *args: Any, **kwargs: Any) -> None:
        """Do it if the contract allows, and count what came of it."""
        try:
            events = step(*args, **kwargs)
        except Revert as refusal:
            self.seen[refusal.name] += 1
        else:
            self.seen.update(event.name for event in events)

    # -- what is due -------------------------------------------------------------------------------

    @rule(count=st.integers(1, 8), data=st.data())
    def go_on(self, count: int, data: st.DataObject) -> None:
        for _ in range(count):
            self.due(data.draw)

    def due(self, draw: Any) -> None:
        """One step that fits the phase, by whom it may concern; or its deadline passes."""
        it, round_ = self.it, self.it.round
        match it.model.status(it.time).phase:
            case Phase.IDLE | Phase.FINAL | Phase.CANCELLED:
                self.attempt(it.open)
            case Phase.COMMIT | Phase.SCORE | Phase.REVEAL if draw(st.integers(0, 14)) == 0:
                it.expire()
                self.attempt(it.advance)
            case Phase.COMMIT:
                self.commit(draw)
            case Phase.SCORE:
                self.seal(draw, draw(st.sampled_from(sorted({0, 1, 2} - set(round_.seals)))))
            case Phase.REVEAL:
                slots = sorted(set(round_.seals) - set(round_.scores))
                self.reveal(draw(st.sampled_from(slots)))
            case Phase.SETTLE:
                self.attempt(it.settle)
            case Phase.MERGE:
                self.propose(draw)
            case Phase.PROPOSED:
                self.judge(draw)
            case _:
                self.attempt(it.advance)

    def commit(self, draw: Any) -> None:
        members = self.it.round.members.values()
        missing = [id for id in members if not self.it.round.committed(id)]
        if not missing:
            self.it.expire()
        elif draw(st.integers(0, 3)) == 0:
            self.relay(draw(st.lists(st.sampled_from(missing), min_size=1, max_size=4)))
        else:
            self.attempt(self.it.commit, draw(st.sampled_from(missing)))

    def relay(self, batch: list[int]) -> None:
        items = b"".join(self.it.commitment(id) for id in batch)
        call = {"round": self.it.id, "items": items}
        self.attempt(self.it.call, self.it.anybody, "commitUpdates", **call)

    def seal(self, draw: Any, slot: int) -> None:
        count = len(self.it.round.updates)
        votes = draw(st.lists(scores, min_size=count, max_size=count))
        self.sealed.setdefault((self.it.id, slot), votes)
        self.attempt(self.it.seal, slot, self.sealed[self.it.id, slot])

    def reveal(self, slot: int) -> None:
        self.attempt(self.it.reveal, slot, self.sealed.get((self.it.id, slot), []))

    def propose(self, draw: Any) -> None:
        """The merge, or one in which a lane is altered; by who may, or by any other member."""
        it, model, turn = self.it, self.it.model, self.it.round.aggregator
        members = sorted(it.round.members.values())
        able = [id for id in members if model.vault.payees[id].stake >= model.terms.bond]
        able = [id for id in able if id not in it.round.rejected]
        if it.time < it.round.deadline:
            able = [id for id in able if id == turn]
        if draw(st.integers(0, 9)) == 0 or not able:
            it.expire()
            it.time += draw(st.sampled_from([0, model.terms.challenge_window]))
            self.attempt(it.advance)
        lane = draw(st.none() | st.integers(0, 511))
        who = draw(st.sampled_from(able * 4 + members))
        self.attempt(it.propose, state.root(it.merged(altered=lane)), who)

    def judge(self, draw: Any) -> None:
        """Some attest, the next disputes, and then it may be late."""
        wrong = self.it.states.get(self.it.round.proposal) is not None
        match draw(st.integers(0, 3)):
            case 0 | 1:
                slots = draw(st.lists(st.integers(0, 2), min_size=1, max_size=3))
                self.attempt(self.it.attest, *slots)
            case 2 if wrong:
                self.attempt(self.it.dispute, sender=draw(st.sampled_from(self.actors)))
            case _:
                self.it.expire()
                self.attempt(self.it.advance)

    @rule(data=st.data())
    def meddle(self, data: st.DataObject) -> None:
        """One thing that is not due."""
        steps = [self.wait, self.move, self.move, self.pay, self.pay, self.move_escrow]
        steps += [self.prove_equivocation, self.dispute_with_an_altered_proof]
        steps += [self.settle_on_anything]
        data.draw(st.sampled_from([*steps, *[self.anything] * 6]))(data.draw)

    def wait(self, draw: Any) -> None:
        self.it.time += draw(st.sampled_from([1, 50, 150, 600, 4000]))

    # -- members come and go, money moves ----------------------------------------------------------

    def move(self, draw: Any) -> None:
        """A node joins, leaves, returns or changes its keys."""
        it, id = self.it, draw(ids)
        account = it.account(id)
        match draw(st.sampled_from(["join", "exit", "return", "rotate", "revoke", "admit"])):
            case "join" if len(it.model.nodes) < NODES:
                self.attempt(it.join)
            case "exit":
                self.attempt(it.call, account, "exit")
            case "return":
                form = it.registration(id) | {"signer": self.fresh_key()}
                self.attempt(it.call, account, "register", **form)
            case "rotate":
                keys = {"encryptionKey": draw(words), "transportKey": draw(words)}
                signer = self.fresh_key() if draw(st.booleans()) else it.voice(id)
                self.attempt(it.call, account, "rotate", signer=signer, **keys)
            case "revoke":
                self.attempt(it.call, it.admin, "revoke", id=id)
            case _:
                allowed = draw(st.booleans())
                self.attempt(it.call, it.admin, "admit", account=account, allowed=allowed)

    def fresh_key(self) -> str:
        """A signer never used, while there are any."""
        self.next_key += 1
        return self.it.signer(min(self.next_key, SIGNERS[-1]))

    def move_escrow(self, draw: Any) -> None:
        amount = draw(st.integers(-(10**6), 10**6))
        name = "deposit" if amount > 0 else "withdraw"
        self.attempt(self.it.call, self.it.admin, name, amount=abs(amount))

    def pay(self, draw: Any) -> None:
        """Somebody claims, withdraws a stake, collects or recycles, for whomever it is due."""
        it, id = self.it, draw(ids)
        match name := draw(st.sampled_from(["claim", "withdrawStake", "collect", "recycle"])):
            case "claim":
                if id <= len(it.model.totals):  # else there is no leaf to prove
                    self.attempt(it.claim, id)
            case "withdrawStake":
                unbonding = [k for k, payee in it.model.vault.payees.items() if payee.until < NEVER]
                if unbonding and draw(st.booleans()):
                    id = draw(st.sampled_from(unbonding))
                    it.time = max(it.time, it.model.vault.payees[id].until)
                self.attempt(it.call, it.anybody, name, id=id)
            case "collect":
                reporter = draw(st.sampled_from([*it.model.vault.owed, it.anybody]))
                self.attempt(it.call, it.anybody, name, reporter=reporter)
            case _:
                self.attempt(it.call, it.anybody, name)

    # -- offences ----------------------------------------------------------------------------------

    def prove_equivocation(self, draw: Any) -> None:
        it, id = self.it, draw(ids)
        if id <= len(it.model.nodes):
            key = draw(st.sampled_from([None, it.key(3)]))
            call = it.equivocation(id, key, round=max(0, it.id - draw(st.integers(0, 1))))
            self.attempt(it.call, it.anybody, "proveEquivocation", **call)

    def dispute_with_an_altered_proof(self, draw: Any) -> None:
        if self.it.round.proposal in self.it.states:
            self.attempt(self.it.dispute, tampered(draw, self.it.proof()))

    # -- anything ----------------------------------------------------------------------------------

    @property
    def actors(self) -> list[str]:
        """Everybody who may call: the admin, a stranger, signers and accounts."""
        it = self.it
        members = [who for id in (1, 2, 7) for who in (it.signer(id), it.account(id))]
        return [it.admin, it.anybody, *members]

    def anything(self, draw: Any) -> None:
        """Any function, by anybody, with arguments that could be meant."""
        name, sender = draw(st.sampled_from(sorted(PARAMETERS))), draw(st.sampled_from(self.actors))
        args = {field: draw(self._values(field)) for field in PARAMETERS[name]}
        self.attempt(self.it.call, sender, name, **args)

    def settle_on_anything(self, draw: Any) -> None:
        self.attempt(self.it.call, self.it.anybody, "settle", **self._settlement(draw))

    def _settlement(self, draw: Any) -> dict[str, Any]:
        good = self.it.settlement()
        other: dict[str, Any] = {
            "round": good["round"] + 1,
            "updates": good["updates"] + bytes(34),
            "scores": good["scores"][1:],
            "ledger": [*good["ledger"], 1],
        }
        altered = draw(st.none() | st.sampled_from(sorted(other)))
        return good if altered is None else good | {altered: other[altered]}

    def _values(self, field: str) -> st.SearchStrategy[Any]:
        it = self.it
        addresses = st.sampled_from([*self.actors, ZERO_ADDRESS])
        match field:
            case "round":
                return st.sampled_from([it.id, it.id, it.id, it.id + 1, max(0, it.id - 1)])
            case "id":
                return st.integers(0, NODES)
            case "slot":
                return st.sampled_from([0, 1, 2, 3, 255])
            case "amount" | "total" | "newDelay":
                return st.sampled_from([0, 1, 500, 10**6])
            case "base":
                return st.sampled_from([it.model.state_root, bytes(32)])
            case "role":
                return st.sampled_from([ADMIN, COUNCIL, COORDINATOR, PAUSER, b"\x01" * 32])
            case "allowed":
                return st.booleans()
            case "proof":
                return st.sampled_from([[], [bytes(32)]])
            case "items" | "signatures" | "scores":
                size = {"items": 116, "signatures": 65, "scores": 4}[field]
                return st.sampled_from([b"", bytes(size), bytes(size + 1), b"\xff" * 2 * size])
            case "salt":
                return st.just(SALT)
            case "signer":
                return st.integers(1, 12).map(it.signer) | addresses
            case "account" | "newAdmin" | "callerConfirmation" | "reporter":
                return addresses
            case _:
                return words


# Arguments of each call; ``settle`` and the disputes need more than values of their types.
PARAMETERS: dict[str, list[str]] = {
    "acceptDefaultAdminTransfer": [],
    "admit": ["account", "allowed"],
    "advance": ["round"],
    "attestMerge": ["round", "signatures"],
    "beginDefaultAdminTransfer": ["newAdmin"],
    "cancelDefaultAdminTransfer": [],
    "changeDefaultAdminDelay": ["newDelay"],
    "claim": ["id", "total", "proof"],
    "collect": ["reporter"],
    "commitUpdate": ["round", "digest"],
    "commitUpdates": ["round", "items"],
    "commitVerdict": ["round", "slot", "seal"],
    "deposit": ["amount"],
    "exit": [],
    "grantRole": ["role", "account"],
    "openRound": ["base"],
    "pause": [],
    "proposeMerge": ["round", "root"],
    "recycle": [],
    "register": ["signer", "encryptionKey", "transportKey", "proof"],
    "renounceRole": ["role", "callerConfirmation"],
    "revealVerdict": ["round", "slot", "scores", "salt"],
    "revoke": ["id"],
    "revokeRole": ["role", "account"],
    "rollbackDefaultAdminDelay": [],
    "rotate": ["signer", "encryptionKey", "transportKey"],
    "setAllowList": ["root"],
    "unpause": [],
    "withdraw": ["amount"],
    "withdrawStake": ["id"],
}
