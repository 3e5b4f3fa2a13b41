"""The registry of a federation, read without web3.py and without an EVM.

Listing nodes has to answer at once, and loading an EVM to ask a view takes longer than the
question. Over HTTP the contract's views are asked in two batches; in the file of an embedded chain
the events are read where they lie, block by block from the newest, skipping blocks by their bloom.
What is read is believed: the audit checks, this only shows.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eth_hash.auto import keccak

from collegium.chain.embedded_file import has_code, logs
from collegium.errors import ChainError, ChainFile, ChainUnreachable, WrongChain

FOREVER = 2**32 - 1
_BATCH = 200
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Listed:
    """A registered node.

    Attributes:
        id: in order of registration, from 1.
        account, signer: EIP-55 addresses.
        stake: token units held for it.
        active_from, active_until: rounds; it takes part in round r iff from <= r < until.
    """

    id: int
    account: str
    signer: str
    stake: int
    active_from: int
    active_until: int = FOREVER

    def status(self, newest: int) -> str:
        """``active``, ``joining`` (with the next round) or ``revoked``, as of round ``newest``."""
        if self.active_until != FOREVER:
            return "revoked"
        return "active" if self.active_from <= max(newest, 1) else "joining"


@dataclass(frozen=True)
class Registry:
    """All nodes ever registered, by id, and the number of the newest round (0 before any)."""

    nodes: tuple[Listed, ...]
    newest_round: int


def read_registry(spec: str, federation: str) -> Registry:
    """The registry of the federation at an address.

    Args:
        spec: http(s) URL of a chain, or path of an embedded chain's file.

    Raises:
        ChainUnreachable: nothing answers at the URL.
        ChainError: the chain answers with an error.
        ChainFile: the file is missing or no chain.
        WrongChain: there is no federation at this address.
    """
    if spec.startswith(("http://", "https://")):
        return _from_rpc(spec, federation)
    return _from_file(Path(spec.removeprefix("embedded:")), federation)


def vault_of(federation: str) -> str:
    """Address of a federation's vault: the first contract it created (Yellow Paper, 7)."""
    encoded = b"\xd6\x94" + bytes.fromhex(federation[2:]) + b"\x01"  # RLP of [creator, nonce 1]
    return checksum(keccak(encoded)[12:])


def checksum(address: bytes) -> str:
    """An address with its EIP-55 checksum."""
    digits = address.hex()
    hashed = keccak(digits.encode()).hex()
    return "0x" + "".join(
        d.upper() if int(h, 16) > 7 else d for d, h in zip(digits, hashed, strict=False)
    )


# -- over HTTP -------------------------------------------------------------------------------------


def _from_rpc(url: str, federation: str) -> Registry:
    count, newest = _views(url, [(federation, "nodeCount()", None), (federation, "round()", None)])
    if len(count) < 32 or len(newest) < 32:
        raise _no_federation(federation, url)
    ids = range(1, int.from_bytes(count[:32]) + 1)
    vault = vault_of(federation)
    answers = _views(
        url,
        [(federation, "node(uint16)", i) for i in ids]
        + [(vault, "stakeOf(uint16)", i) for i in ids],
    )
    nodes, stakes = answers[: len(ids)], answers[len(ids) :]
    return Registry(
        tuple(
            _node(number, _words(node), int.from_bytes(stake))
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
    """Results of views that take one number or nothing: (address, signature, argument)."""
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


# -- in the file of an embedded chain --------------------------------------------------------------

_REGISTERED = keccak(b"NodeRegistered(uint16,address,address,uint8,uint64,bytes32,bytes32)")
_REVOKED = keccak(b"NodeRevoked(uint16,uint64)")
_OPENED = keccak(b"RoundOpened(uint64,bytes32,uint256,uint64)")
_STAKED = keccak(b"Staked(uint16,address,uint256)")


def _from_file(path: Path, federation: str) -> Registry:
    if not path.is_file():
        raise ChainFile(
            expected=f"the file of an embedded chain at {path}",
            found="no such file",
            action="Name the run's folder with --dir, or found a federation first.",
        )
    address, vault = bytes.fromhex(federation[2:]), bytes.fromhex(vault_of(federation)[2:])
    revoked: dict[int, int] = {}
    stakes: dict[int, int] = {}
    nodes: list[Listed] = []
    newest = 0
    wanted = (_REGISTERED, _REVOKED, _OPENED)
    for source, topics, data in logs(path, address, wanted):
        number = int.from_bytes(topics[1]) if len(topics) > 1 else 0
        if source == vault and topics[0] == _STAKED:
            stakes[number] = int.from_bytes(_words(data)[0])
        elif source != address:
            continue
        elif topics[0] == _OPENED:
            newest = max(newest, number)
        elif topics[0] == _REVOKED:
            revoked[number] = int.from_bytes(data)
        elif topics[0] == _REGISTERED:
            account, signer = checksum(topics[2][12:]), checksum(topics[3][12:])
            since = int.from_bytes(_words(data)[1])
            nodes.append(Listed(number, account, signer, 0, since))
    listed = [
        replace(node, stake=stakes.get(node.id, 0), active_until=revoked.get(node.id, FOREVER))
        for node in sorted(nodes, key=lambda node: node.id)
    ]
    if not listed and not has_code(path, address):
        raise _no_federation(federation, str(path))
    return Registry(tuple(listed), newest)


def _words(data: bytes) -> list[bytes]:
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def _no_federation(federation: str, where: str) -> WrongChain:
    return WrongChain(
        expected=f"a federation at {federation} on {where}",
        found="an address without code",
        action="Check the address, and that this is the chain it was deployed on.",
    )
