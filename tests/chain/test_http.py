"""Servers in the field: limits, ranges, batches, passwords, and answers that are none."""

import gzip
import json
import random
import time
from typing import Any

import pytest
from flaky import Reply

from collegium.chain import engines
from collegium.chain.connection import Chain
from collegium.chain.http import Client, Retry
from collegium.chain.light import read_registry
from collegium.chain.reader import Reader
from collegium.errors import ChainUnreachable, WrongChain

HASTY = Retry(attempts=4, pause=0.01, longest_pause=0.02, timeout=2, patience=2)


def error(code: int, message: str, data: Any = None, status: int = 200, **headers: str) -> Reply:
    body = {"jsonrpc": "2.0", "id": "{id}", "error": {"code": code, "message": message}}
    if data is not None:
        body["error"]["data"] = data  # type: ignore[index]
    return Reply(body, status, headers)


LIMITS = {
    "429": Reply(b"<html>slow", 429),
    "429-after": Reply(b"", 429, {"Retry-After": "0.02"}),
    "429-date": Reply(b"", 429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
    "429-json": error(-32000, "no", status=429),
    "503-after": Reply(b"", 503, {"Retry-After": "0"}),
    "body-429": error(429, "exceeded"),
    "-32005": error(-32005, "limit exceeded"),
    "-32005-data": error(-32005, "daily", {"rate": {"backoff_seconds": 0.02}}),
    "-32007": error(-32007, "50/second request limit reached"),
    "-32016": error(-32016, "over rate limit"),
    "-32029": error(-32029, "Too Many Requests, try again in 20ms"),
    "-32000": error(-32000, "rate limit exceeded, try again in 0.02s", status=400),
    "-32090": error(-32090, "Too many requests, reason: call rate limit exhausted, retry in 0.02s"),
}


@pytest.mark.parametrize("reply", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("method", ["eth_blockNumber", "evm_mine", "eth_getLogs"])
def test_a_limited_rate_waits_and_goes_on(flaky, reply: Reply, method: str) -> None:
    """More often than failures are repeated; nothing was run, so sending is repeated, too."""
    proxy = flaky(lambda m, nth: reply if m == method and nth < 6 else None)
    params = [{"fromBlock": "0x0", "toBlock": "0x0"}] if method == "eth_getLogs" else []
    assert "result" in Client(proxy.url, HASTY).ask(method, params)
    assert proxy.seen[method] == 7 and proxy.forwarded[method] == 1


def test_patience_has_an_end(flaky) -> None:
    proxy = flaky(lambda m, nth: LIMITS["429"])
    started = time.monotonic()
    with pytest.raises(ChainUnreachable, match="429"):
        Client(proxy.url, Retry(pause=0.01, longest_pause=0.1, patience=0.5)).ask("x", [])
    assert time.monotonic() - started < 2
    proxy = flaky(lambda m, nth: Reply(b"", 429, {"Retry-After": "86400"}))
    with pytest.raises(ChainUnreachable):
        Client(proxy.url, HASTY).ask("x", [])
    assert proxy.seen["x"] == 1


RANGES = {
    "-32005": error(-32005, "query returned more than 10000 results"),
    "-32005-bare": error(-32005, "limit exceeded"),
    "-32602": error(-32602, "block range is too wide"),
    "-32602-log": error(-32602, "Log response size exceeded. Try with this block range [0x0, 0x2]"),
    "-32000": error(-32000, "exceed maximum block range: 5000"),
    "-32000-timeout": error(-32000, "execution timed out"),
    "400": error(-32600, "eth_getLogs requests with up to a 10 block range", None, 400),
    "413": Reply(b"<html>Request Entity Too Large</html>", 413),
}


@pytest.mark.parametrize("reply", RANGES.values(), ids=RANGES)
def test_a_range_that_is_too_large_is_halved(flaky, reply: Reply) -> None:
    def fault(method: str, nth: int) -> Reply | None:
        if method != "eth_getLogs":
            return None
        query = proxy.requests[-1]["params"][0]
        return reply if int(query["toBlock"], 16) - int(query["fromBlock"], 16) >= 3 else None

    proxy = flaky(fault)
    with engines.connect(proxy.url, retry=HASTY) as chain:
        for _ in range(20):
            chain.mine()
        reader = Reader(chain)
        assert list(reader.logs(0, None, [])) == []
        assert proxy.forwarded["eth_getLogs"] >= 7
        refused = proxy.seen["eth_getLogs"] - proxy.forwarded["eth_getLogs"]
        list(reader.logs(0, None, []))
        again = proxy.seen["eth_getLogs"] - proxy.forwarded["eth_getLogs"] - refused
        # Words that say neither may mean something else, so their range is tried again.
        assert refused and again == (refused if reply is RANGES["-32005-bare"] else 0)


GARBAGE = {
    "html": Reply(b"<html>gateway</html>"),
    "html-502": Reply(b"<html>gateway</html>", 502),
    "empty": Reply(b""),
    "cut": Reply(b'{"jsonrpc": "2.0", "id": 1, "resu'),
    "null": Reply(b"null"),
    "number": Reply(b"5"),
    "list": Reply(b"[]"),
    "neither": Reply({"jsonrpc": "2.0", "id": "{id}"}),
    "odd-error": Reply({"jsonrpc": "2.0", "id": "{id}", "error": 5}),
    "other-id": Reply({"jsonrpc": "2.0", "id": 10**9, "result": "0x63"}),
    "bad-gzip": Reply(b"not gzip", 200, {"Content-Encoding": "gzip"}),
    "not-utf8": Reply(b"\xff\xfe{"),
    "deep": Reply(b"[" * 100_000),
    "deep after a text": Reply(b'["]]]\\"", ' + b'[0,"}",' * 100_000),
}


@pytest.mark.parametrize("reply", GARBAGE.values(), ids=GARBAGE)
def test_an_answer_that_is_none_is_asked_again(flaky, reply: Reply) -> None:
    proxy = flaky(lambda method, nth: reply if nth < 3 else None)
    assert Client(proxy.url, HASTY).ask("eth_blockNumber", [])["result"] == "0x0"
    proxy = flaky(lambda method, nth: reply)
    with pytest.raises(ChainUnreachable):
        Client(proxy.url, HASTY).ask("eth_blockNumber", [])
    assert proxy.seen["eth_blockNumber"] == HASTY.attempts


def test_compressed(flaky) -> None:
    body = gzip.compress(json.dumps({"id": 0, "result": "0x5"}).encode())
    proxy = flaky(lambda method, nth: Reply(body, 200, {"Content-Encoding": "gzip"}))
    assert Client(proxy.url, HASTY).ask("eth_blockNumber", [])["result"] == "0x5"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(flaky, status: int) -> None:
    other = flaky(lambda method, nth: None)
    proxy = flaky(lambda method, nth: Reply(b"", status, {"Location": f"{other.url}/key"}))
    with pytest.raises(ChainUnreachable, match="redirect to") as caught:
        Client(proxy.url, HASTY).ask("eth_blockNumber", [])
    assert other.url in caught.value.found and "key" not in caught.value.found
    assert not other.seen


# -- batches ------------------------------------------------------------------------------------

CALLS: list[Any] = [("eth_chainId", []), ("eth_blockNumber", []), ("eth_chainId", [])]
NO_BATCHES = {
    "error": error(-32600, "batch requests are not supported"),
    "400": Reply(b"no", 400),
    "html": Reply(b"<html>"),
    "single": Reply({"id": 0, "result": "0x99"}),
    "list": Reply([{"id": None, "error": {"code": -32600, "message": "no"}}]),
    "missing": Reply([]),
    "garbage": Reply([5, None, {"id": []}, {"id": {}, "result": 1}]),
    "limited": LIMITS["429"],
}


@pytest.mark.parametrize("reply", NO_BATCHES.values(), ids=NO_BATCHES)
def test_without_batches_each_is_asked_alone(flaky, reply: Reply) -> None:
    proxy = flaky(lambda method, nth: reply if method == "batch" else None)
    found = Client(proxy.url, HASTY).ask_all(CALLS)
    assert [answer["result"] for answer in found] == ["0x7a69", "0x0", "0x7a69"]
    assert proxy.seen["batch"] == 1


def test_out_of_order_missing_and_twice(flaky) -> None:
    body = [{"id": 2, "result": "c"}, {"id": 0, "result": "a"}, {"id": 0, "result": "a"}]
    proxy = flaky(lambda method, nth: Reply(body) if method == "batch" else None)
    found = Client(proxy.url, HASTY).ask_all(CALLS)
    assert [answer["result"] for answer in found] == ["a", "0x0", "c"]


# -- passwords ----------------------------------------------------------------------------------


def test_user_and_password(flaky) -> None:
    proxy = flaky(lambda method, nth: None)
    url = proxy.url.replace("//", "//me:p%40ss@")
    with engines.connect(url, retry=HASTY) as chain:
        assert chain.head == 0
    assert proxy.logins == {"Basic bWU6cEBzcw=="}
    with pytest.raises(WrongChain) as light:
        read_registry(url, "0x" + "12" * 20)
    assert proxy.logins == {"Basic bWU6cEBzcw=="}
    with pytest.raises(WrongChain) as wrong:
        engines.connect(url, retry=HASTY, expected_chain_id=5)
    closed = flaky(lambda method, nth: "forbidden").url.replace("//", "//me:p%40ss@")
    with pytest.raises(ChainUnreachable) as refused:
        Client(closed, HASTY).ask("eth_chainId", [])
    for caught in (light, wrong, refused):
        assert "me:" not in str(caught.value) and "ss@" not in str(caught.value)


# -- everything at once -------------------------------------------------------------------------


def test_three_of_ten_requests_fail(flaky, sender_for, served) -> None:
    """Payments through a server with every fault in random order: each is made once."""
    chance = random.Random(8)
    faults: list[Any] = ["lose-answer", "lose-request", "busy", "garbage"]
    faults += [*GARBAGE.values(), *LIMITS.values()]

    def fault(method: str, nth: int) -> Any:
        return chance.choice(faults) if chance.random() < 0.3 else None

    retry = Retry(pause=0.001, longest_pause=0.01, timeout=2, patience=20)
    proxy = flaky(fault)
    to = "0x" + "77" * 20
    with engines.connect(proxy.url, retry=retry) as chain:
        sender = sender_for(chain, retry=retry)
        for _ in range(10):
            assert sender.send(to, value=7).succeeded
    with engines.connect(served.url) as chain:
        _paid_once(chain, to)


def _paid_once(chain: Chain, to: str) -> None:
    assert int(chain.rpc("eth_getBalance", to, "latest"), 16) == 70 and chain.head == 10
