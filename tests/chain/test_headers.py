"""Blocks, transactions and receipts hold against their hashes, and no altered one does."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth.vm.forks.london.blocks import LondonBlockHeader
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.shanghai.blocks import ShanghaiBlockHeader
from eth_account import Account
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.chain import engines, headers, transactions
from collegium.chain.connection import Chain
from collegium.chain.reader import Reader
from collegium.errors import BadBlock, Unverifiable

Json = dict[str, Any]


def _send_as(chain: Chain, **fields: Any) -> None:
    """A transaction of a chosen type, signed with a development key."""
    account = chain.dev_accounts[5]
    nonce = int(chain.rpc("eth_getTransactionCount", account.address, "latest"), 16)
    base: Json = {"nonce": nonce, "gas": 200_000, "value": 3, "chainId": chain.chain_id}
    signed = account.sign_transaction(base | fields)
    chain.rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())


def _evidence(chain: Chain, probe_on: Callable[..., Any]) -> list[tuple[Json, list[Json]]]:
    """Blocks with transactions of every type and form, each with its receipts."""
    start = chain.head
    probe, sender = probe_on(chain)
    probe.transact(sender, "increment", "logs with topics and data")
    target, price = chain.dev_accounts[6].address, 10**10
    access = [{"address": probe.address, "storageKeys": ["0x" + "00" * 32, "0x" + "01" * 32]}]
    fees = {"maxFeePerGas": price, "maxPriorityFeePerGas": 10**9}
    _send_as(chain, to=target, gasPrice=price)
    _send_as(chain, to=target, gasPrice=price, accessList=access, type=1)
    _send_as(chain, to=target, accessList=access, type=2, **fees)
    _send_as(chain, to=probe.address, data=probe.encode("bare"), value=0, type=2, **fees)
    chain.mine()
    reader = Reader(chain)
    return [(block, reader.receipts(block)) for block in reader.blocks(start, chain.head)]


def _verify(evidence: list[tuple[Json, list[Json]]]) -> None:
    for block, receipts in evidence:
        headers.verify_header(block)
        headers.verify_transactions(block, block["transactions"])
        headers.verify_receipts(block, receipts)


def test_every_type_holds(any_chain: Chain, probe_on) -> None:
    evidence = json.loads(json.dumps(_evidence(any_chain, probe_on)))
    _verify(evidence)
    kinds = [tx["type"] for block, _ in evidence for tx in block["transactions"]]
    assert {"0x0", "0x1", "0x2"} == set(kinds)
    statuses = {receipt["status"] for _, receipts in evidence for receipt in receipts}
    assert statuses == {"0x0", "0x1"}


_COMMON = {"nonce": 0, "gas": 60_000, "value": 1, "data": "0x"}
_FORMS: dict[str, dict[str, Any]] = {
    "unprotected": {"gasPrice": 10**10},
    "legacy": {"gasPrice": 10**10, "chainId": 31337},
    "access list": {"type": 1, "gasPrice": 10**10, "chainId": 31337, "accessList": []},
    "dynamic fee": {"maxFeePerGas": 10**10, "maxPriorityFeePerGas": 1, "chainId": 31337},
}


@pytest.mark.parametrize("form", _FORMS)
def test_raw_bytes_and_sender_are_those_that_were_sent(chain: Chain, form: str) -> None:
    account = chain.dev_accounts[0]
    signed = account.sign_transaction(_COMMON | {"to": account.address} | _FORMS[form])
    raw = bytes(signed.raw_transaction)
    tx_hash = chain.rpc("eth_sendRawTransaction", "0x" + raw.hex())
    tx = chain.rpc("eth_getTransactionByHash", tx_hash)
    assert transactions.verify_transaction(tx) == raw
    assert tx["from"].lower() == Account.recover_transaction(raw).lower()


def test_a_sender_that_did_not_sign_is_found(chain: Chain) -> None:
    account = chain.dev_accounts[0]
    signed = account.sign_transaction(_COMMON | {"to": account.address} | _FORMS["legacy"])
    tx_hash = chain.rpc("eth_sendRawTransaction", "0x" + bytes(signed.raw_transaction).hex())
    tx = chain.rpc("eth_getTransactionByHash", tx_hash)
    with pytest.raises(BadBlock, match="signed by"):
        transactions.verify_transaction(tx | {"from": chain.dev_accounts[1].address})
    broken = tx | {"r": "0x0"}
    broken["hash"] = "0x" + keccak(transactions.raw_transaction(broken)).hex()
    with pytest.raises(BadBlock, match="valid signature"):
        transactions.verify_transaction(broken)


@pytest.fixture(scope="module")
def evidence() -> list[list[Any]]:
    """Two blocks with logs, kept for tests that alter them."""
    fields = json.loads((Path(__file__).parent / "Probe.json").read_text())
    with engines.connect("embedded", clock="virtual") as chain:
        probe = chain.w3.eth.contract(abi=fields["abi"], bytecode=fields["bytecode"])
        options = {"from": chain.dev_accounts[0].address}
        created = chain.w3.eth.wait_for_transaction_receipt(probe.constructor(0).transact(options))[
            "contractAddress"
        ]
        chain.w3.eth.contract(created, abi=fields["abi"]).functions.increment("n").transact(options)
        reader = Reader(chain)
        return [[block, reader.receipts(block)] for block in reader.blocks(0, chain.head)]


def _leaves(value: Any, path: tuple = ()) -> list[tuple]:
    """Paths of all plain values in nested JSON."""
    if isinstance(value, dict):
        return [leaf for k, v in value.items() for leaf in _leaves(v, (*path, k))]
    if isinstance(value, list):
        return [leaf for i, v in enumerate(value) for leaf in _leaves(v, (*path, i))]
    return [path]


# What neither a hash covers nor a place implies; servers add it for convenience.
NOT_PROVEN = {
    "size", "totalDifficulty", "withdrawals", "uncles", "effectiveGasPrice", "gasPrice", "removed",
    "v",  # of typed transactions, where yParity counts
}  # fmt: skip


def _is_proven(path: tuple) -> bool:
    return next(part for part in reversed(path) if isinstance(part, str)) not in NOT_PROVEN


@settings(max_examples=150)
@given(st.data())
def test_no_altered_field_holds(evidence, data: st.DataObject) -> None:
    altered = copy.deepcopy(evidence)
    paths = [p for p in _leaves(altered) if _is_proven(p)]
    path = data.draw(st.sampled_from(paths))
    holder: Any = altered
    for step in path[:-1]:
        holder = holder[step]
    old = holder[path[-1]]
    other = data.draw(
        st.sampled_from([None, "0x", "0x1", "zz", 5, [], "0x" + "ab" * 32, "0x" + "ab" * 20])
        | st.text(max_size=4)
    )
    if isinstance(old, str) and old.startswith("0x") and len(old) > 4 and data.draw(st.booleans()):
        position = data.draw(st.integers(2, len(old) - 1))
        other = old[:position] + ("1" if old[position] != "1" else "2") + old[position + 1 :]
    if _same(old, other):
        return
    holder[path[-1]] = other
    with pytest.raises((BadBlock, Unverifiable)):
        _verify(altered)


def _same(old: Any, new: Any) -> bool:
    """Whether two JSON values mean the same to every reader, such as 0x0, 0x00 and 0x."""

    def number(value: Any) -> Any:
        try:
            return int(value, 16) if isinstance(value, str) else value
        except ValueError:
            return 0 if value in ("0x", "") else value

    return number(old) == number(new)


@pytest.mark.parametrize(
    "alter",
    [
        lambda e: e[2][0]["transactions"].pop(),
        lambda e: e[2][0]["transactions"].append(e[1][0]["transactions"][0]),
        lambda e: e[2][1].pop(),
        lambda e: e[2][1][0]["logs"].pop(),
        lambda e: e[2][1][0]["logs"].append(e[2][1][0]["logs"][0]),
        lambda e: e[2][1].append(e[1][1][0]),
        lambda e: e[1][0].pop("withdrawalsRoot"),
        lambda e: e[1][0].update(blobGasUsed="0x0", excessBlobGas="0x0"),
    ],
)
def test_nothing_can_be_left_out_added_or_moved(evidence, alter: Callable[[Any], Any]) -> None:
    _verify(evidence)
    altered = copy.deepcopy(evidence)
    alter(altered)
    with pytest.raises(BadBlock):
        _verify(altered)


def test_forms_that_cannot_be_checked_are_said(evidence) -> None:
    _, (receipt,) = evidence[2]
    with pytest.raises(Unverifiable):
        headers.receipt_bytes({**receipt, "status": None, "root": "0x" + "00" * 32})
    with pytest.raises(Unverifiable, match="type 3"):
        transactions.raw_transaction({"type": "0x3", "hash": "0xab"})


def test_the_first_block_of_ethereum() -> None:
    """Block 0 of the main network: public knowledge, and no code of ours made it."""
    empty = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    block = {
        "number": "0x0",
        "hash": "0xd4e56740f876aef8c010b86a40d5f56745a118d0906a34e69aec8c0db1cb8fa3",
        "parentHash": "0x" + "00" * 32,
        "sha3Uncles": "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347",
        "miner": "0x" + "00" * 20,
        "stateRoot": "0xd7f8974fb5ac78d9ac099b9ad5018bedc2ce0a72dad1827a1709da30580f0544",
        "transactionsRoot": empty,
        "receiptsRoot": empty,
        "logsBloom": "0x" + "00" * 256,
        "difficulty": "0x400000000",
        "gasLimit": "0x1388",
        "gasUsed": "0x0",
        "timestamp": "0x0",
        "extraData": "0x11bbe8db4e347b4e8c937c1c8370e4b5ed33adb3db69cbdb7a38e1e50b1b82fa",
        "mixHash": "0x" + "00" * 32,
        "nonce": "0x0000000000000042",
        "transactions": [],
    }
    headers.verify_header(block)
    headers.verify_transactions(block, [])
    headers.verify_receipts(block, [])


LATER = {
    "base_fee_per_gas": ("baseFeePerGas", 7),
    "withdrawals_root": ("withdrawalsRoot", b"\x01" * 32),
    "blob_gas_used": ("blobGasUsed", 2**17),
    "excess_blob_gas": ("excessBlobGas", 0),
    "parent_beacon_block_root": ("parentBeaconBlockRoot", b"\x02" * 32),
    "requests_hash": ("requestsHash", b"\x03" * 32),
}


@pytest.mark.parametrize(
    ("header", "fields"),
    [
        (LondonBlockHeader, 1),
        (ShanghaiBlockHeader, 2),
        (CancunBlockHeader, 5),
        (PragueBlockHeader, 6),
    ],
)
def test_headers_of_each_fork_hash_as_py_evm_does(header: Any, fields: int) -> None:
    later = dict(list(LATER.items())[:fields])
    made = header(
        difficulty=0, block_number=9, gas_limit=30_000_000, timestamp=1_700_000_000,
        parent_hash=b"\x04" * 32, **{name: value for name, (_, value) in later.items()},
    )  # fmt: skip
    block = {
        "parentHash": made.parent_hash, "sha3Uncles": made.uncles_hash, "miner": made.coinbase,
        "stateRoot": made.state_root, "transactionsRoot": made.transaction_root,
        "receiptsRoot": made.receipt_root, "logsBloom": bytes(256), "difficulty": 0, "number": 9,
        "gasLimit": 30_000_000, "gasUsed": 0, "timestamp": 1_700_000_000, "extraData": b"",
        "mixHash": made.mix_hash, "nonce": made.nonce, "hash": made.hash,
    }  # fmt: skip
    block |= dict(later.values())
    as_json = {
        name: "0x" + value.hex() if isinstance(value, bytes) else hex(value)
        for name, value in block.items()
    }
    assert headers.verify_header(as_json) == made.hash
