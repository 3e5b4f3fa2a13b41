"""Whatever anybody does in any order: money is conserved and no round sticks.

Hypothesis makes the calls, in place and out of it, at arbitrary times. After every one the books
must balance, and the live round must be able to end by time and by strangers' calls alone.
"""

import copy
from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from collegium.protocol.machine import Context, Revert
from collegium.protocol.round import Phase

ids = st.integers(1, 6)
scores = st.integers(-300, 300) | st.just(-(2**31))
seen: Counter[str] = Counter()


class AnyOrder(RuleBasedStateMachine):
    """A consortium whose members sometimes do what is due and sometimes something else."""

    def __init__(self, consortium) -> None:
        super().__init__()
        self.it = consortium
        self.sealed: dict[tuple[int, int], list[int]] = {}

    @property
    def phase(self) -> Phase:
        return self.it.model.status(self.it.time).phase

    def attempt(self, step, *args, **kwargs) -> None:
        """Do it if the contract allows, and count what came of it."""
        try:
            events = step(*args, **kwargs)
        except Revert as refusal:
            seen[refusal.name] += 1
        else:
            seen.update(event.name for event in events)

    @rule(count=st.integers(1, 8), data=st.data())
    def go_on(self, count, data):
        for _ in range(count):
            self.due(data)

    def due(self, data) -> None:
        """One step that fits the phase, by whom it may concern; or its deadline passes."""
        it, round_ = self.it, self.it.round
        match self.phase:
            case Phase.IDLE | Phase.FINAL | Phase.CANCELLED:
                self.attempt(it.open)
            case Phase.COMMIT | Phase.SCORE | Phase.REVEAL if data.draw(st.integers(0, 9)) == 0:
                it.expire()
                self.attempt(it.advance)
            case Phase.COMMIT:
                missing = [id for id in round_.members.values() if not round_.committed(id)]
                if missing:
                    self.attempt(it.commit, data.draw(st.sampled_from(missing)))
                else:
                    it.expire()
            case Phase.SCORE:
                self.seal(data.draw(st.sampled_from(sorted({0, 1, 2} - set(round_.seals)))), data)
            case Phase.REVEAL:
                slots = sorted(set(round_.seals) - set(round_.scores))
                self.reveal(data.draw(st.sampled_from(slots)))
            case Phase.SETTLE:
                self.attempt(it.settle)
            case Phase.MERGE:
                self.attempt(it.propose, data.draw(st.binary(min_size=32, max_size=32)))
            case Phase.PROPOSED:
                self.attempt(it.attest, data.draw(st.integers(0, 2)))
            case _:
                self.attempt(it.advance)

    def seal(self, slot, data) -> None:
        count = len(self.it.round.updates)
        votes = data.draw(st.lists(scores, min_size=count, max_size=count))
        self.sealed.setdefault((self.it.id, slot), votes)
        self.attempt(self.it.seal, slot, self.sealed[self.it.id, slot])

    def reveal(self, slot) -> None:
        self.attempt(self.it.reveal, slot, self.sealed[self.it.id, slot])

    @rule(seconds=st.sampled_from([1, 50, 150, 600]))
    def wait(self, seconds):
        self.it.time += seconds

    @rule()
    def join(self):
        if len(self.it.model.nodes) < 8:
            self.it.join()

    @rule(id=ids)
    def revoke(self, id):
        self.attempt(self.it.call, self.it.admin, "revoke", id=id)

    @rule(name=st.sampled_from(["pause", "unpause", "unpause"]))
    def pause(self, name):
        self.attempt(self.it.call, self.it.admin, name)

    @rule(amount=st.integers(-(10**6), 10**6))
    def move_escrow(self, amount):
        name = "deposit" if amount > 0 else "withdraw"
        self.attempt(self.it.call, self.it.admin, name, amount=abs(amount))

    @rule(batch=st.lists(ids, min_size=1, max_size=4))
    def relay(self, batch):
        items = b"".join(self.it.commitment(id) for id in batch)
        call = {"round": self.it.id, "items": items}
        self.attempt(self.it.call, self.it.anybody, "commitUpdates", **call)

    @rule(id=ids, root=st.binary(min_size=32, max_size=32))
    def propose_out_of_turn(self, id, root):
        self.attempt(self.it.propose, root, id)

    @rule(data=st.data())
    def claim(self, data):
        for id in range(1, len(self.it.model.totals) + 1):
            if data.draw(st.booleans()):
                self.attempt(self.it.claim, id)

    @invariant()
    def every_claim_is_covered(self):
        vault, totals = self.it.model.vault, self.it.model.totals
        vault.verify_conservation()
        payees = vault.payees.values()
        unpaid = sum(totals) - sum(payee.claimed for payee in payees)
        assert unpaid + sum(payee.bonus for payee in payees) == vault.earned - vault.claimed_total
        assert vault.staked == sum(payee.stake for payee in payees)
        assert (vault.reserved > 0) == self.it.round.live

    @invariant()
    def the_round_can_end_without_its_committee_and_aggregator(self):
        """Time passes, strangers call what is due, and any node of the round proposes."""
        it = copy.deepcopy(self.it)
        for _ in range(8):
            if not it.round.live:
                return
            it.expire()
            status = it.model.status(it.time)
            match status.phase:
                case Phase.REVEAL if not status.cancellable:
                    continue  # scoring has just ended; revealing has a deadline of its own
                case Phase.SETTLE:
                    it.settle()
                case Phase.MERGE:
                    it.propose(b"\x0b" * 32, next(iter(it.round.members.values())))
                case _:
                    it.advance()
        raise AssertionError(f"stuck in {it.round}")

    @invariant()
    def a_refused_call_leaves_nothing_behind(self):
        model = self.it.model
        before = copy.deepcopy((model.round, model.vault.payees, model.totals))
        context = Context(self.it.anybody, self.it.time)
        for name, args in (
            ("settle", {"round": self.it.id, "updates": b"?", "scores": [], "ledger": []}),
            ("attestMerge", {"round": self.it.id, "signatures": bytes(65)}),
            ("openRound", {"base": model.state_root}),
        ):
            try:
                model.call(context, name, **args)
            except Revert:
                assert (model.round, model.vault.payees, model.totals) == before
            else:
                raise AssertionError(f"{name} by a stranger")


def test_any_order_of_calls(make_consortium, terms):
    seen.clear()
    run_state_machine_as_test(
        lambda: AnyOrder(make_consortium(terms, escrow=5 * terms.reward)),
        settings=settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True),
    )
    # The search must have been where money moves, or its silence says nothing.
    for name in ("RoundSettled", "RoundFinalised", "RoundCancelled", "Credited", "Claimed"):
        assert seen[name] > 0, seen
