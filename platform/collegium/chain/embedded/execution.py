"""Execution without a block: ``eth_call`` and ``eth_estimateGas``."""

from typing import Any

from eth.abc import ComputationAPI
from eth.exceptions import Revert, VMError
from eth.vm.spoof import SpoofTransaction
from eth_abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils import ValidationError, decode_hex, keccak

from collegium.chain.embedded.chain import INVALID_PARAMS, EmbeddedChain, RpcError
from collegium.chain.local import GAS_LIMIT

REVERTED = 3  # geth's code; web3.py decodes custom errors with this code
EXECUTION_FAILED = -32015  # OpenEthereum's code for failures other than reverts
INTRINSIC_GAS = 21_000  # of every transaction
_ERROR_STRING = keccak(text="Error(string)")[:4]


def call(chain: EmbeddedChain, tx: dict[str, Any], block: Any = "latest") -> bytes:
    """The bytes that the call returns on the state after ``block``.

    Raises:
        RpcError: the call reverts (code 3, with the returned bytes) or fails otherwise.
    """
    gas = min(quantity(tx.get("gas")) or GAS_LIMIT, GAS_LIMIT)
    computation = _execute(chain, tx, block, gas)
    _require_success(computation)
    return computation.output


def estimate(chain: EmbeddedChain, tx: dict[str, Any], block: Any = "pending") -> int:
    """The smallest gas limit, to about 1 %, with which the transaction succeeds.

    Most transactions need as much as they use. Refunds, and the 1/64 that each inner call must
    leave behind (EIP-150), can make the needed limit higher; bisection then finds it.

    Raises:
        RpcError: it fails with any limit up to the block's.
    """
    first = _execute(chain, tx, block, GAS_LIMIT)
    _require_success(first)
    used = max(GAS_LIMIT - first.get_gas_remaining(), INTRINSIC_GAS)
    if _succeeds(chain, tx, block, used):
        return used
    low, high = used, GAS_LIMIT
    # Enough for one level of inner calls; a good guess makes the bisection short.
    trial = min(high, (used + first.get_gas_refund()) * 64 // 63 + 10)
    if _succeeds(chain, tx, block, trial):
        high = trial
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        if _succeeds(chain, tx, block, middle):
            high = middle
        else:
            low = middle
    return high


def quantity(value: Any) -> int:
    """A JSON-RPC quantity (hex or number; missing is 0) as an int."""
    try:
        return int(value, 16) if isinstance(value, str) else int(value or 0)
    except (TypeError, ValueError) as error:
        raise RpcError(INVALID_PARAMS, f"not a quantity: {value!r}") from error


def data(value: Any) -> bytes:
    """JSON-RPC data (hex; missing is empty) as bytes."""
    try:
        return decode_hex(value) if value else b""
    except (TypeError, ValueError) as error:
        raise RpcError(INVALID_PARAMS, f"not hexadecimal data: {value!r}") from error


def _execute(chain: EmbeddedChain, tx: dict[str, Any], block: Any, gas: int) -> ComputationAPI:
    vm = chain.vm(block)
    sender = data(tx.get("from")) or bytes(20)
    unsigned = vm.create_unsigned_transaction(
        nonce=vm.state.get_nonce(sender),
        gas_price=0,
        gas=gas,
        to=data(tx.get("to")),
        value=quantity(tx.get("value")),
        data=data(tx.get("input") or tx.get("data")),
    )
    try:
        spoof = SpoofTransaction(unsigned, from_=sender)
        done: ComputationAPI = vm.state.costless_execute_transaction(spoof)
    except (ValidationError, VMError) as error:
        raise RpcError(EXECUTION_FAILED, f"execution failed: {error}") from error
    return done


def _succeeds(chain: EmbeddedChain, tx: dict[str, Any], block: Any, gas: int) -> bool:
    try:
        return _execute(chain, tx, block, gas).is_success
    except RpcError:
        return False  # less than the intrinsic gas


def _require_success(computation: ComputationAPI) -> None:
    if computation.is_success:
        return
    if isinstance(computation.error, Revert):
        output = bytes(computation.output)
        raise RpcError(REVERTED, _reason(output), "0x" + output.hex())
    kind = type(computation.error).__name__
    raise RpcError(EXECUTION_FAILED, f"execution failed: {kind} {computation.error}")


def _reason(output: bytes) -> str:
    if output[:4] == _ERROR_STRING:
        try:
            return f"execution reverted: {decode(['string'], output[4:])[0]}"
        except DecodingError:
            return "execution reverted"  # a contract may revert with any bytes
    return "execution reverted"
