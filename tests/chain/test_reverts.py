"""Every form of a revert gives the same error on every chain."""

from collections.abc import Callable

import pytest
from eth_utils import keccak
from web3.exceptions import ContractCustomError, ContractLogicError, Web3Exception, Web3RPCError

from collegium.chain.abi import Abi
from collegium.chain.bindings import Contract, deploy
from collegium.chain.connection import Chain
from collegium.chain.parts import PARTS
from collegium.chain.refusals import ADVICE, TokensMissing
from collegium.chain.reverts import explain_revert, revert_data
from collegium.chain.sender import Sender
from collegium.chain.shipped import Artifact, artifact
from collegium.chain.transport import RpcRefusal
from collegium.errors import (
    ChainError,
    CollegiumError,
    InsufficientFunds,
    TransactionReverted,
    UnregisteredNode,
)

Probe = Callable[..., tuple[Contract, Sender]]
CASES = [
    ("custom", (5,), "NotMember", (5,)),
    ("nested", (), "Nested", ({"x": 3, "who": []},)),
    ("reason", (), "Error", ("a reason in words",)),
    ("panic", (0,), "Panic", (0x12,)),
    ("bare", (), "", ()),
]


@pytest.mark.parametrize(("function", "args", "name", "values"), CASES)
def test_refusal_while_estimating_calling_and_mined(
    any_chain: Chain, probe_on: Probe, function: str, args: tuple, name: str, values: tuple
) -> None:
    probe, sender = probe_on(any_chain)
    with pytest.raises(TransactionReverted) as estimated:
        probe.transact(sender, function, *args)
    with pytest.raises(TransactionReverted) as called:
        probe.call(function, *args)
    with pytest.raises(TransactionReverted) as mined:
        probe.transact(sender, function, *args, gas=200_000)
    for caught in (estimated, called, mined):
        assert (caught.value.error, caught.value.arguments) == (name, values)
        assert caught.value.code == "CG205"
    assert estimated.value.transaction is None
    receipt = any_chain.rpc("eth_getTransactionReceipt", mined.value.transaction)
    assert receipt["status"] == "0x0"


@pytest.mark.parametrize(("function", "args", "name", "values"), CASES)
def test_web3_exceptions_are_explained_too(
    any_chain: Chain, probe_on: Probe, function: str, args: tuple, name: str, values: tuple
) -> None:
    probe, _ = probe_on(any_chain)
    contract = any_chain.w3.eth.contract(probe.address, abi=probe.abi.entries)
    with pytest.raises(Web3Exception) as caught:
        contract.functions[function](*args).call()
    error = explain_revert(caught.value, probe.abi)
    assert isinstance(error, TransactionReverted)
    assert (error.error, error.arguments) == (name, values)


def test_a_constructor_explains_itself(
    any_chain: Chain, probe_artifact: Artifact, sender_for: Callable[..., Sender]
) -> None:
    with pytest.raises(TransactionReverted) as caught:
        deploy(sender_for(any_chain), probe_artifact, 13)
    assert caught.value.error == "Unheard"
    assert caught.value.arguments == (13, (1).to_bytes(32, "big"))


def test_a_revert_that_needs_state_is_replayed_where_it_was_mined(
    any_chain: Chain, probe_on: Probe
) -> None:
    probe, sender = probe_on(any_chain)
    with pytest.raises(TransactionReverted) as caught:
        probe.transact(sender, "even", gas=100_000)
    assert caught.value.arguments[0] == 1
    probe.transact(sender, "increment", "one")
    probe.transact(sender, "even")


def test_out_of_gas_is_named(any_chain: Chain, probe_on: Probe) -> None:
    probe, sender = probe_on(any_chain)
    with pytest.raises(ChainError) as caught:
        probe.transact(sender, "burn", gas=80_000)
    assert "gas" in str(caught.value)


def _selector(text: str) -> bytes:
    return keccak(text=text)[:4]


NOT_MEMBER = _selector("NotMember(uint8)") + (9).to_bytes(32, "big")
HEX = "0x" + NOT_MEMBER.hex()
ABI = Abi([{"type": "error", "name": "NotMember", "inputs": [{"name": "slot", "type": "uint8"}]}])


@pytest.mark.parametrize(
    "refusal",
    [
        RpcRefusal("eth_call", 3, "execution reverted", HEX),
        RpcRefusal("eth_call", -32603, "Error: VM Exception", {"data": HEX}),
        RpcRefusal("eth_call", -32000, "VM Exception", {"hash": None, "result": HEX}),
        RpcRefusal("eth_call", -32603, "Internal", {"message": "reverted", "data": {"data": HEX}}),
        RpcRefusal("eth_call", -32015, "VM execution error", f"Reverted {HEX}"),
        ContractCustomError(HEX, data=HEX),
        ContractLogicError("execution reverted", data={"data": HEX}),
        Web3RPCError("revert", rpc_response={"error": {"code": -32000, "data": {"result": HEX}}}),
        Web3RPCError(f"reverted with an unrecognized custom error (return data: {HEX})"),
    ],
    ids=lambda refusal: f"{type(refusal).__name__} {getattr(refusal, 'data', '')!s:.24}",
)
def test_every_known_shape_of_refusal(refusal: Exception) -> None:
    error = explain_revert(refusal, ABI)
    assert isinstance(error, TransactionReverted)
    assert (error.error, error.arguments) == ("NotMember", (9,))
    assert "NotMember(slot=9)" in str(error)


def test_words_alone_still_name_the_error() -> None:
    words = "VM Exception while processing transaction: reverted with custom error 'WrongLedger()'"
    assert explain_revert(Web3RPCError(words), ABI).error == "WrongLedger"
    error = explain_revert(Web3RPCError("VM Exception ...: revert no more votes"), ABI)
    assert (error.error, error.arguments) == ("Error", ("no more votes",))


def test_refusals_that_are_no_reverts() -> None:
    assert revert_data(RpcRefusal("eth_call", -32000, "nonce too low")) is None
    plain = explain_revert(RpcRefusal("eth_call", -32000, "nonce too low"))
    assert type(plain) is ChainError and "nonce too low" in str(plain)
    poor = explain_revert(RpcRefusal("x", -32000, "insufficient funds for gas * price + value"))
    assert isinstance(poor, InsufficientFunds)
    assert explain_revert(poor) is poor


def _explained(data: bytes, abi: Abi) -> CollegiumError:
    return explain_revert(RpcRefusal("eth_call", 3, "reverted", "0x" + data.hex()), abi)


def test_unknown_and_hostile_data_is_shown_not_trusted() -> None:
    unknown = _explained(_selector("Whatever()") + b"\x01", ABI)
    assert unknown.error == "" and _selector("Whatever()").hex() in str(unknown)
    cut = _explained(NOT_MEMBER[:20], ABI)  # right selector, arguments cut short
    assert isinstance(cut, TransactionReverted) and cut.error == ""
    lying = _explained(_selector("Error(string)") + (2**200).to_bytes(32, "big"), ABI)
    assert isinstance(lying, TransactionReverted) and lying.error == ""
    panic = _explained(_selector("Panic(uint256)") + (0x77).to_bytes(32, "big"), ABI)
    assert "Panic 0x77: unknown" in str(panic)


def test_a_phase_is_named() -> None:
    data = _selector("WrongPhase(uint8)") + (8).to_bytes(32, "big")
    assert "WrongPhase(phase=FINAL)" in str(_explained(data, artifact("Federation").abi))
    unknown = _selector("WrongPhase(uint8)") + (200).to_bytes(32, "big")
    assert "WrongPhase(phase=200)" in str(_explained(unknown, artifact("Federation").abi))


def test_known_errors_become_the_errors_that_people_know() -> None:
    outsider = _selector("NotActive(address)") + bytes(32)
    abi = artifact("Federation").abi + artifact("Vault").abi
    error = _explained(outsider, abi)
    assert isinstance(error, UnregisteredNode) and isinstance(error, TransactionReverted)
    assert error.code == "CG302"
    empty = _selector("InsufficientFree(uint256,uint256)") + bytes(64)
    assert isinstance(_explained(empty, abi), TokensMissing)


def test_every_error_of_the_contracts_has_advice_and_no_other() -> None:
    errors = {
        entry["name"]
        for name in ("Federation", *PARTS.values(), "DemoToken")
        for entry in artifact(name).abi.entries
        if entry["type"] == "error"
    }
    assert errors | {"Panic", "Error"} == set(ADVICE)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("WrongPart", "CG211"),
        ("NotRegistered", "CG303"),
        ("StakeLocked", "CG307"),
        ("MergeCorrect", "CG418"),
        ("NotEquivocal", "CG418"),
        ("ProposerBarred", "CG506"),
        ("NotBonded", "CG506"),
        ("NothingOwed", "CG508"),
        ("WrongPhase", "CG205"),
    ],
)
def test_what_a_person_can_act_on_has_a_number_of_its_own(name: str, code: str) -> None:
    number = ADVICE[name].kind.number
    assert f"CG{number}" == code and issubclass(ADVICE[name].kind, TransactionReverted)
