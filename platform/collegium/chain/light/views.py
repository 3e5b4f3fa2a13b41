"""The registry over HTTP: the contract's own views, called in two batches of ``eth_call``."""

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from eth_hash.auto import keccak

from collegium.chain.light.registry import (
    Listed,
    Registry,
    no_federation,
    words,
)
from collegium.errors import ChainError, ChainUnreachable
from collegium.protocol.addresses import checksum

_BATCH = 200  # servers limit the size of a batch
_TIMEOUT_SECONDS = 10.0


def from_url(url: str, federation: str) -> Registry:
    """See :func:`collegium.chain.light.read_registry`."""
    asked = ("nodeCount()", "round()", "vault()")
    count, newest, vault = _views(url, [(federation, name, None) for name in asked])
    # An address without code answers every view with nothing.
    if min(map(len, (count, newest, vault))) < 32:
        raise no_federation(federation, url)
    ids = range(1, int.from_bytes(count[:32]) + 1)
    answers = _views(
        url,
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


def _views(url: str, asked: Sequence[tuple[str, str, int | None]]) -> list[bytes]:
    """Call views that take one number or nothing: (address, signature, argument)."""
    results: list[bytes] = []
    for start in range(0, len(asked), _BATCH):
        batch = [
            {
                "jsonrpc": "2.0",
                "id": number,
                "method": "eth_call",
                "params": [{"to": address, "data": _calldata(signature, argument)}, "latest"],
            }
            for number, (address, signature, argument) in enumerate(asked[start : start + _BATCH])
        ]
        by_id = {answer.get("id"): answer for answer in _post(url, batch)}
        results += [_result(by_id.get(request["id"])) for request in batch]
    return results


def _calldata(signature: str, argument: int | None) -> str:
    encoded = b"" if argument is None else argument.to_bytes(32)
    return "0x" + (keccak(signature.encode())[:4] + encoded).hex()


def _result(answer: dict[str, Any] | None) -> bytes:
    if answer is None or "result" not in answer:
        raise ChainError(
            expected="an answer to a view of the federation",
            found=str((answer or {}).get("error", "none")),
            action="Check the address of the federation, and the server.",
        )
    return bytes.fromhex(answer["result"][2:])


def _post(url: str, batch: list[dict[str, Any]]) -> list[dict[str, Any]]:
    import urllib.error
    import urllib.request

    body = json.dumps(batch).encode()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    parts = urlsplit(url)
    here = parts.hostname in ("127.0.0.1", "localhost", "::1")
    # Never through a proxy if the chain is on this machine.
    proxies = [urllib.request.ProxyHandler({})] if here else []
    try:
        opener = urllib.request.build_opener(*proxies)
        with opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            answer = json.load(response)
    except (urllib.error.URLError, OSError, ValueError) as error:
        # Without path and query, where providers put their access keys.
        server = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        raise ChainUnreachable(
            expected=f"an Ethereum JSON-RPC server at {server}",
            found=str(getattr(error, "reason", error)),
            action="Check that the chain is running (collegium chain status), and the address.",
        ) from error
    return answer if isinstance(answer, list) else [answer]
