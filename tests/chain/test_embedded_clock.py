"""Time on the embedded chain: a virtual clock that repeats to the bit, and a real one."""

import time
from pathlib import Path

import pytest

from collegium.chain import engines
from collegium.chain.connection import Chain
from collegium.chain.embedded.clock import Clock
from collegium.chain.embedded.genesis import VIRTUAL_GENESIS_TIME
from collegium.chain.transport import RpcRefusal


def _story(chain: Chain, probe_on) -> list[str]:
    """A fixed series of transactions and steps in time; all block hashes."""
    probe, sender = probe_on(chain)
    probe.transact(sender, "increment", "one")
    chain.increase_time(3600)
    other = probe_on(chain, 1)[1]
    probe.transact(other, "increment", "two")
    chain.rpc("evm_setNextBlockTimestamp", chain.timestamp() + 77)
    probe.transact(sender, "fill", 3)
    numbers = range(chain.head + 1)
    return [chain.rpc("eth_getBlockByNumber", hex(n), False)["hash"] for n in numbers]


def test_a_virtual_chain_repeats_bit_for_bit(
    tmp_path: Path, probe_on, monkeypatch: pytest.MonkeyPatch
) -> None:
    with engines.connect("embedded", clock="virtual", seed=b"card") as chain:
        first = _story(chain, probe_on)
    # At another time, in another place, and opened again before every step of time.
    monkeypatch.setattr(time, "time", lambda: 4_000_000_000.0)
    with engines.connect(str(tmp_path / "c.sqlite"), clock="virtual", seed=b"card") as chain:
        second = _story(chain, probe_on)
    assert first == second
    with engines.connect("embedded", clock="virtual", seed=b"another card") as chain:
        assert set(_story(chain, probe_on)).isdisjoint(first)


def test_virtual_time_is_counted_in_blocks(chain: Chain) -> None:
    assert chain.timestamp(0) == VIRTUAL_GENESIS_TIME
    chain.mine()
    assert chain.timestamp() == VIRTUAL_GENESIS_TIME + 1
    chain.rpc("evm_increaseTime", 10)
    chain.rpc("evm_increaseTime", "0x14")
    chain.mine()
    assert chain.timestamp() == VIRTUAL_GENESIS_TIME + 2 + 30
    chain.mine()
    assert chain.timestamp() == VIRTUAL_GENESIS_TIME + 3 + 30
    chain.rpc("evm_setNextBlockTimestamp", VIRTUAL_GENESIS_TIME + 1000)
    chain.mine()
    assert chain.timestamp() == VIRTUAL_GENESIS_TIME + 1000
    chain.rpc("evm_mine", VIRTUAL_GENESIS_TIME + 2000)
    assert chain.timestamp() == VIRTUAL_GENESIS_TIME + 2000


def test_the_wall_clock_is_followed_and_can_be_moved() -> None:
    with engines.connect("embedded") as chain:
        chain.mine()
        assert abs(chain.timestamp() - time.time()) <= 3
        chain.increase_time(5000)
        assert abs(chain.timestamp() - time.time() - 5000) <= 3
        chain.mine()
        assert abs(chain.timestamp() - time.time() - 5000) <= 3  # the shift stays
        chain.rpc("evm_setNextBlockTimestamp", chain.timestamp() + 10_000)
        chain.mine()
        chain.mine()
        assert abs(chain.timestamp() - time.time() - 15_000) <= 4


def test_blocks_never_share_a_second() -> None:
    with engines.connect("embedded") as chain:
        start = chain.timestamp()
        for _ in range(5):
            chain.mine()
        assert chain.timestamp() >= start + 5


@pytest.mark.parametrize("kind", ["wall", "virtual"])
def test_time_cannot_go_back(kind: str) -> None:
    with engines.connect("embedded", clock=kind) as chain:
        chain.increase_time(100)
        for method, value in (
            ("evm_setNextBlockTimestamp", chain.timestamp()),
            ("evm_increaseTime", -5),
            ("evm_increaseTime", "soon"),
        ):
            with pytest.raises(RpcRefusal):
                chain.rpc(method, value)
        before = chain.timestamp()
        chain.mine()
        assert chain.timestamp() > before


def test_pending_views_see_the_next_block(chain: Chain, probe_on) -> None:
    probe, _ = probe_on(chain)
    chain.rpc("evm_increaseTime", 500)
    assert chain.present() == "pending"
    latest, pending = probe.call("when"), probe.call("when", block="pending")
    assert latest["time"] == chain.timestamp() and latest["number"] == chain.head
    assert pending["time"] == latest["time"] + 501 and pending["number"] == chain.head + 1
    assert pending["randao"] != latest["randao"]
    chain.mine()
    assert probe.call("when") == pending  # the block became what was foretold
    mix = chain.rpc("eth_getBlockByNumber", "latest", False)["mixHash"]
    assert pending["randao"] == int(mix, 16)


def test_clock_rules() -> None:
    wall = Clock("wall", shift=10)
    assert wall.next_time(100, 200) == 210 and wall.next_time(300, 200) == 301
    assert wall.fixed_at(5000).after_block(5000, 200) == Clock("wall", shift=4800)
    virtual = Clock("virtual").advanced(7, 0, 0).advanced(3, 0, 0)
    assert virtual.next_time(100, 999_999) == 111
    assert virtual.after_block(111, 999_999) == Clock("virtual")
    assert virtual.fixed_at(50).next_time(100, 0) == 101  # never before the parent


def test_time_can_be_moved_after_blocks_that_ran_ahead_of_the_wall_clock() -> None:
    with engines.connect("embedded") as chain:
        for _ in range(20):
            chain.mine()
        deadline = chain.timestamp() + 10
        chain.increase_time(10)
        assert chain.timestamp() >= deadline
