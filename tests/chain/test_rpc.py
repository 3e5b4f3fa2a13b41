"""The embedded chain's JSON-RPC: same answers in process and over HTTP, and firm refusals."""

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from collegium.chain import engines
from collegium.chain.connection import Chain
from collegium.chain.embedded.chain import EmbeddedChain
from collegium.chain.embedded.genesis import dev_accounts
from collegium.chain.embedded.server import MAX_REQUEST_BYTES, Server
from collegium.chain.transport import RpcRefusal
from collegium.errors import PortInUse

# Published with every local Ethereum chain.
FIRST, LAST = (
    "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266",
    "0x8626f6940E2eb28930eFb4CeF49B2d1F2C9C1199",
)


@pytest.fixture(params=["process", "http"])
def either(request: pytest.FixtureRequest) -> Iterator[Chain]:
    """An embedded chain, once in process and once behind HTTP."""
    if request.param == "process":
        yield request.getfixturevalue("chain")
    else:
        with engines.connect(request.getfixturevalue("served").url) as chain:
            yield chain


def test_accounts_are_those_of_every_local_chain() -> None:
    assert (dev_accounts()[0].address, dev_accounts()[19].address) == (FIRST, LAST)


def test_web3_works_as_on_any_node(either: Chain, probe_artifact) -> None:
    eth, options = either.w3.eth, {"from": FIRST}
    assert eth.chain_id == 31337 and eth.accounts[0] == FIRST and not eth.syncing
    abi, code = probe_artifact.abi.entries, probe_artifact.bytecode
    made = eth.contract(abi=abi, bytecode=code).constructor(5).transact(options)
    receipt = eth.wait_for_transaction_receipt(made)
    probe = eth.contract(receipt["contractAddress"], abi=abi)
    estimate = probe.functions.increment("a").estimate_gas(options)
    done = eth.wait_for_transaction_receipt(probe.functions.increment("a").transact(options))
    assert done["status"] == 1 and done["gasUsed"] <= estimate
    assert probe.functions.both().call() == [6, probe.address]
    (log,) = probe.events.Counted().get_logs(from_block=0)
    assert log["args"]["count"] == 6 and log["args"]["point"]["x"] == 7
    assert eth.get_transaction(done["transactionHash"])["from"] == FIRST
    assert eth.get_block("latest", full_transactions=True)["transactions"][0]["nonce"] == 1
    assert eth.get_block(0)["number"] == 0 and eth.get_block("earliest")["number"] == 0
    assert len(eth.get_code(probe.address)) > 100
    assert int.from_bytes(eth.get_storage_at(probe.address, 0), "big") == 6
    assert probe.functions.count().call(block_identifier=receipt["blockNumber"]) == 5
    assert eth.fee_history(1, "latest", [50.0])["baseFeePerGas"]
    assert eth.max_priority_fee == 10**9 and eth.gas_price > 10**9
    paid = eth.send_transaction({"from": FIRST, "to": LAST, "value": 1, "gasPrice": 10**10})
    assert eth.wait_for_transaction_receipt(paid)["effectiveGasPrice"] == 10**10


def test_every_kind_of_log_query(chain: Chain, probe_on) -> None:
    probe, sender = probe_on(chain)
    other, _ = probe_on(chain, 1)
    for note in ("a", "b", "a"):
        probe.transact(sender, "increment", note)
    other.transact(sender, "increment", "a")
    topic = "0x" + probe.abi.topic("Counted").hex()
    first = chain.rpc("eth_getLogs", {"fromBlock": "0x0"})[0]
    by, note_a = first["topics"][1], first["topics"][2]

    def found(**query: Any) -> int:
        return len(chain.rpc("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"} | query))

    assert found() == 4
    assert found(address=probe.address) == 3
    assert found(address=[probe.address.lower(), other.address]) == 4
    assert found(topics=[topic]) == 4 and found(topics=["0x" + "11" * 32]) == 0
    assert found(topics=[None, by, note_a]) == 3
    assert found(topics=[[topic, "0x" + "11" * 32], None, note_a], address=probe.address) == 2
    assert found(topics=[topic, by, note_a, None]) == 0  # no log has a fourth topic
    assert found(fromBlock="0x4", toBlock="0x4") == 1 and found(fromBlock="latest") == 1
    assert found(fromBlock="0x5", toBlock="0x4") == 0 and found(toBlock="0xffffff") == 4
    block = chain.rpc("eth_getBlockByNumber", "0x3", False)["hash"]
    assert len(chain.rpc("eth_getLogs", {"blockHash": block})) == 1


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("eth_nonsense", [], -32601),
        ("eth_getBalance", [], -32602),
        ("eth_getBalance", ["0xzz", "latest"], -32602),
        ("eth_getBalance", [FIRST, "0x99"], -32001),
        ("eth_getBalance", [FIRST, "soon"], -32602),
        ("eth_getBlockByNumber", ["soon", False], -32602),
        ("eth_getLogs", [{"fromBlock": "soon"}], -32602),
        ("eth_call", [{"to": FIRST, "gas": "much"}], -32602),
        ("eth_call", [{"to": FIRST, "data": "0x123"}], -32602),
        ("eth_sendTransaction", [{"from": "0x" + "11" * 20}], -32602),
        ("eth_sendRawTransaction", ["0x02c0"], -32602),
        ("eth_sendRawTransaction", ["0x"], -32602),
        ("eth_estimateGas", [{"from": FIRST, "to": LAST, "gas": "0x1", "value": "0x1"}], None),
    ],
)
def test_refusals(either: Chain, method: str, params: list[Any], code: int | None) -> None:
    if code is None:
        assert either.rpc(method, *params) == hex(21_000)
        return
    with pytest.raises(RpcRefusal) as caught:
        either.rpc(method, *params)
    assert caught.value.code == code and either.head == 0


def test_what_does_not_exist_is_null(either: Chain) -> None:
    missing = "0x" + "ab" * 32
    for method in ("eth_getTransactionByHash", "eth_getTransactionReceipt"):
        assert either.rpc(method, missing) is None
    assert either.rpc("eth_getBlockByNumber", "0x99", False) is None
    assert either.rpc("eth_getBlockByHash", missing, False) is None


def _signed(**fields: Any) -> str:
    base = {
        "nonce": 0, "gas": 21_000, "value": 1, "to": LAST, "chainId": 31337,
        "maxFeePerGas": 10**10, "maxPriorityFeePerGas": 10**9,
    }  # fmt: skip
    return "0x" + bytes(dev_accounts()[0].sign_transaction(base | fields).raw_transaction).hex()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"nonce": 1}, "nonce too high"),
        ({"chainId": 1}, "invalid chain id"),
        ({"gas": 20_000}, "rejected"),
        ({"gas": 40_000_000}, "rejected"),
        ({"value": 10**24}, "insufficient funds"),
        ({"maxFeePerGas": 1, "maxPriorityFeePerGas": 1}, "rejected"),
    ],
)
def test_transactions_that_no_chain_would_take(chain: Chain, fields: Any, words: str) -> None:
    with pytest.raises(RpcRefusal, match=words):
        chain.rpc("eth_sendRawTransaction", _signed(**fields))
    assert chain.head == 0
    chain.rpc("eth_sendRawTransaction", _signed())
    with pytest.raises(RpcRefusal, match="nonce too low"):
        chain.rpc("eth_sendRawTransaction", _signed())
    assert chain.head == 1


# -- HTTP ---------------------------------------------------------------------------------------


def _post(server: Server, body: bytes) -> requests.Response:
    return requests.post(server.url, body, timeout=5)


def test_batches_and_bad_requests(served: Server) -> None:
    ask = {"jsonrpc": "2.0", "id": 7, "method": "eth_chainId"}
    assert _post(served, json.dumps(ask).encode()).json()["result"] == "0x7a69"
    both = _post(served, json.dumps([ask, ask | {"id": 8, "method": "nope"}]).encode()).json()
    assert [a["id"] for a in both] == [7, 8] and both[1]["error"]["code"] == -32601
    assert _post(served, b"not json").json()["error"]["code"] == -32700
    for nonsense in (b"[]", b"5", b'"x"', b"{}", b'{"method": 5}'):
        assert _post(served, nonsense).json()["error"]["code"] == -32600
    wrong = json.dumps(ask | {"params": {"a": 1}}).encode()
    assert _post(served, wrong).json()["error"]["code"] == -32602


def test_the_server_bounds_what_it_reads(served: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.server_port, timeout=5)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Length", str(MAX_REQUEST_BYTES + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413
    assert requests.get(served.url, timeout=5).status_code == 501
    with socket.create_connection(("127.0.0.1", served.server_port)) as raw:
        raw.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 411 " in raw.recv(1000)
    assert _post(served, b"{}").ok  # and goes on serving


def test_a_second_server_on_the_same_port(served: Server) -> None:
    embedded = EmbeddedChain()
    with pytest.raises(PortInUse):
        Server(embedded, port=served.server_port)
    embedded.close()
