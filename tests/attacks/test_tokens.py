"""Tokens that call back, take a fee, lie, or block an account.

The federation cannot control its token's code. For any token, nothing is paid twice, nothing is
booked that did not arrive, and no round or payment waits for another payment.
"""

from collections.abc import Callable
from typing import Any

import pytest
from tests.contracts.conftest import build  # noqa: F401
from tests.support.by_hand import ByHand
from tests.support.offences import check_books, equivocate, owed, report, stake
from tests.support.terms import TERMS
from tests.support.world import World, register

from collegium.chain.abi import Abi
from collegium.chain.bindings import Contract
from collegium.chain.federation import Federation
from collegium.chain.shipped import Artifact
from collegium.errors import TransactionReverted
from collegium.protocol import ledger
from collegium.protocol.digest import keccak
from collegium.workspace.keyring import Keyring

PAYMENTS = ("claim", "withdraw", "withdrawStake", "collect")
KEYS = (b"\x0e" * 32, b"\x0f" * 32)


@pytest.fixture(scope="session")
def hostile(build: Any) -> Artifact:  # noqa: F811
    """``Hostile.sol``, compiled; skips the test if there is no compiler."""
    made = build.compile_contracts(["tests/attacks/Hostile.sol"])["HostileToken"]
    code = bytes.fromhex(made["evm"]["bytecode"]["object"])
    return Artifact("HostileToken", Abi(made["abi"]), code)


@pytest.fixture
def paid(played: Callable[..., ByHand], hostile: Artifact) -> ByHand:
    """A final round, paid in this token; node 1 owes node 2 a reward, and node 3 has left."""
    hand = played("finish", token=hostile)
    report(hand.nodes[2].federation, equivocate(hand, 1))
    hand.world.federation.using(hand.nodes[3].keys.account).exit()
    hand.world.chain.increase_time(2 * TERMS.unbonding)
    return hand


@pytest.fixture
def token(paid: ByHand, hostile: Artifact) -> Contract:
    federation = paid.world.federation
    return Contract(federation.chain, federation.token.address, hostile.abi)


def tell(token: Contract, hand: ByHand, function: str, *args: Any) -> None:
    token.transact(hand.world.federation.sender, function, *args)


def claim_of(hand: ByHand, node: int) -> tuple[str, int, int, list[bytes]]:
    totals = list(hand.world.settled(1).totals)
    return "claim", node, totals[node - 1], ledger.proof(totals, node)


def payments(hand: ByHand) -> dict[str, Callable[[Federation], object]]:
    """All calls that make the vault pay."""
    reporter = hand.nodes[2].federation.sender.address
    return {
        "claim": lambda federation: federation.claim(4),
        "withdraw": lambda federation: federation.withdraw(1000),
        "withdrawStake": lambda federation: federation.withdraw_stake(3),
        "collect": lambda federation: federation.collect(reporter),
    }


def again(hand: ByHand, what: str) -> bytes:
    """The calldata of a payment, for the token to call back with."""
    vault = hand.world.federation.vault
    calls = {
        "claim": claim_of(hand, 4),
        "withdraw": ("withdraw", 1000),
        "withdrawStake": ("withdrawStake", 3),
        "collect": ("collect", hand.nodes[2].federation.sender.address),
    }
    return vault.encode(*calls[what])


@pytest.mark.parametrize("inner", PAYMENTS)
@pytest.mark.parametrize("outer", PAYMENTS)
def test_a_token_that_calls_back(paid: ByHand, token: Contract, outer: str, inner: str) -> None:
    """Re-entrant token: during one payment it requests the same one, or another."""
    federation = paid.world.federation
    held = federation.balance(federation.vault.address)
    tell(token, paid, "arm", federation.vault.address, again(paid, inner))
    payments(paid)[outer](federation)
    assert not token.call("done")
    assert token.call("answer") == keccak(b"Reentered()")[:4]
    events = {"claim": "Claimed", "withdraw": "Withdrawn", "withdrawStake": "StakeWithdrawn"}
    paid_out = federation.events(events.get(outer, "Collected"))[-1]["amount"]
    assert federation.balance(federation.vault.address) == held - paid_out
    check_books(paid.world)


@pytest.mark.parametrize("inner", ["deposit", "register"])
def test_a_token_that_calls_back_while_it_is_paid_in(
    paid: ByHand, token: Contract, inner: str
) -> None:
    """Re-entrant token: one transfer would count as two deposits, or as deposit and stake."""
    federation = paid.world.federation
    federation.mint(federation.sender.address, 10)
    federation.approve(10)
    calls = {
        "deposit": (federation.vault, ("deposit", 10)),
        "register": (federation.federation, ("register", "0x" + "5a" * 20, *KEYS, [])),
    }
    contract, call = calls[inner]
    if inner == "register":
        federation.admit(token.address)  # the token itself becomes a member and calls as one
    tell(token, paid, "arm", contract.address, contract.encode(*call))
    deposited = federation.escrow().deposited
    federation.deposit(10)
    assert not token.call("done")
    assert federation.escrow().deposited == deposited + 10
    check_books(paid.world)


def test_a_token_that_takes_a_fee(paid: ByHand, token: Contract) -> None:
    """Fee-taking token: only what arrives counts, and a node whose stake is short cannot join."""
    world, federation = paid.world, paid.world.federation
    tell(token, paid, "setFee", 10)
    before = federation.escrow().deposited
    federation.mint(federation.sender.address, 1000)
    federation.deposit(1000)
    assert federation.escrow().deposited == before + 900
    with pytest.raises(TransactionReverted, match="WrongStake"):
        register(federation, Keyring.generate(b"late"))
    amount = federation.due(4)
    federation.claim(4)  # the vault pays what it owes; the token takes its fee from the receiver
    account = paid.nodes[4].keys.account.address
    assert federation.balance(account) == amount - amount * 10 // 100
    check_books(world)


@pytest.mark.parametrize("what", PAYMENTS)
def test_a_token_that_answers_false(paid: ByHand, token: Contract, what: str) -> None:
    """False-returning token: a failed payment is not booked, and is paid in full later."""
    world, federation = paid.world, paid.world.federation
    tell(token, paid, "setLies", True)
    with pytest.raises(TransactionReverted, match="SafeERC20FailedOperation"):
        payments(paid)[what](federation)
    check_books(world)
    tell(token, paid, "setLies", False)
    payments(paid)[what](federation)
    check_books(world)


def test_a_token_that_answers_false_when_it_is_paid_in(paid: ByHand, token: Contract) -> None:
    """False-returning token: without tokens there is no deposit and no member."""
    federation = paid.world.federation
    federation.mint(federation.sender.address, 1000)
    federation.approve(1000)
    tell(token, paid, "setLies", True)
    for act in (
        lambda: federation.deposit(1000),
        lambda: register(federation, Keyring.generate(b"late")),
    ):
        with pytest.raises(TransactionReverted, match="SafeERC20FailedOperation"):
            act()
    check_books(paid.world)


def test_a_token_that_refuses_to_pay_one_account(paid: ByHand, token: Contract) -> None:
    """Blacklisting token: only the blocked account waits; all others are paid."""
    federation = paid.world.federation
    reporter = paid.nodes[2].federation.sender.address
    refused = {
        "claim": paid.nodes[4].keys.account.address,
        "withdrawStake": paid.nodes[3].keys.account.address,
        "collect": reporter,
    }
    for account in refused.values():
        tell(token, paid, "refuse", account)
    for what in refused:
        with pytest.raises(TransactionReverted, match="refused"):
            payments(paid)[what](federation)
    check_books(paid.world)
    federation.claim(5)
    federation.claim(2)  # it reported with its signer; its account is another address
    assert owed(paid.world, reporter) == 250 and stake(paid.world, 3) == TERMS.stake


def test_a_refused_reporter_does_not_save_the_offender(
    played: Callable[..., ByHand], hostile: Artifact
) -> None:
    """Blacklisting token: slashing, settling and the next round never call the token."""
    hand = played("open", token=hostile)
    world: World = hand.world
    contract = Contract(world.chain, world.federation.token.address, hostile.abi)
    for number in (1, 2):
        for key in (hand.nodes[number].keys.account, hand.nodes[number].keys.signer):
            contract.transact(world.federation.sender, "refuse", key.address)
    report(hand.nodes[2].federation, equivocate(hand, 1))
    assert stake(world, 1) == 0
    hand.play("finish", "commit")
    assert hand.view.phase == "Final"
    world.federation.claim(3)
    check_books(world)
