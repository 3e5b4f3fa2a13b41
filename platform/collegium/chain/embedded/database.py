"""The key-value store under the embedded chain: one SQLite file, one SQL transaction per block.

py-evm writes a block as many small puts. They are collected in memory and stored together, so a
reader, or a process that starts after a crash, sees whole blocks only. SQLite's write-ahead log
lets other processes read while one writes, and ``begin immediate`` makes writers queue.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from eth.db.backends.base import BaseDB

from collegium.errors import ChainFile

BUSY_TIMEOUT_MS = 60_000
MEMORY = ":memory:"
CACHED_ENTRIES = 200_000  # bounds the memory of a process that runs for long
_HASH_BYTES = 32  # py-evm keys headers, trie nodes and code by their own hash


class SqliteDB(BaseDB):
    """A py-evm database on the file ``path`` (or ``":memory:"``, for one process only).

    Only writes inside :meth:`transaction` are stored; others are discarded. One object
    may be used by several threads if the caller holds a lock, and survives a fork.

    Raises:
        ChainFile: the file cannot be opened or is not a chain.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._cache: dict[bytes, bytes] = {}
        self._dirty: dict[bytes, bytes | None] = {}
        self._version: int | None = None
        self._inherited: list[sqlite3.Connection] = []
        self._connect()

    def _connect(self) -> None:
        self._pid = os.getpid()
        try:
            # Statements end their own transactions: isolation_level=None turns off Python's.
            self._sql = sqlite3.connect(
                self.path, check_same_thread=False, isolation_level=None, timeout=60
            )
            self._sql.execute(f"pragma busy_timeout={BUSY_TIMEOUT_MS}")
            self._sql.execute("pragma journal_mode=wal")
            # With a write-ahead log, "normal" loses nothing when a process dies; only a power
            # cut can take the newest blocks, and never corrupts the file.
            self._sql.execute("pragma synchronous=normal")
            # "without rowid" stores values in the index of the keys: one look-up instead of two.
            self._sql.execute(
                "create table if not exists kv(k blob primary key, v blob not null) without rowid"
            )
        except sqlite3.Error as error:
            raise ChainFile(
                expected="a chain file that can be read and written",
                found=f"{self.path} ({error})",
                action="Use another file, or delete this one if its chain is not needed.",
            ) from error

    def refresh(self) -> None:
        """Forget what another process may have changed since the last call."""
        self._reconnect_after_fork()
        version = self._sql.execute("pragma data_version").fetchone()[0]
        if version != self._version:
            # A value under its own hash never changes, so it can stay.
            self._cache = {k: v for k, v in self._cache.items() if len(k) == _HASH_BYTES}
            self._version = version
        if len(self._cache) > CACHED_ENTRIES:
            self._cache.clear()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is stored together at the end, or not at all."""
        self._reconnect_after_fork()
        self._sql.execute("begin immediate")
        try:
            self.refresh()
            yield
            self._store()
            self._sql.execute("commit")
        except BaseException:
            self._sql.execute("rollback")
            self._cache.clear()  # it may contain what was not stored
            raise
        finally:
            self._dirty.clear()

    def discard(self) -> None:
        """Drop what a simulated execution left behind."""
        self._dirty.clear()

    def close(self) -> None:
        """Close the file."""
        self._sql.close()

    def _reconnect_after_fork(self) -> None:
        if self._pid != os.getpid() and self.path != MEMORY:
            # SQLite connections must not cross a fork; closing the parent's would drop its locks.
            self._inherited.append(self._sql)
            self._connect()

    def _store(self) -> None:
        put = [(k, v) for k, v in self._dirty.items() if v is not None]
        gone = [(k,) for k, v in self._dirty.items() if v is None]
        self._sql.executemany("insert or replace into kv values(?, ?)", put)
        self._sql.executemany("delete from kv where k = ?", gone)
        self._cache.update(put)
        for (key,) in gone:
            self._cache.pop(key, None)

    def __getitem__(self, key: bytes) -> bytes:
        if key in self._dirty:
            value = self._dirty[key]
            if value is None:
                raise KeyError(key)
            return value
        if key in self._cache:
            return self._cache[key]
        row = self._sql.execute("select v from kv where k = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        found = self._cache[key] = bytes(row[0])
        return found

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._dirty[key] = value

    def __delitem__(self, key: bytes) -> None:
        if not self._exists(key):
            raise KeyError(key)
        self._dirty[key] = None

    def _exists(self, key: bytes) -> bool:
        try:
            self[key]
        except KeyError:
            return False
        return True
