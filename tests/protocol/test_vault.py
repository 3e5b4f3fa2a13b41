"""Money: deposits, stakes and claims; nothing is paid twice and nothing is lost."""

from dataclasses import replace

import pytest

from collegium.errors import NotConserved
from collegium.protocol import ledger
from collegium.protocol.machine import Revert


def test_deposits_and_withdrawals_move_free_escrow(consortium):
    vault, admin = consortium.model.vault, consortium.admin
    (event,) = consortium.call(consortium.anybody, "deposit", amount=5)
    assert (event.contract, event.name) == ("vault", "Deposited")
    assert event.args == {"from": consortium.anybody, "amount": 5}
    consortium.call(admin, "withdraw", amount=10**8)
    assert (vault.free, vault.deposited, vault.withdrawn) == (5, 10**8 + 5, 10**8)
    with pytest.raises(Revert, match=r"InsufficientFree\(free=5, needed=6\)"):
        consortium.call(admin, "withdraw", amount=6)
    with pytest.raises(Revert, match="NotSponsor"):
        consortium.call(consortium.anybody, "withdraw", amount=1)


def test_stakes_are_out_of_the_sponsors_reach(make_consortium, terms):
    consortium = make_consortium(terms, escrow=0)
    assert consortium.model.vault.balance == 5 * terms.stake
    with pytest.raises(Revert, match="InsufficientFree"):
        consortium.call(consortium.admin, "withdraw", amount=1)


def test_all_deposits_fit_the_ledger(consortium):
    with pytest.raises(Revert, match="DepositTooLarge"):
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
    consortium.propose(b"\x09" * 32)
    consortium.attest(0, 1)
    assert vault.reserved == 0 and vault.earned == 999_999
    assert vault.payees[consortium.round.proposer].bonus == 50_000


def test_one_claim_covers_all_rounds_and_none_is_paid_twice(consortium):
    consortium.finished()
    consortium.finished(b"\x0a" * 32)
    vault, before = consortium.model.vault, consortium.model.vault.balance
    paid = {id: consortium.claim(id)[0].args["amount"] for id in range(1, 6)}
    assert sum(paid.values()) == vault.earned == 2 * 999_999
    assert before - vault.balance == vault.claimed_total == vault.earned
    for id in range(1, 6):
        with pytest.raises(Revert, match="NothingToClaim"):
            consortium.claim(id)
    consortium.finished(b"\x0b" * 32)
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
        with pytest.raises(Revert, match="WrongProof"):
            consortium.call(consortium.anybody, "claim", id=id, total=total, proof=proof)
    consortium.propose(b"\x09" * 32)
    consortium.attest(0, 1)
    consortium.finished(b"\x0a" * 32)
    with pytest.raises(Revert, match="WrongProof"):
        consortium.call(consortium.anybody, "claim", id=2, total=totals[1], proof=proof)


def test_a_revoked_node_keeps_what_it_has_earned(consortium):
    consortium.finished()
    consortium.call(consortium.admin, "revoke", id=2)
    consortium.call(consortium.admin, "pause")
    assert consortium.claim(2)[0].args["amount"] > 0


def test_a_bonus_is_paid_once(make_consortium, terms):
    """With everything to the aggregator, totals are zero and only the bonus is claimed."""
    shares = {"node_share": 0, "validator_share": 0, "aggregator_share": 10_000}
    consortium = make_consortium(replace(terms, **shares))
    consortium.finished()
    proposer = consortium.round.proposer
    (event,) = consortium.claim(proposer)
    assert (event.args["amount"], event.args["total"]) == (terms.reward, 0)
    with pytest.raises(Revert, match="NothingToClaim"):
        consortium.claim(proposer)


@pytest.mark.parametrize("field", ["free", "reserved", "earned", "deposited", "staked", "balance"])
def test_a_lost_or_invented_unit_is_noticed(consortium, field):
    vault = consortium.model.vault
    for step in (1, -1):
        setattr(vault, field, getattr(vault, field) + step)
        with pytest.raises(NotConserved):
            vault.verify_conservation()
        setattr(vault, field, getattr(vault, field) - step)
    vault.verify_conservation()
