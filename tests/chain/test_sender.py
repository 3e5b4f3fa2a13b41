"""Each transaction is sent exactly once, even if the connection breaks."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from eth_account import Account

from collegium.chain import engines
from collegium.chain.connection import Chain
from collegium.chain.embedded.genesis import BALANCE_WEI
from collegium.chain.http import Retry
from collegium.chain.nonces import nonce_slot
from collegium.chain.sender import Sender
from collegium.errors import (
    ChainError,
    ChainUnreachable,
    InsufficientFunds,
    TransactionPending,
    TransactionReverted,
)

HASTY = Retry(attempts=4, pause=0.01, longest_pause=0.02, timeout=2)
RAW = "eth_sendRawTransaction"
Senders = Callable[..., Sender]


def _received(chain: Chain) -> int:
    address = chain.dev_accounts[19].address
    return int(chain.rpc("eth_getBalance", address, "latest"), 16) - BALANCE_WEI


def _pay(sender: Sender, value: int = 7):
    return sender.send(sender.chain.dev_accounts[19].address, value=value)


# -- connections that fail ----------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["lose-answer", "garbage"])
@pytest.mark.parametrize("times", [1, 3])
def test_a_lost_answer_never_sends_twice(flaky, sender_for: Senders, fault: str, times: int):
    proxy = flaky(lambda method, nth: fault if method == RAW and nth < times else None)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        receipt = _pay(sender_for(chain, retry=HASTY))
        assert receipt.succeeded and _received(chain) == 7
        assert chain.head == 1
        # It had arrived the first time, which its hash told: nothing was sent again.
        assert proxy.forwarded[RAW] == 1


def test_a_lost_request_is_sent_again_as_the_same_bytes(flaky, sender_for: Senders):
    proxy = flaky(lambda method, nth: "lose-request" if method == RAW and nth < 2 else None)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        _pay(sender_for(chain, retry=HASTY))
        assert proxy.seen[RAW] == 3 and proxy.forwarded[RAW] == 1
        assert _received(chain) == 7


def test_resending_while_the_server_cannot_find_it_is_harmless(flaky, sender_for: Senders):
    """The answer is lost, and for a while a lagging server denies that it knows the hash."""

    def fault(method: str, nth: int) -> str | None:
        if method == RAW and nth == 0:
            return "lose-answer"
        return "null" if method == "eth_getTransactionByHash" and nth < 2 else None

    proxy = flaky(fault)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        receipt = _pay(sender_for(chain, retry=HASTY))
        assert len(set(proxy.raw)) == 1 and len(proxy.raw) == 2
        assert receipt.succeeded and _received(chain) == 7 and chain.head == 1


def test_a_nonce_that_may_be_gone_to_us_is_not_replaced(flaky, sender_for: Senders, served):
    """It arrived, but the server never admits that it knows it: better stop than pay twice."""

    def fault(method: str, nth: int) -> str | None:
        if method == RAW and nth == 0:
            return "lose-answer"
        return "null" if method == "eth_getTransactionByHash" else None

    proxy = flaky(fault)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        with pytest.raises(ChainUnreachable, match="may or may not"):
            _pay(sender_for(chain, retry=HASTY))
        assert _received(chain) == 7 and chain.head == 1 and len(set(proxy.raw)) == 1


def test_everything_is_flaky_and_still_right(flaky, sender_for: Senders):
    """Every third request of any kind goes wrong, in turns."""
    faults = ("lose-answer", "busy", "garbage", "lose-request")
    total = iter(range(10**6))

    def fault(method: str, nth: int) -> str | None:
        n = next(total)
        return faults[n // 3 % 4] if n % 3 == 2 else None

    proxy = flaky(fault)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        sender = sender_for(chain, retry=HASTY)
        for _ in range(12):
            assert _pay(sender).succeeded
        assert _received(chain) == 12 * 7 and chain.head == 12


def test_an_unknown_outcome_is_said(flaky, sender_for: Senders, served):
    down = []
    proxy = flaky(lambda method, nth: "lose-request" if down or method == RAW else None)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        sender = sender_for(chain, retry=HASTY)
        with pytest.raises(ChainUnreachable) as never_sent:
            _pay(sender)
        assert "0x" in never_sent.value.expected and proxy.seen[RAW] == HASTY.attempts
    with engines.connect(served.url) as chain:
        assert _received(chain) == 0
        # The same nonce serves the next transaction: no gap, and never both.
        _pay(sender_for(chain))
        assert chain.rpc("eth_getTransactionCount", sender.address, "latest") == "0x1"


def test_a_server_that_goes_away_for_good(flaky, sender_for: Senders):
    down: list[bool] = []
    proxy = flaky(lambda method, nth: "lose-request" if down else None)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        sender = sender_for(chain, retry=HASTY)
        _pay(sender)
        down.append(True)
        for attempt in (lambda: _pay(sender), lambda: chain.head):
            with pytest.raises(ChainUnreachable) as caught:
                attempt()
            assert caught.value.code == "CG203" and "127.0.0.1" in caught.value.expected
        down.clear()
        assert _pay(sender).succeeded and _received(chain) == 14
    proxy.close()
    started = time.monotonic()
    with pytest.raises(ChainUnreachable):
        engines.connect(proxy.url, retry=HASTY)
    assert time.monotonic() - started < 5


def test_retries_are_bounded_and_reads_heal(flaky):
    proxy = flaky(lambda method, nth: "busy" if method == "eth_blockNumber" and nth < 3 else None)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        assert chain.head == 0 and proxy.seen["eth_blockNumber"] == 4
    proxy = flaky(lambda method, nth: "busy" if method == "eth_blockNumber" else None)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        with pytest.raises(ChainUnreachable, match="503"):
            chain.rpc("eth_blockNumber")
        assert proxy.seen["eth_blockNumber"] == HASTY.attempts


def test_what_changes_the_chain_is_never_repeated(flaky):
    proxy = flaky(lambda method, nth: "lose-answer" if method == "evm_mine" else None)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        with pytest.raises(ChainUnreachable):
            chain.mine()
        assert proxy.seen["evm_mine"] == 1 and chain.head == 1


def test_a_refusing_server_is_not_pressed(flaky):
    proxy = flaky(lambda method, nth: "forbidden")
    with pytest.raises(ChainUnreachable, match="403"):
        engines.connect(proxy.url + "/secret-key?token=also", retry=HASTY)
    assert proxy.seen["eth_chainId"] == 1


def test_access_keys_in_the_address_are_not_shown(flaky):
    proxy = flaky(lambda method, nth: "forbidden")
    with pytest.raises(ChainUnreachable) as caught:
        engines.connect(proxy.url + "/secret-key?token=also", retry=HASTY)
    assert "secret" not in str(caught.value) and "also" not in str(caught.value)


# -- one key, many users ------------------------------------------------------------------------


def test_threads_share_a_key(any_chain: Chain, sender_for: Senders) -> None:
    sender, before, start = sender_for(any_chain, 3), _received(any_chain), any_chain.head
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                _pay(sender)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert _received(any_chain) - before == 20 * 7 and any_chain.head - start == 20


def test_a_key_used_without_our_lock_wins_the_nonce(flaky, served, tmp_path: Path) -> None:
    """Another machine takes the nonce between our looking and our sending."""
    (tmp_path / "other").mkdir()
    with engines.connect(served.url) as elsewhere:
        stranger = Sender(elsewhere, elsewhere.dev_accounts[0], lock_directory=tmp_path / "other")

        def fault(method: str, nth: int) -> str | None:
            if method == RAW and nth == 0:
                _pay(stranger, 1)
            return None

        with engines.connect(flaky(fault).url) as chain:
            assert _pay(Sender(chain, stranger.account, lock_directory=tmp_path)).succeeded
            assert _received(chain) == 7 + 1 and chain.head == 2


def test_a_lagging_server_does_not_make_us_reuse_a_nonce(flaky, tmp_path: Path) -> None:
    proxy = flaky(lambda m, nth: "zero" if m == "eth_getTransactionCount" and nth else None)
    with engines.connect(proxy.url) as chain:
        sender = Sender(chain, chain.dev_accounts[0], lock_directory=tmp_path)
        _pay(sender)
        with nonce_slot(chain, sender.address, tmp_path) as slot:
            assert slot.next() == 1  # the count is behind, but our last transaction is known
            slot.remember(1, "0x" + "ab" * 32)
        with nonce_slot(chain, sender.address, tmp_path) as slot:
            assert slot.next() == 0  # no server knows that one, so the count decides again


# -- refusals before and after mining -----------------------------------------------------------


@pytest.mark.parametrize("gas", [None, 21_000])
def test_a_wallet_without_funds(any_chain: Chain, tmp_path: Path, gas: int | None) -> None:
    poor = Sender(any_chain, Account.create(), lock_directory=tmp_path)
    with pytest.raises(InsufficientFunds) as caught:
        poor.send(any_chain.dev_accounts[0].address, value=1, gas=gas)
    assert caught.value.code == "CG204" and poor.address in caught.value.expected
    assert "0.000000 ETH" in caught.value.found


def test_a_contract_explains_itself_before_the_wallet(any_chain: Chain, probe_on, tmp_path: Path):
    probe, rich = probe_on(any_chain)
    poor = Sender(any_chain, Account.create(), known=rich.known, lock_directory=tmp_path)
    with pytest.raises(TransactionReverted, match="NotMember"):
        probe.transact(poor, "custom", 1)
    with pytest.raises(InsufficientFunds):
        probe.transact(poor, "increment", "x")


def test_a_nonsense_transaction_is_refused_as_it_is(chain: Chain, sender_for: Senders) -> None:
    with pytest.raises(ChainError) as caught:
        sender_for(chain).send(chain.dev_accounts[0].address, gas=20_000)
    assert type(caught.value) is ChainError and chain.head == 0


def test_gas_estimates_suffice_where_refunds_mislead(any_chain: Chain, probe_on) -> None:
    probe, sender = probe_on(any_chain)
    probe.transact(sender, "fill", 20)
    receipt = probe.transact(sender, "emptied", 20)
    assert receipt.succeeded


def test_waiting_has_an_end(flaky, tmp_path: Path) -> None:
    proxy = flaky(lambda method, nth: "null" if method == "eth_getTransactionReceipt" else None)
    with engines.connect(proxy.url) as chain:
        sender = Sender(chain, chain.dev_accounts[0], receipt_seconds=0.1, lock_directory=tmp_path)
        with pytest.raises(TransactionPending) as caught:
            _pay(sender)
        assert caught.value.code == "CG209" and "0x" in caught.value.expected


def test_confirmations_are_waited_for(served, tmp_path: Path) -> None:
    with engines.connect(served.url) as chain, engines.connect(served.url) as miner:
        sender = Sender(chain, chain.dev_accounts[0], confirmations=3, lock_directory=tmp_path)
        timer = threading.Timer(0.2, lambda: (miner.mine(), miner.mine()))
        timer.start()
        receipt = _pay(sender)
        timer.join()
        assert receipt.block == 1 and chain.head == 3
