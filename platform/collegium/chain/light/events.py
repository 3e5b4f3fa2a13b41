"""The registry in the file of an embedded chain, from the events in it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from eth_hash.auto import keccak

from collegium.chain.light.file import logs
from collegium.chain.light.registry import (
    Listed,
    Registry,
    no_federation,
    words,
)
from collegium.errors import ChainFile
from collegium.protocol.addresses import checksum


@dataclass
class _Book:
    """The nodes, stakes and newest round after the events so far."""

    nodes: dict[int, Listed] = field(default_factory=dict)
    stakes: dict[int, int] = field(default_factory=dict)
    newest: int = 0

    def opened(self, topics: list[bytes], data: list[bytes]) -> None:
        self.newest = int.from_bytes(topics[1])

    def registered(self, topics: list[bytes], data: list[bytes]) -> None:
        number, account, signer = int.from_bytes(topics[1]), topics[2][12:], topics[3][12:]
        since = int.from_bytes(data[1])
        self.nodes[number] = Listed(number, checksum(account), checksum(signer), 0, since)

    def rotated(self, topics: list[bytes], data: list[bytes]) -> None:
        number, signer = int.from_bytes(topics[1]), checksum(topics[2][12:])
        node = self.nodes[number]
        # A new signer has its own first round; if only other keys are new, it stays.
        since = node.active_from if signer == node.signer else int.from_bytes(data[0])
        self.nodes[number] = replace(node, signer=signer, active_from=since)

    def left(self, topics: list[bytes], data: list[bytes]) -> None:
        number, until = int.from_bytes(topics[1]), int.from_bytes(data[0])
        self.nodes[number] = replace(self.nodes[number], active_until=until)

    def staked(self, topics: list[bytes], data: list[bytes]) -> None:
        self._move(topics, int.from_bytes(data[0]))

    def unstaked(self, topics: list[bytes], data: list[bytes]) -> None:
        self._move(topics, -int.from_bytes(data[0]))

    def _move(self, topics: list[bytes], amount: int) -> None:
        number = int.from_bytes(topics[1])
        self.stakes[number] = self.stakes.get(number, 0) + amount


_Entry = Callable[[_Book, list[bytes], list[bytes]], None]
_FEDERATION: dict[bytes, _Entry] = {
    keccak(signature): entry
    for signature, entry in (
        (b"RoundOpened(uint64,bytes32,uint256,uint64)", _Book.opened),
        (
            b"NodeRegistered(uint16,address,address,uint8,uint64,bytes32,bytes32)",
            _Book.registered,
        ),
        (b"NodeRotated(uint16,address,uint64,bytes32,bytes32)", _Book.rotated),
        (b"NodeLeft(uint16,uint64,uint8)", _Book.left),
    )
}
_CREATED = keccak(b"FederationCreated(address,address,address,address,address)")
_VAULT: dict[bytes, _Entry] = {
    keccak(signature): entry
    for signature, entry in (
        (b"Staked(uint16,address,uint256)", _Book.staked),
        (b"Slashed(uint16,uint96,address,uint96)", _Book.unstaked),
        (b"StakeWithdrawn(uint16,address,uint256)", _Book.unstaked),
    )
}


def from_file(path: Path, federation: str) -> Registry:
    """See :func:`collegium.chain.light.read_registry`."""
    if not path.is_file():
        raise ChainFile(
            expected=f"the file of an embedded chain at {path}",
            found="no such file",
            action="Pass the run's folder with --dir, or create a federation first.",
        )
    address = bytes.fromhex(federation[2:])
    entries = {address: _FEDERATION}
    book = _Book()
    for source, topics, data in logs(path, (_CREATED, *_FEDERATION, *_VAULT)):
        if source == address and topics[:1] == [_CREATED]:
            # The data are the addresses of token, vault, …; only the constructor emits this event.
            entries[words(data)[1][12:]] = _VAULT
        entry = entries.get(source, {}).get(topics[0]) if topics else None
        if entry is not None:
            entry(book, topics, words(data))
    if len(entries) == 1:
        raise no_federation(federation, str(path))
    listed = [
        replace(node, stake=book.stakes.get(number, 0))
        for number, node in sorted(book.nodes.items())
    ]
    return Registry(tuple(listed), book.newest)
