"""For any calls in any order, money is conserved and every round can end.

After every step of a ``Crowd`` the accounts must balance, and time and a stranger's calls alone
must be able to end the live round.
"""

import copy
from collections import Counter

from hypothesis import settings
from hypothesis.stateful import invariant, run_state_machine_as_test
from tests.support.crowd import PARAMETERS, Crowd

from collegium.protocol.model.federation import DISPUTES_CALLS, FEDERATION_CALLS, VAULT_CALLS
from collegium.protocol.model.machine import Context, Revert
from collegium.protocol.model.round import Phase


class AnyOrder(Crowd):
    """A crowd whose federation is checked after every step."""

    @invariant()
    def every_claim_is_covered(self):
        vault, totals = self.it.model.vault, self.it.model.totals
        vault.verify_conservation()
        payees = vault.payees.values()
        unpaid = sum(totals) - sum(payee.claimed for payee in payees)
        assert unpaid + sum(payee.bonus for payee in payees) == vault.earned - vault.claimed_total
        assert vault.staked == sum(payee.stake for payee in payees)
        assert all(0 <= payee.stake <= self.it.model.terms.stake for payee in payees)
        assert (vault.reserved > 0) == self.it.round.live

    @invariant()
    def a_member_of_the_live_round_has_its_stake_locked(self):
        it = copy.deepcopy(self.it)
        it.time += 10**9
        for id in it.round.members.values() if it.round.live else ():
            try:
                it.call(it.anybody, "withdrawStake", id=id)
            except Revert as refusal:
                assert refusal.name == "StakeLocked"
            else:
                raise AssertionError(f"stake of {id} left")

    @invariant()
    def the_round_can_end_by_time_and_a_stranger_alone(self):
        it = copy.deepcopy(self.it)
        for _ in range(8):
            if not it.round.live:
                return
            it.expire()
            status = it.model.status(it.time)
            match status.phase:
                case Phase.REVEAL if not status.cancellable:
                    continue  # scoring has just ended; revealing has its own deadline
                case Phase.SETTLE:
                    it.settle()
                case Phase.MERGE:
                    it.time = max(it.time, it.round.deadline + it.model.terms.challenge_window)
                    it.advance()
                case _:
                    it.advance()
        raise AssertionError(f"stuck in {it.round}")

    @invariant()
    def a_refused_call_leaves_nothing_behind(self):
        model = self.it.model
        before = copy.deepcopy((model.round, model.vault.payees, model.totals, model.nodes))
        context = Context(self.it.account(99), self.it.time)
        for name, args in (
            ("settle", {"round": self.it.id, "updates": b"?", "scores": [], "ledger": []}),
            ("attestMerge", {"round": self.it.id, "signatures": bytes(65)}),
            ("openRound", {"base": model.state_root}),
            ("exit", {}),
            ("withdraw", {"amount": 0}),
        ):
            try:
                model.call(context, name, **args)
            except Revert:
                assert (model.round, model.vault.payees, model.totals, model.nodes) == before
            else:
                raise AssertionError(f"{name} by a stranger")


def test_any_order_of_calls(make_consortium, terms):
    run_state_machine_as_test(
        lambda: AnyOrder(make_consortium(terms, escrow=5 * terms.reward), Counter()),
        settings=settings(max_examples=60, stateful_step_count=30),
    )


def test_the_crowd_reaches_the_calls_that_move_money(make_consortium, terms):
    """Otherwise the search above would prove nothing."""
    seen: Counter[str] = Counter()
    for seed in range(40):
        Crowd(make_consortium(terms, escrow=5 * terms.reward), seen).walk(seed, 40)
    for name in (
        *("RoundSettled", "RoundFinalised", "RoundCancelled", "Credited", "Claimed"),
        *("MergeRejected", "NodeSlashed", "NodeLeft", "StakeWithdrawn", "Collected", "Recycled"),
        *("NodeRotated", "StakeLocked", "WrongLeaf", "NotBonded", "ProposerBarred"),
    ):
        assert seen[name] > 0, (name, seen)


def test_the_crowd_knows_every_call():
    calls = FEDERATION_CALLS | VAULT_CALLS | DISPUTES_CALLS
    assert set(PARAMETERS) | {"settle", "disputeMerge", "proveEquivocation"} == calls
