"""The file of an embedded chain, read without an EVM: headers, receipts and accounts.

py-evm keeps each header and each node of a Merkle Patricia trie under its own hash, in one table.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from collegium.chain.bloom import bits
from collegium.chain.light import rlp
from collegium.errors import ChainFile

_HEAD = b"v1:canonical_head_hash"  # py-evm's key of the newest block's hash
_PARENT, _STATE, _RECEIPTS, _BLOOM, _NUMBER = 0, 3, 5, 6, 8  # of a header (Yellow Paper, 4.3)
_CODE_HASH, _LOGS = 3, 3  # of an account, of a receipt

Log = tuple[bytes, list[bytes], bytes]
"""Address, topics, data."""


def logs(path: Path, topics: Sequence[bytes]) -> list[Log]:
    """All logs of the blocks that may contain an event with one of these topics.

    They are in chain order. Whole blocks are chosen, by their bloom filters, so the list also
    contains other logs.

    Raises:
        ChainFile: the file cannot be read.
    """
    wanted = [bits(topic) for topic in topics]
    blocks: list[list[Log]] = []
    with ChainReader(path) as chain:
        header = chain.header()
        while True:
            bloom = int.from_bytes(header[_BLOOM])
            if any(bloom & one == one for one in wanted):
                blocks.append(list(chain.logs(header[_RECEIPTS])))
            if header[_NUMBER] == b"":  # zero
                return [log for block in reversed(blocks) for log in block]
            header = chain.header(header[_PARENT])


class ChainReader:
    """Headers, receipts and accounts of a chain file, read only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._sql = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            self._head = self._get(_HEAD)
        except sqlite3.Error as error:
            raise self._unusable(str(error)) from error

    def __enter__(self) -> "ChainReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._sql.close()

    def header(self, block_hash: bytes | None = None) -> list[Any]:
        """The fields of a block's header; the newest block's by default."""
        fields: list[Any] = rlp.decode(self._get(block_hash or self._head))
        return fields

    def logs(self, receipts_root: bytes) -> Iterator[Log]:
        """The logs of a block, in order."""
        number = 0
        while (receipt := self.trie(receipts_root, rlp.encode_number(number))) is not None:
            body = receipt if receipt[0] >= 0xC0 else receipt[1:]  # EIP-2718: a type comes first
            yield from (tuple(log) for log in rlp.decode(body)[_LOGS])
            number += 1

    def trie(self, root: bytes, key: bytes) -> bytes | None:
        """A value of a Merkle Patricia trie (Yellow Paper, D), or ``None``."""
        nibbles = key.hex()
        node = rlp.decode(self._get(root))
        while node:
            if len(node) == 17:
                if not nibbles:
                    return node[16] or None
                node, nibbles = node[int(nibbles[0], 16)], nibbles[1:]
            else:
                path = node[0].hex()
                # Compact encoding (Yellow Paper, C): 2 and 3 mark leaves, 1 and 3 odd lengths.
                leaf, path = path[0] in "23", path[1:] if path[0] in "13" else path[2:]
                if not nibbles.startswith(path) or (leaf and nibbles != path):
                    return None
                if leaf:
                    value: bytes = node[1]
                    return value
                node, nibbles = node[1], nibbles[len(path) :]
            if isinstance(node, bytes) and node:  # by hash; short nodes are embedded
                node = rlp.decode(self._get(node))
        return None

    def _get(self, key: bytes) -> bytes:
        row = self._sql.execute("select v from kv where k = ?", (key,)).fetchone()
        if row is None:
            raise self._unusable(f"no entry {key.hex()}")
        value: bytes = row[0]
        return value

    def _unusable(self, found: str) -> ChainFile:
        return ChainFile(
            expected="a chain file that can be read",
            found=f"{self.path} ({found})",
            action="Use another file.",
        )
