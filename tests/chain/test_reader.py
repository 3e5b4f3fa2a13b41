"""Events come decoded and in order, raw objects as the server wrote them."""

import pytest

from collegium.chain import engines
from collegium.chain.connection import Chain
from collegium.chain.reader import Reader
from collegium.chain.receipts import AbiBook
from collegium.errors import BlockMissing, ChainError


def test_events_in_order_and_in_pages(any_chain: Chain, probe_on) -> None:
    start = any_chain.head + 1
    probe, sender = probe_on(any_chain)
    other, _ = probe_on(any_chain, 1)
    for i in range(7):
        (probe if i % 3 else other).transact(sender, "increment", str(i))
    book = AbiBook({probe.address: probe.abi, other.address: probe.abi})
    reader = Reader(any_chain, book, blocks_per_request=2)
    events = list(reader.events(first=start))
    assert [e.name for e in events] == ["Counted"] * 7
    assert [e.place for e in events] == sorted(e.place for e in events)
    counts = [(e.address == probe.address, e["count"]) for e in events]
    assert counts == [
        (False, 1), (True, 1), (True, 2), (False, 2), (True, 3), (True, 4), (False, 3)
    ]  # fmt: skip
    assert events[0]["by"] == sender.address
    assert events[0]["point"] == {"x": 7, "who": [sender.address, "0x" + "0" * 40]}
    assert list(reader.events("Counted", first=start)) == events
    assert list(reader.events("Nothing", first=start)) == []
    assert list(reader.events(first=start, last=events[2].block)) == events[:3]
    only = list(reader.events(first=start, addresses=[other.address]))
    assert [e["count"] for e in only] == [1, 2, 3]
    assert reader.receipt(events[3].tx).events == [events[3]]


def test_raw_objects(any_chain: Chain, probe_on) -> None:
    probe, sender = probe_on(any_chain)
    receipt = probe.transact(sender, "increment", "x")
    reader = Reader(any_chain)
    block = reader.block(receipt.block)
    assert block == reader.block(block["hash"])
    assert reader.transaction(receipt.tx) == block["transactions"][0]
    assert reader.receipts(block) == [receipt.json]
    assert reader.receipts(reader.block(receipt.block, full=False)) == [receipt.json]
    assert len(reader.code(probe.address)) > 100 and reader.code(sender.address) == b""


def test_what_is_missing_is_said(chain: Chain) -> None:
    reader = Reader(chain)
    for ask in (lambda: reader.block(9), lambda: reader.block("0x" + "ab" * 32),
                lambda: reader.transaction("0x" + "ab" * 32),
                lambda: reader.receipt("0x" + "ab" * 32)):  # fmt: skip
        with pytest.raises(BlockMissing) as caught:
            ask()
        assert caught.value.code == "CG210"


def test_a_server_with_small_ranges_is_asked_in_small_pages(flaky, served, probe_on) -> None:
    with engines.connect(served.url) as chain:
        probe, sender = probe_on(chain)
        for i in range(5):
            probe.transact(sender, "increment", str(i))
        proxy = flaky(lambda method, nth: "refuse" if method == "eth_getLogs" and nth < 2 else None)
        with engines.connect(proxy.url) as limited:
            events = list(Reader(limited, probe.known, blocks_per_request=16).events())
            assert [e["count"] for e in events] == [1, 2, 3, 4, 5]
            assert proxy.seen["eth_getLogs"] > 2
        proxy = flaky(lambda method, nth: "refuse" if method == "eth_getLogs" else None)
        with (
            engines.connect(proxy.url) as closed,
            pytest.raises(ChainError, match="range too large"),
        ):
            list(Reader(closed, probe.known, blocks_per_request=16).events())
