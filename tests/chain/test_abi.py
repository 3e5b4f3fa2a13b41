"""Calldata, results and events are coded as web3.py codes them, and read back by name."""

import pytest
from eth_abi.exceptions import DecodingError, EncodingError
from tests.support.terms import terms
from web3 import Web3

from collegium.chain.abi import Abi, signature
from collegium.chain.bindings import deploy
from collegium.chain.connection import Chain
from collegium.chain.parts import PARTS
from collegium.chain.shipped import artifact
from collegium.protocol.rules.shares import EQUAL

TERMS = terms(weight_rule=EQUAL, min_score=-7).to_struct(b"c" * 32, b"g" * 32)


def test_it_agrees_with_web3(probe_artifact) -> None:
    theirs = Web3().eth.contract(abi=probe_artifact.abi.entries, address="0x" + "11" * 20)
    points = [{"x": 1, "who": ["0x" + "22" * 20]}, {"x": 255, "who": []}]
    tuples = [(1, ["0x" + "22" * 20]), (255, [])]
    for name, ours, args in (
        ("increment", ("grüße",), ["grüße"]),
        ("echo", (points,), [tuples]),
        ("echo", (tuples,), [tuples]),
        ("both", (), []),
    ):
        assert "0x" + probe_artifact.abi.encode_call(name, *ours).hex() == theirs.encode_abi(
            name, args=args
        )


def test_structs_survive_the_journey(chain: Chain, probe_on) -> None:
    probe, sender = probe_on(chain)
    points = [{"x": 1, "who": [sender.address]}, {"x": 255, "who": []}]
    assert probe.call("echo", points) == points
    assert probe.call("both") == {"0": 0, "1": probe.address}
    call = probe.abi.decode_call(probe.encode("echo", points))
    assert call is not None and (call.name, call.args) == ("echo", {"points": points})


def test_constructor_arguments_are_read_back() -> None:
    abi = artifact("Federation").abi
    parts = dict.fromkeys(PARTS, "0x" + "33" * 20)
    args = (TERMS, "0x" + "11" * 20, "0x" + "22" * 20, parts)
    decoded = abi.decode_constructor(abi.encode_constructor(*args))
    assert list(decoded.values()) == list(args)


def test_what_does_not_fit_is_refused(probe_artifact) -> None:
    abi = probe_artifact.abi
    with pytest.raises(TypeError, match="expected 1 arguments, found 2"):
        abi.encode_call("custom", 1, 2)
    with pytest.raises(EncodingError):
        abi.encode_call("custom", 256)
    with pytest.raises(KeyError):
        abi.encode_call("missing")
    with pytest.raises(KeyError):
        abi.topic("Missing")
    with pytest.raises(DecodingError):
        abi.decode_call(abi.encode_call("custom", 1)[:-1])
    assert abi.decode_call(b"\x00\x00\x00\x00") is None and abi.decode_call(b"") is None


def test_events_of_the_same_signature_with_other_indexes_are_not_confused() -> None:
    def abi(indexed: bool) -> Abi:
        field = {"name": "to", "type": "address", "indexed": indexed}
        return Abi([{"type": "event", "name": "Sent", "inputs": [field]}])

    address = bytes(12) + b"\x11" * 20
    topic = abi(True).topic("Sent")
    assert abi(True).decode_event([topic, address], b"").args == {"to": "0x" + "11" * 20}
    assert abi(False).decode_event([topic], address).args == {"to": "0x" + "11" * 20}
    assert abi(True).decode_event([topic], address) is None
    assert abi(True).decode_event([], b"") is None
    with pytest.raises(DecodingError):
        abi(False).decode_event([topic], address[:20])


def test_shipped_contracts_can_be_read() -> None:
    for name in ("Federation", "Vault", "DemoToken"):
        found = artifact(name)
        assert len(found.bytecode) > 1000 and found.abi.functions
    register = artifact("Federation").abi.functions["register"]
    assert signature(register) == "register(address,bytes32,bytes32,bytes32[])"
    with pytest.raises(FileNotFoundError):
        artifact("Nothing")


def test_deploying_pays_what_is_sent_along(chain: Chain, probe_artifact, sender_for) -> None:
    contract, receipt = deploy(sender_for(chain), probe_artifact, 41)
    assert contract.call("count") == 41 and receipt.contract_address == contract.address
    contract.transact(sender_for(chain), "increment", "x", value=5)
    assert int(chain.rpc("eth_getBalance", contract.address, "latest"), 16) == 5
