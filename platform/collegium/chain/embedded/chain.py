"""The embedded chain itself: its head, its time and the mining of blocks.

Every accepted transaction is mined at once into its own block, as on the other local
chains. Calls and estimates are in :mod:`.execution`, the JSON forms in :mod:`.forms`.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eth.exceptions import HeaderNotFound, VMError
from eth_utils import ValidationError, decode_hex
from rlp.exceptions import RLPException

from collegium.chain.embedded.clock import Clock, ClockKind
from collegium.chain.embedded.database import MEMORY, SqliteDB
from collegium.chain.embedded.genesis import CLOCK_KEY, open_chain

Header = Any  # py-evm types every number and hash by its own NewType; these stay behind this file
# Error codes of JSON-RPC 2.0 and EIP-1474.
INVALID_PARAMS = -32602
TRANSACTION_REFUSED = -32003
NOT_FOUND = -32001
_HEAD_TAGS = (None, "latest", "safe", "finalized")


class RpcError(Exception):
    """An error answer: JSON-RPC code, message and, for reverts, the returned bytes as hex."""

    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.data = code, message, data


class EmbeddedChain:
    """An Ethereum chain at the Shanghai fork in the SQLite file ``path``.

    One object serves several threads; several processes open one object each on the same file.

    Args:
        path: the file, created if missing; ``":memory:"`` keeps the chain in this object.
        clock: ``"wall"`` or ``"virtual"`` (see :mod:`.clock`); ``None`` takes the file's.
        genesis_time: Unix time of block 0; ``None`` takes the file's, else a default.
        seed: up to 32 bytes that vary the chain's randomness.
        chain_id: EIP-155 id, 31337 unless given.

    Raises:
        ChainFile: the file cannot be used, or was created with other options.
    """

    def __init__(
        self,
        path: str | Path = MEMORY,
        *,
        clock: ClockKind | None = None,
        genesis_time: int | None = None,
        seed: bytes | None = None,
        chain_id: int | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.db = SqliteDB(str(path))
        chain, self.options = open_chain(
            self.db, chain_id=chain_id, clock=clock, genesis_time=genesis_time, seed=seed
        )
        self._chain: Any = chain
        self.chaindb: Any = chain.chaindb

    def close(self) -> None:
        """Close the file."""
        with self.lock:
            self.db.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Read the newest state of the file; everything written inside is dropped.

        No SQL snapshot is needed: everything below a head is stored under its own hash.
        """
        with self.lock:
            self.db.refresh()
            try:
                yield
            finally:
                self.db.discard()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Change the chain with no other writer, entirely or not at all."""
        with self.lock, self.db.transaction():
            yield

    # -- headers and state --------------------------------------------------------------------

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        return self.options.chain_id

    @property
    def head(self) -> Header:
        """Header of the newest block."""
        return self._chain.get_canonical_head()

    def header(self, block: Any = "latest") -> Header:
        """The header of a mined block, by tag, number (int or hex) or 32-byte hash.

        Raises:
            RpcError: there is no such block.
        """
        if isinstance(block, dict):  # EIP-1898
            block = block.get("blockHash") or block.get("blockNumber")
        if block in _HEAD_TAGS:
            return self.head
        try:
            if isinstance(block, str) and len(block) == 66:
                return self._chain.get_block_header_by_hash(decode_hex(block))
            number = 0 if block == "earliest" else _number(block)
            return self._chain.get_canonical_block_header_by_number(number)
        except HeaderNotFound as missing:
            raise RpcError(NOT_FOUND, f"block {block} not found") from missing

    def next_header(self) -> Header:
        """The header that a block mined now starts from."""
        parent = self.head
        timestamp = self.clock.next_time(parent.timestamp, int(time.time()))
        header = self._chain.create_header_from_parent(parent, timestamp=timestamp)
        return header.copy(mix_hash=hashlib.sha256(self._randomness(parent)).digest())

    def _randomness(self, parent: Header) -> bytes:
        """The preimage of the next block's randomness; the same in every process."""
        if self.clock.kind == "virtual":  # independent of the order of senders
            return self.options.seed + int(parent.block_number).to_bytes(8, "big")
        return bytes(parent.hash) + b"randao"  # unknown before the parent exists

    def vm(self, block: Any = "latest") -> Any:
        """An EVM on the state after ``block``; for ``"pending"``, as the next block would see it.

        The base fee is zero, so that calls need no funds.
        """
        header = self.next_header() if block == "pending" else self.header(block)
        return self._chain.get_vm(header.copy(base_fee_per_gas=0))

    def block(self, header: Header) -> Any:
        """The py-evm block of a header, with its transactions."""
        return self._chain.get_block_by_header(header)

    # -- time ---------------------------------------------------------------------------------

    @property
    def clock(self) -> Clock:
        """The chain's clock as the file stores it."""
        return Clock(**json.loads(self.db[CLOCK_KEY]))

    def set_clock(self, clock: Clock) -> None:
        """Store the chain's clock; only inside :meth:`writing`."""
        self.db[CLOCK_KEY] = json.dumps(clock.to_json()).encode()

    # -- blocks (only inside ``writing``) -------------------------------------------------------

    def mine(self, *transactions: Any) -> Any:
        """Mine one block of these transactions and return it."""
        header = self.next_header()
        self._chain.header = header  # py-evm builds the block on it, with our time and randomness
        for transaction in transactions:
            self._chain.apply_transaction(transaction)
        block = self._chain.mine_block(mix_hash=header.mix_hash, coinbase=header.coinbase)
        clock = self.clock
        moved = clock.after_block(header.timestamp, int(time.time()))
        if moved != clock:
            self.set_clock(moved)
        return block

    def add_raw(self, raw: bytes) -> bytes:
        """Check and mine a signed transaction; returns its 32-byte hash.

        Raises:
            RpcError: it is malformed, for another chain, has the wrong nonce, or its sender
                cannot pay for it.
        """
        transaction, sender = self._decode(raw)
        state = self._chain.get_vm(self.head).state
        expected = state.get_nonce(sender)
        if transaction.nonce != expected:
            low = "low" if transaction.nonce < expected else "high"
            raise RpcError(
                TRANSACTION_REFUSED,
                f"nonce too {low}: expected {expected}, found {transaction.nonce}",
            )
        cost = transaction.gas * transaction.max_fee_per_gas + transaction.value
        balance = state.get_balance(sender)
        if balance < cost:
            raise RpcError(
                TRANSACTION_REFUSED,
                f"insufficient funds for gas * price + value: have {balance}, want {cost}",
            )
        try:
            self.mine(transaction)
        except (ValidationError, VMError) as refusal:
            raise RpcError(TRANSACTION_REFUSED, f"transaction rejected: {refusal}") from refusal
        return bytes(transaction.hash)

    def _decode(self, raw: bytes) -> tuple[Any, bytes]:
        builder = self._chain.get_vm(self.head).get_transaction_builder()
        try:
            transaction = builder.decode(raw)
            transaction.validate()
            sender = transaction.sender
        except (RLPException, ValidationError, VMError, ValueError, TypeError) as error:
            raise RpcError(INVALID_PARAMS, f"not a signed transaction: {error}") from error
        if transaction.chain_id not in (None, self.chain_id):
            raise RpcError(
                INVALID_PARAMS,
                f"invalid chain id: expected {self.chain_id}, found {transaction.chain_id}",
            )
        return transaction, bytes(sender)


def _number(value: Any) -> int:
    try:
        return int(value, 16) if isinstance(value, str) else int(value)
    except (TypeError, ValueError) as error:
        raise RpcError(INVALID_PARAMS, f"not a block: {value!r}") from error
