"""Which nonce the next transaction of a key gets, when many threads and processes use the key.

A file per key and chain serves as the lock and remembers the newest transaction of the key.
The chain's own count of pending transactions decides. The remembered transaction only matters while
a server behind a load balancer does not count it yet.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from collegium.chain.connection import Chain
from collegium.chain.locks import file_lock, lock_directory


class NonceSlot:
    """The right to send the next transaction of one key; valid inside :func:`nonce_slot` only."""

    def __init__(self, chain: Chain, address: str, file: IO[str]) -> None:
        self._chain, self._address, self._file = chain, address, file

    def next(self) -> int:
        """The nonce to use now."""
        pending = pending_count(self._chain, self._address)
        text = self._file.read()
        self._file.seek(0)
        if text:
            last = json.loads(text)
            if pending <= last["nonce"] and is_known(self._chain, last["hash"]):
                return int(last["nonce"]) + 1
        return pending

    def remember(self, nonce: int, tx_hash: str) -> None:
        """Record a transaction before it is sent, so that a crash while sending loses nothing."""
        self._file.seek(0)
        self._file.truncate()
        self._file.write(json.dumps({"nonce": nonce, "hash": tx_hash}))
        self._file.flush()
        self._file.seek(0)


@contextmanager
def nonce_slot(chain: Chain, address: str, directory: Path | None = None) -> Iterator[NonceSlot]:
    """Wait for the right to send from ``address`` on ``chain``; no one else has it meanwhile."""
    # Local chains share one chain id, so the genesis hash identifies the chain.
    name = hashlib.sha256(f"{chain.genesis_hash}{address.lower()}".encode()).hexdigest()[:32]
    with file_lock((directory or lock_directory()) / f"{name}.nonce") as file:
        yield NonceSlot(chain, address, file)


def pending_count(chain: Chain, address: str) -> int:
    """How many transactions of ``address`` the chain knows, mined or waiting."""
    return int(chain.rpc("eth_getTransactionCount", address, "pending"), 16)


def is_known(chain: Chain, tx_hash: str) -> bool:
    """Whether the chain has this transaction, mined or waiting."""
    return chain.rpc("eth_getTransactionByHash", tx_hash) is not None
