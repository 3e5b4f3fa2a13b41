"""Explain why a chain rejected a call, for every form of its error.

The same revert arrives in different forms: as JSON-RPC error data (a hex string; an object with
``data`` from Hardhat 2; an object with ``result`` from Ganache), inside one of several web3.py
exceptions, or only as text. :func:`explain_revert` turns each form into the same typed error.
"""

import re
from typing import Any

from eth_utils import decode_hex, is_hex

from collegium.chain.abi import Abi, Call
from collegium.chain.refusals import ADVICE, UNKNOWN
from collegium.errors import ChainError, CollegiumError, InsufficientFunds
from collegium.protocol.model.round import Phase

# Solidity's own errors: https://docs.soliditylang.org/en/latest/control-structures.html
_BUILT_IN = Abi(
    [
        {"type": "error", "name": "Error", "inputs": [{"name": "reason", "type": "string"}]},
        {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
    ]
)
PANICS = {
    0x00: "compiler-inserted panic",
    0x01: "failed assertion",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "value outside its enum",
    0x22: "badly encoded storage bytes",
    0x31: "pop from an empty array",
    0x32: "index out of bounds",
    0x41: "too much memory",
    0x51: "call of an uninitialised function",
}
_REVERT_WORDS = re.compile(r"revert", re.IGNORECASE)
_FUNDS_WORDS = re.compile(r"insufficient funds|doesn't have enough funds", re.IGNORECASE)
_HEX = re.compile(r"0x[0-9a-fA-F]{8,}")  # a selector at least
_PHASES = frozenset(int(phase) for phase in Phase)
# Hardhat decodes the errors of contracts that it has compiled, and sends them as text too.
_NAMED = re.compile(r"custom error '(\w+)\(([^']*)\)'")
_REASON = re.compile(r"(?:reason string '([^']*)'|execution reverted: (.+)|revert(?:ed)?:? (.+))")


def explain_revert(
    refusal: BaseException, abi: Abi | None = None, *, transaction: str | None = None
) -> CollegiumError:
    """The error to raise for a chain's error: ``raise explain_revert(error, abi) from error``.

    Args:
        refusal: an exception of web3.py, or :class:`~.transport.RpcRefusal`.
        abi: has the custom errors of every contract that the call may reach.
        transaction: hash of the transaction, if it was mined.

    Returns:
        A :class:`~collegium.errors.TransactionReverted` with the custom error's name and
        arguments for reverts, ``InsufficientFunds`` if the sender cannot pay for gas, the
        given error itself if it is already one of ours, otherwise a plain ``ChainError``.
    """
    if isinstance(refusal, CollegiumError):
        return refusal
    data, text = revert_data(refusal), _text(refusal)
    if data is not None:
        return _reverted(decode_revert(data, abi), data, transaction)
    if _FUNDS_WORDS.search(text):
        return InsufficientFunds(
            expected="a wallet that can pay for gas",
            found=text,
            action="Send some of the chain's own currency to the sender.",
        )
    if _REVERT_WORDS.search(text):
        return _reverted(_from_words(text), b"", transaction)
    return ChainError(
        expected="a request that the chain accepts", found=text, action=UNKNOWN.action
    )


def decode_revert(data: bytes, abi: Abi | None = None) -> Call | None:
    """Name and arguments of the error that a contract returned; ``None`` if unknown."""
    found = _BUILT_IN.decode_error(data)
    return found if found is not None or abi is None else abi.decode_error(data)


def revert_data(refusal: BaseException) -> bytes | None:
    """The bytes that a contract returned with its revert; ``None`` if the error has none."""
    candidates: list[Any] = [getattr(refusal, "data", None)]
    response = getattr(refusal, "rpc_response", None)
    if isinstance(response, dict):
        candidates.append((response.get("error") or {}).get("data"))
    for candidate in candidates:
        found = _hex_in(candidate)
        if found is not None:
            return found
    if not _REVERT_WORDS.search(_text(refusal)):
        return None
    words = _HEX.search(_text(refusal))
    return decode_hex(words.group()) if words and len(words.group()) % 2 == 0 else None


def _hex_in(value: Any) -> bytes | None:
    if isinstance(value, str):
        value = value.removeprefix("Reverted ")  # the prefix of Parity and OpenEthereum
        return decode_hex(value) if value.startswith("0x") and is_hex(value) else None
    if isinstance(value, dict):
        for key in ("data", "result", "output"):
            found = _hex_in(value.get(key))
            if found is not None:
                return found
    return None


def _text(refusal: BaseException) -> str:
    message = getattr(refusal, "message", None)
    return str(message) if message else str(refusal)


def _from_words(text: str) -> Call | None:
    named = _NAMED.search(text)
    if named:
        return Call(named[1], {"text": named[2]} if named[2] else {})
    reason = _REASON.search(text)
    if reason:
        words = next(group for group in reason.groups() if group)
        return Call("Error", {"reason": words.strip()})
    return None


def _reverted(call: Call | None, data: bytes, transaction: str | None) -> CollegiumError:
    advice = ADVICE.get(call.name, UNKNOWN) if call else UNKNOWN
    error = advice.kind(expected=advice.expected, found=_describe(call, data), action=advice.action)
    if call is not None:
        error.error, error.arguments = call.name, tuple(call.args.values())
    error.transaction = transaction
    return error


def _describe(call: Call | None, data: bytes) -> str:
    if call is None:
        return f"an unknown error 0x{data.hex()}" if data else "a revert without any data"
    if call.name == "Error":
        return f'"{call.args["reason"]}"'
    if call.name == "Panic":
        code = int(call.args["code"])
        return f"Panic 0x{code:02x}: {PANICS.get(code, 'unknown')}"
    return f"{call.name}({', '.join(f'{k}={_short(k, v)}' for k, v in call.args.items())})"


def _short(name: str, value: Any) -> str:
    if name == "phase" and value in _PHASES:
        return Phase(value).name
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
