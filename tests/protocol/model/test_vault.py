"""Money: deposits, stakes and claims; nothing is paid twice and nothing is lost."""

from dataclasses import replace

import pytest
from tests.support.consortium import refused

from collegium.errors import NotConserved
from collegium.protocol import ledger
from collegium.protocol.model.machine import ZERO_ADDRESS
from collegium.protocol.model.vault import NEVER


def test_deposits_and_withdrawals_move_free_escrow(consortium):
    vault, admin = consortium.model.vault, consortium.admin
    (event,) = consortium.call(consortium.anybody, "deposit", amount=5)
    assert (event.contract, event.name) == ("vault", "Deposited")
    assert event.args == {"from": consortium.anybody, "amount": 5}
    consortium.call(admin, "withdraw", amount=10**8)
    assert (vault.free, vault.deposited, vault.withdrawn) == (5, 10**8 + 5, 10**8)
    with refused("InsufficientFree", free=5, needed=6):
        consortium.call(admin, "withdraw", amount=6)
    with refused("NotSponsor"):
        consortium.call(consortium.anybody, "withdraw", amount=1)


def test_stakes_are_out_of_the_sponsors_reach(make_consortium, terms):
    consortium = make_consortium(terms, escrow=0)
    assert consortium.model.vault.balance == 5 * terms.stake
    with refused("InsufficientFree"):
        consortium.call(consortium.admin, "withdraw", amount=1)


def test_all_deposits_fit_the_ledger(consortium):
    with refused("DepositTooLarge"):
        consortium.call(consortium.admin, "deposit", amount=2**96 - 10**8)
    consortium.call(consortium.admin, "deposit", amount=2**96 - 1 - 10**8)


def test_a_round_moves_money_from_free_to_earned(consortium, terms):
    vault = consortium.model.vault
    consortium.open()
    assert (vault.free, vault.reserved) == (10**8 - terms.reward, terms.reward)
    consortium.commit(1, 2, 3, 4, 5)
    consortium.draw()
    for step in (consortium.seal, consortium.reveal):
        for slot in range(3):
            step(slot, [100] * 5)
    consortium.settle()
    assert vault.reserved == 50_000  # for the aggregator
    assert vault.earned == 850_000 + 99_999
    assert vault.free == 10**8 - terms.reward + 1
    consortium.propose()
    consortium.final()
    assert vault.reserved == 0 and vault.earned == 999_999
    assert vault.payees[consortium.round.proposer].bonus == 50_000


def test_one_claim_covers_all_rounds_and_none_is_paid_twice(consortium):
    consortium.finished()
    consortium.finished()
    vault, before = consortium.model.vault, consortium.model.vault.balance
    paid = {id: consortium.claim(id)[0].args["amount"] for id in range(1, 6)}
    assert sum(paid.values()) == vault.earned == 2 * 999_999
    assert before - vault.balance == vault.claimed_total == vault.earned
    for id in range(1, 6):
        with refused("NothingToClaim"):
            consortium.claim(id)
    consortium.finished()
    assert sum(consortium.claim(id)[0].args["amount"] for id in range(1, 6)) == 999_999


def test_a_claim_pays_the_nodes_account_whoever_calls(consortium):
    consortium.settled()
    (event,) = consortium.claim(2)
    assert event.args["account"] == consortium.account(2)
    assert event.args["total"] == consortium.model.totals[1] == event.args["amount"]


def test_old_foreign_and_invented_totals_cannot_be_claimed(consortium):
    consortium.settled()
    totals = list(consortium.model.totals)
    proof = ledger.proof(totals, 2)
    for id, total in ((2, totals[1] + 1), (3, totals[1]), (2, 0)):
        with refused("WrongProof"):
            consortium.call(consortium.anybody, "claim", id=id, total=total, proof=proof)
    consortium.propose()
    consortium.final()
    consortium.finished()
    with refused("WrongProof"):
        consortium.call(consortium.anybody, "claim", id=2, total=totals[1], proof=proof)


def test_a_revoked_node_keeps_what_it_has_earned(consortium):
    consortium.finished()
    consortium.call(consortium.admin, "revoke", id=2)
    consortium.call(consortium.admin, "pause")
    assert consortium.claim(2)[0].args["amount"] > 0


def test_a_bonus_is_paid_once(make_consortium, terms):
    """If the aggregator gets the whole reward, totals are zero and only the bonus is claimed."""
    shares = {"node_share": 0, "validator_share": 0, "aggregator_share": 10_000}
    consortium = make_consortium(replace(terms, **shares))
    consortium.finished()
    proposer = consortium.round.proposer
    (event,) = consortium.claim(proposer)
    assert (event.args["amount"], event.args["total"]) == (terms.reward, 0)
    with refused("NothingToClaim"):
        consortium.claim(proposer)


@pytest.mark.parametrize(
    "field", ["free", "reserved", "earned", "deposited", "staked", "forfeited", "balance"]
)
def test_a_lost_or_invented_unit_is_noticed(consortium, field):
    vault = consortium.model.vault
    for step in (1, -1):
        setattr(vault, field, getattr(vault, field) + step)
        with pytest.raises(NotConserved):
            vault.verify_conservation()
        setattr(vault, field, getattr(vault, field) - step)
    vault.verify_conservation()


# -- stakes ----------------------------------------------------------------------------------------


def test_a_stake_goes_back_when_it_is_unbonded(consortium, terms):
    with refused("StakeLocked", id=2, until=NEVER):
        consortium.call(consortium.anybody, "withdrawStake", id=2)
    consortium.call(consortium.account(2), "exit")
    until = consortium.time + terms.unbonding
    consortium.time = until - 1
    with refused("StakeLocked", id=2, until=until):
        consortium.call(consortium.anybody, "withdrawStake", id=2)
    consortium.time = until
    (event,) = consortium.call(consortium.anybody, "withdrawStake", id=2)
    account = consortium.account(2)
    assert event.args == {"id": 2, "account": account, "amount": terms.stake}
    assert consortium.model.vault.staked == 4 * terms.stake
    with refused("NothingToClaim", id=2):
        consortium.call(consortium.anybody, "withdrawStake", id=2)
    for unknown in (0, 6, 65535):
        with refused("StakeLocked", id=unknown):
            consortium.call(consortium.anybody, "withdrawStake", id=unknown)


def test_a_stake_stays_while_a_live_round_needs_it(consortium, terms):
    consortium.open()
    consortium.call(consortium.account(2), "exit")
    consortium.time += 2 * terms.unbonding  # and no one has ended the round
    with refused("StakeLocked", id=2):
        consortium.call(consortium.anybody, "withdrawStake", id=2)
    consortium.advance()
    consortium.call(consortium.anybody, "withdrawStake", id=2)


def test_a_stake_of_an_earlier_round_is_withdrawn_during_a_later_one(consortium, terms):
    consortium.call(consortium.account(2), "exit")
    consortium.time += terms.unbonding
    consortium.open()
    consortium.call(consortium.anybody, "withdrawStake", id=2)


def test_a_node_that_comes_back_fills_up_its_stake_and_ends_unbonding(consortium, terms):
    for signer, out in ((9, False), (10, True)):
        consortium.call(consortium.account(2), "exit")
        if out:
            consortium.time += terms.unbonding
            consortium.call(consortium.anybody, "withdrawStake", id=2)
        form = consortium.registration(2) | {"signer": consortium.signer(signer)}
        _, staked = consortium.call(consortium.account(2), "register", **form)
        assert staked.args["amount"] == (terms.stake if out else 0)
        consortium.time += 2 * terms.unbonding
        with refused("StakeLocked", until=NEVER):
            consortium.call(consortium.anybody, "withdrawStake", id=2)


def test_half_of_a_slashed_stake_is_owed_to_its_reporter(consortium, terms):
    consortium.open()
    vault, reporter = consortium.model.vault, consortium.account(5)
    slashed, *_ = consortium.call(reporter, "proveEquivocation", **consortium.equivocation(2))
    assert slashed.args == {"id": 2, "amount": 500, "reporter": reporter, "reward": 250}
    assert (vault.staked, vault.owed_total, vault.forfeited) == (2000, 250, 250)
    (event,) = consortium.call(consortium.anybody, "collect", reporter=reporter)
    assert event.args == {"reporter": reporter, "amount": 250}
    with refused("NothingOwed", reporter=reporter):
        consortium.call(reporter, "collect", reporter=reporter)
    free = vault.free
    (event,) = consortium.call(consortium.anybody, "recycle")
    assert event.args == {"amount": 250} and vault.free == free + 250
    assert (vault.forfeited, vault.deposited) == (0, 10**8 + 250)
    with refused("NothingOwed", reporter=ZERO_ADDRESS):
        consortium.call(consortium.anybody, "recycle")


def test_a_reward_is_rounded_down(make_consortium, terms):
    consortium = make_consortium(replace(terms, stake=7))
    consortium.open()
    slashed, *_ = consortium.call(
        consortium.anybody, "proveEquivocation", **consortium.equivocation(2)
    )
    assert (slashed.args["amount"], slashed.args["reward"]) == (7, 3)
    assert consortium.model.vault.forfeited == 4


def test_forfeited_stakes_are_recycled_only_if_they_fit_the_ledger(consortium):
    consortium.open()
    consortium.call(consortium.anybody, "proveEquivocation", **consortium.equivocation(2))
    consortium.call(consortium.admin, "deposit", amount=2**96 - 1 - 10**8)
    with refused("DepositTooLarge", amount=250):
        consortium.call(consortium.anybody, "recycle")
    assert consortium.model.vault.forfeited == 250
