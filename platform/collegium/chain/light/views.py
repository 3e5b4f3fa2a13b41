"""The registry over HTTP: the contract's own views, called in two batches of ``eth_call``."""

from collections.abc import Sequence
from dataclasses import replace

from eth_hash.auto import keccak

from collegium.chain.http import INTERACTIVE, Answer, Client, public_url
from collegium.chain.light.registry import (
    Listed,
    Registry,
    no_federation,
    words,
)
from collegium.errors import ChainError
from collegium.protocol.addresses import checksum

_RETRY = replace(INTERACTIVE, timeout=10.0)


def from_url(url: str, federation: str) -> Registry:
    """See :func:`collegium.chain.light.read_registry`."""
    client = Client(url, _RETRY)
    asked = ("nodeCount()", "round()", "vault()")
    count, newest, vault = _views(client, [(federation, name, None) for name in asked])
    # An address without code answers every view with nothing.
    if min(map(len, (count, newest, vault))) < 32:
        raise no_federation(federation, public_url(url))
    ids = range(1, int.from_bytes(count[:32]) + 1)
    answers = _views(
        client,
        [(federation, "node(uint16)", i) for i in ids]
        + [(checksum(vault[12:32]), "stakeOf(uint16)", i) for i in ids],
    )
    nodes, stakes = answers[: len(ids)], answers[len(ids) :]
    return Registry(
        tuple(
            _node(number, words(node), int.from_bytes(stake))
            for number, node, stake in zip(ids, nodes, stakes, strict=True)
        ),
        newest_round=int.from_bytes(newest[:32]),
    )


def _node(number: int, words: Sequence[bytes], stake: int) -> Listed:
    account, signer, _seat, active_from, active_until = words[:5]
    return Listed(
        number,
        checksum(account[12:]),
        checksum(signer[12:]),
        stake,
        int.from_bytes(active_from),
        int.from_bytes(active_until),
    )


def _views(client: Client, asked: Sequence[tuple[str, str, int | None]]) -> list[bytes]:
    """Call views that take one number or nothing: (address, signature, argument)."""
    calls = [
        ("eth_call", [{"to": address, "data": _calldata(signature, argument)}, "latest"])
        for address, signature, argument in asked
    ]
    return [_result(answer) for answer in client.ask_all(calls)]


def _calldata(signature: str, argument: int | None) -> str:
    encoded = b"" if argument is None else argument.to_bytes(32)
    return "0x" + (keccak(signature.encode())[:4] + encoded).hex()


def _result(answer: Answer) -> bytes:
    try:
        return bytes.fromhex(answer["result"][2:])
    except (KeyError, TypeError, ValueError):
        raise ChainError(
            expected="an answer to a view of the federation",
            found=str(answer.get("error") or answer.get("result")),
            action="Check the address of the federation, and the server.",
        ) from None
