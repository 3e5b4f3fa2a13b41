"""The registry in the file of an embedded chain: the events, read where they lie."""

from dataclasses import replace
from pathlib import Path

from eth_hash.auto import keccak

from collegium.chain.light.file import has_code, logs
from collegium.chain.light.registry import (
    FOREVER,
    Listed,
    Registry,
    checksum,
    no_federation,
    vault_of,
    words,
)
from collegium.errors import ChainFile

_REGISTERED = keccak(b"NodeRegistered(uint16,address,address,uint8,uint64,bytes32,bytes32)")
_REVOKED = keccak(b"NodeRevoked(uint16,uint64)")
_OPENED = keccak(b"RoundOpened(uint64,bytes32,uint256,uint64)")
_STAKED = keccak(b"Staked(uint16,address,uint256)")


def from_file(path: Path, federation: str) -> Registry:
    """See :func:`collegium.chain.light.read_registry`."""
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
            stakes[number] = int.from_bytes(words(data)[0])
        elif source != address:
            continue
        elif topics[0] == _OPENED:
            newest = max(newest, number)
        elif topics[0] == _REVOKED:
            revoked[number] = int.from_bytes(data)
        elif topics[0] == _REGISTERED:
            account, signer = checksum(topics[2][12:]), checksum(topics[3][12:])
            since = int.from_bytes(words(data)[1])
            nodes.append(Listed(number, account, signer, 0, since))
    listed = [
        replace(node, stake=stakes.get(node.id, 0), active_until=revoked.get(node.id, FOREVER))
        for node in sorted(nodes, key=lambda node: node.id)
    ]
    if not listed and not has_code(path, address):
        raise no_federation(federation, str(path))
    return Registry(tuple(listed), newest)
