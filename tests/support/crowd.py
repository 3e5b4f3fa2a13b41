"""Members of a consortium act in any order: most take the pending step, some make any other call.

A hypothesis state machine that uses only the calls of a ``Consortium``. The reference model runs
it alone, to test that money is conserved and every round ends; with contracts beside it, all their
results are compared.
"""

from collections import Counter
from random import Random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule
from tests.support.consortium import SALT, SIGNERS, Consortium
from tests.support.tampering import tampered

from collegium.protocol import state
from collegium.protocol.model.access import ADMIN, COORDINATOR, COUNCIL, PAUSER
from collegium.protocol.model.machine import ZERO_ADDRESS, Revert
from collegium.protocol.model.round import Phase
from collegium.protocol.model.vault import NEVER
from collegium.protocol.settlement import INVALID

NODES = 8
SCORES = [*range(-300, 300, 7), INVALID, 2**31 - 1]
WORDS = [bytes(32), b"\x01" * 32, b"\xff" * 32]
seeds = st.integers(0, 2**32 - 1)


class Crowd(RuleBasedStateMachine):
    """Random users of a consortium.

    Args:
        consortium: the federation.
        seen: counts the resulting events and errors.
    """

    def __init__(self, consortium: Consortium, seen: Counter[str]) -> None:
        super().__init__()
        self.it, self.seen, self.rng = consortium, seen, Random(0)
        self.sealed: dict[tuple[int, int], list[int]] = {}
        self.next_key = NODES

    @rule(seed=seeds, count=st.integers(1, 10))
    def go_on(self, seed: int, count: int) -> None:
        self.rng = Random(seed)
        for _ in range(count):
            self.due()

    @rule(seed=seeds)
    def meddle(self, seed: int) -> None:
        """One call that is not the pending step."""
        self.rng = Random(seed)
        weights = {
            **{self.anything: 5, self.move: 3, self.pay: 4, self.wait: 1, self.move_escrow: 1},
            **{self.prove_equivocation: 1, self.settle_on_anything: 1},
        }
        self.rng.choices(list(weights), list(weights.values()))[0]()

    def walk(self, seed: int, steps: int) -> None:
        """The same walk for the same seed; hypothesis's own choices depend on imported modules."""
        rng = Random(seed)
        for _ in range(steps):
            self.go_on(seed=rng.getrandbits(32), count=rng.randint(1, 10))
            self.meddle(seed=rng.getrandbits(32))

    def attempt(self, step: Any, *args: Any, **kwargs: Any) -> None:
        """Make the call, and count its events or its error."""
        try:
            events = step(*args, **kwargs)
        except Revert as refusal:
            self.seen[refusal.name] += 1
        else:
            self.seen.update(event.name for event in events)

    def call(self, sender: str, name: str, **args: Any) -> None:
        self.attempt(self.it.call, sender, name, **args)

    def chance(self, odds: float) -> bool:
        return self.rng.random() < odds

    # -- pending steps -----------------------------------------------------------------------------

    def due(self) -> None:
        """One step of the current phase by the right sender, or let its deadline pass."""
        it, round_ = self.it, self.it.round
        match it.model.status(it.time).phase:
            case Phase.IDLE | Phase.FINAL | Phase.CANCELLED:
                self.open()
            case Phase.COMMIT | Phase.SCORE | Phase.REVEAL if self.chance(0.05):
                it.expire()
                self.attempt(it.advance)
            case Phase.COMMIT:
                self.commit()
            case Phase.SCORE:
                self.seal(self.rng.choice(sorted({0, 1, 2} - set(round_.seals))))
            case Phase.REVEAL:
                self.reveal(self.rng.choice(sorted(set(round_.seals) - set(round_.scores))))
            case Phase.SETTLE:
                self.attempt(it.settle)
            case Phase.MERGE:
                self.propose()
            case Phase.PROPOSED:
                self.judge()
            case _:
                self.attempt(it.advance)

    def open(self) -> None:
        """Open the next round; if nodes are too few, some that left come back first."""
        model = self.it.model
        gone = [node.id for node in model.nodes if node.left]
        while gone and len(model.registered()) <= model.terms.committee:
            id = gone.pop()
            self.call(self.it.admin, "admit", account=self.it.account(id), allowed=True)
            self.come_back(id)
        self.attempt(self.it.open)

    def commit(self) -> None:
        members = self.it.round.members.values()
        missing = [id for id in members if not self.it.round.committed(id)]
        if not missing:
            self.it.expire()
        elif self.chance(0.3):
            key = self.it.key(3) if self.chance(0.1) else None
            batch = self.rng.choices([*missing, *members], k=self.rng.randint(1, 4))
            items = b"".join(self.it.commitment(id, key) for id in batch)
            self.call(self.it.anybody, "commitUpdates", round=self.it.id, items=items)
        else:
            self.attempt(self.it.commit, self.rng.choice(missing))

    def seal(self, slot: int) -> None:
        good = self.chance(0.8)  # high enough to be accepted and paid
        values = range(50, 300) if good else SCORES
        votes = self.rng.choices(values, k=len(self.it.round.updates))
        self.sealed.setdefault((self.it.id, slot), votes)
        self.attempt(self.it.seal, slot, self.sealed[self.it.id, slot])

    def reveal(self, slot: int) -> None:
        self.attempt(self.it.reveal, slot, self.sealed.get((self.it.id, slot), []))

    def propose(self) -> None:
        """Propose the merge, or one with an altered lane; as the permitted or any other member."""
        it, model = self.it, self.it.model
        members = sorted(it.round.members.values())
        able = [id for id in members if model.vault.payees[id].stake >= model.terms.bond]
        able = [id for id in able if id not in it.round.rejected]
        if it.time < it.round.deadline:
            able = [id for id in able if id == it.round.aggregator]
        if not able or self.chance(0.1):
            it.expire()
            it.time += self.rng.choice([0, model.terms.challenge_window])
            self.attempt(it.advance)
        lane = self.rng.randrange(512) if self.chance(0.4) else None
        who = self.rng.choice(able if able and self.chance(0.8) else members)
        self.attempt(it.propose, state.root(it.merged(altered=lane)), who)

    def judge(self) -> None:
        """Some attest, or one disputes with a proof that can be invalid, or the deadline passes."""
        it, shown = self.it, self.it.round.proposal in self.it.states
        action = self.rng.random()
        if action < 0.4:
            self.attempt(it.attest, *self.rng.sample(range(3), self.rng.randint(1, 3)))
        elif action < 0.7 and shown:
            proof = it.proof()
            proof = tampered(self.rng, proof) if self.chance(0.4) else proof
            self.attempt(it.dispute, proof, self.rng.choice(self.actors))
        else:
            it.expire()
            self.attempt(it.advance)

    # -- members come and go, money moves ----------------------------------------------------------

    def wait(self) -> None:
        self.it.time += self.rng.choice([1, 50, 150, 600, 4000])

    def move(self) -> None:
        """A node joins, leaves, returns or changes its keys."""
        it, id = self.it, self.rng.randint(1, 6)
        account = it.account(id)
        match self.rng.choice(["join", "exit", "return", "rotate", "rotate", "revoke", "admit"]):
            case "join":
                if len(it.model.nodes) < NODES:
                    self.attempt(it.join)
            case "exit":
                self.call(account, "exit")
            case "return":
                self.come_back(id)
            case "rotate":
                signer = self.fresh_key() if self.chance(0.7) else it.voice(id)
                keys = {"encryptionKey": self.rng.choice(WORDS), "transportKey": WORDS[1]}
                self.call(account, "rotate", signer=signer, **keys)
            case "revoke":
                self.call(it.admin, "revoke", id=id)
            case _:
                self.call(it.admin, "admit", account=account, allowed=self.chance(0.7))

    def come_back(self, id: int) -> None:
        form = self.it.registration(id) | {"signer": self.fresh_key()}
        self.call(self.it.account(id), "register", **form)

    def fresh_key(self) -> str:
        """A signer that was never used, if any is left."""
        self.next_key += 1
        return self.it.signer(min(self.next_key, SIGNERS[-1]))

    def move_escrow(self) -> None:
        name = self.rng.choice(["deposit", "withdraw"])
        self.call(self.it.admin, name, amount=self.rng.randint(0, 10**6))

    def pay(self) -> None:
        """Claim, withdraw a stake, collect or recycle for any account."""
        it, vault = self.it, self.it.model.vault
        match name := self.rng.choice(["claim", "withdrawStake", "collect", "recycle"]):
            case "claim":
                if it.model.totals:
                    self.attempt(it.claim, self.rng.randint(1, len(it.model.totals)))
            case "withdrawStake":
                unbonding = [id for id, payee in vault.payees.items() if payee.until < NEVER]
                id = self.rng.choice(unbonding or [1])
                if unbonding and self.chance(0.3):
                    it.time = max(it.time, vault.payees[id].until)
                self.call(it.anybody, name, id=id)
            case "collect":
                self.call(it.anybody, name, reporter=self.rng.choice([*vault.owed, it.anybody]))
            case _:
                self.call(it.anybody, name)

    def prove_equivocation(self) -> None:
        it, id = self.it, self.rng.randint(1, len(self.it.model.nodes))
        key = it.key(3) if self.chance(0.3) else None
        call = it.equivocation(id, key, round=max(0, it.id - self.rng.randint(0, 1)))
        self.call(it.anybody, "proveEquivocation", **call)

    # -- anything ----------------------------------------------------------------------------------

    @property
    def actors(self) -> list[str]:
        """All possible senders: the admin, a stranger, signers and accounts."""
        it = self.it
        members = [who for id in (1, 2, 7) for who in (it.signer(id), it.account(id))]
        return [it.admin, it.anybody, *members]

    def anything(self) -> None:
        """Any function, by any sender, with plausible arguments."""
        name, sender = self.rng.choice(sorted(PARAMETERS)), self.rng.choice(self.actors)
        args = {field: self.rng.choice(self.values(field)) for field in PARAMETERS[name]}
        self.call(sender, name, **args)

    def settle_on_anything(self) -> None:
        good = self.it.settlement()
        other: dict[str, Any] = {
            "round": good["round"] + 1,
            "updates": good["updates"] + bytes(34),
            "scores": good["scores"][1:],
            "ledger": [*good["ledger"], 1],
        }
        name = self.rng.choice(sorted(other))
        self.call(self.it.anybody, "settle", **good | {name: other[name]})

    def values(self, field: str) -> list[Any]:
        """Plausible values of an argument with this name."""
        it, addresses = self.it, [*self.actors, ZERO_ADDRESS]
        match field:
            case "round":
                return [it.id, it.id, it.id, it.id + 1, max(0, it.id - 1)]
            case "id":
                return [*range(NODES + 1)]
            case "slot":
                return [0, 1, 2, 3, 255]
            case "amount" | "total":
                return [0, 1, 500, 10**6]
            case "base":
                return [it.model.state_root, bytes(32)]
            case "role":
                return [ADMIN, COUNCIL, COORDINATOR, PAUSER, b"\x01" * 32]
            case "allowed":
                return [True, False]
            case "proof":
                return [[], [bytes(32)]]
            case "items" | "signatures" | "scores":
                size = {"items": 116, "signatures": 65, "scores": 4}[field]
                return [b"", bytes(size), bytes(size + 1), b"\xff" * 2 * size]
            case "salt":
                return [SALT]
            case "signer":
                return [*map(it.signer, range(1, 13)), ZERO_ADDRESS]
            case "account" | "newAdmin" | "reporter":
                return addresses
            case _:
                return WORDS


# Arguments of each call; ``settle`` and the disputes are not here, as random values never fit.
PARAMETERS: dict[str, list[str]] = {
    "acceptDefaultAdminTransfer": [],
    "admit": ["account", "allowed"],
    "advance": ["round"],
    "attestMerge": ["round", "signatures"],
    "beginDefaultAdminTransfer": ["newAdmin"],
    "cancelDefaultAdminTransfer": [],
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
    "renounceRole": ["role", "account"],
    "revealVerdict": ["round", "slot", "scores", "salt"],
    "revoke": ["id"],
    "revokeRole": ["role", "account"],
    "rotate": ["signer", "encryptionKey", "transportKey"],
    "setAllowList": ["root"],
    "unpause": [],
    "withdraw": ["amount"],
    "withdrawStake": ["id"],
}
