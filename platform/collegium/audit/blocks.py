"""The chain of blocks: every hash recomputed, every link followed, no transaction left out.

If the auditor knows the hash of one block from elsewhere (the anchor), everything up to that block
is proven: no server and no exporter can have altered it.
"""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from collegium.audit import fields
from collegium.audit.bundle import Bundle, parse_line
from collegium.audit.fields import number
from collegium.audit.index import BLOCKS, CONTRACTS, Index
from collegium.audit.trail import Trail
from collegium.chain import headers
from collegium.chain.transactions import ACCESS_LIST, DYNAMIC_FEE, LEGACY, verify_transaction
from collegium.errors import AuditError, Unverifiable

Json = dict[str, Any]
Block = tuple[Json, list[Json]]
"""A block with whole transactions, and its receipts."""

T = TypeVar("T")
_KNOWN_TYPES = (LEGACY, ACCESS_LIST, DYNAMIC_FEE)
_DELEGATION = 4  # EIP-7702


class ChainCheck:
    """Checks blocks in their order and yields them.

    Attributes:
        head: the last block so far; None before the first.
    """

    def __init__(self, trail: Trail, index: Index, anchor: str | None) -> None:
        self.trail, self.index, self.anchor = trail, index, anchor
        self.head: Json | None = None
        self._nonces: dict[str, int] = {}
        self._unproven: set[str] = set()
        self._delegating = False
        self._anchored_at: int | None = None

    def blocks(self, bundle: Bundle, progress: Callable[[int], None]) -> Iterator[Block]:
        """Yield every readable block of the bundle, checked; unreadable ones are findings."""
        for position, line in enumerate(self._lines(bundle), start=1):
            record = f"{BLOCKS}, line {position}"
            entry = self.trail.attempt("block-form", record, _bind(parse_line, line))
            if entry is not None:
                self._check(record, *entry)
                yield entry
            progress(position)
        self._finish()

    def _lines(self, bundle: Bundle) -> Iterator[bytes]:
        """The lines of the chain file, as far as they can be read."""
        try:
            yield from bundle.lines()
        except AuditError as error:
            self.trail.violation("block-form", BLOCKS, error.expected, error.found)

    def _check(self, line: str, block: Json, receipts: list[Json]) -> None:
        height = self.trail.attempt("block-form", line, lambda: number(block["number"]))
        record = line if height is None else f"block {height}"
        attempt, transactions = self.trail.attempt, block["transactions"]
        attempt("header", record, _bind(headers.verify_header, block))
        attempt("parent", record, lambda: self._link(record, block))
        attempt("transactions", record, lambda: self._transactions(record, block))
        attempt("receipts", record, lambda: headers.verify_receipts(block, receipts))
        attempt("fields", record, lambda: self._derived(block, receipts))
        attempt("nonce", record, lambda: self._count(transactions))
        if self.anchor is not None and str(block.get("hash")).lower() == self.anchor:
            self._anchored_at = height
        self.head = block  # damaged or not: the next block is compared with it

    def _link(self, record: str, block: Json) -> None:
        if self.head is None:
            first = self.index.first_block
            self.trail.expect("parent", f"{record}, number", first, number(block["number"]))
            return
        before, expect = self.head, self.trail.expect
        expect("parent", record, before["hash"].lower(), block["parentHash"].lower())
        height = number(before["number"]) + 1
        expect("parent", f"{record}, number", height, number(block["number"]))
        if number(block["timestamp"]) < number(before["timestamp"]):
            found = (number(before["timestamp"]), number(block["timestamp"]))
            self.trail.violation("parent", f"{record}, time", "time that never goes back", found)

    def _transactions(self, record: str, block: Json) -> None:
        """Check the transactions root, or one by one if some have a type that is unknown here.

        The receipts, with their types, are proven in any case, so a transaction of a known type
        cannot be presented as one of an unknown type.
        """
        transactions = block["transactions"]
        try:
            headers.verify_transactions(block, transactions)
        except Unverifiable as error:
            self.trail.skip(f"that {record} contains exactly these transactions", error.found)
            ours = [getattr(self.index, name) for name in CONTRACTS]
            for tx in transactions:
                known = number(tx.get("type", 0)) in _KNOWN_TYPES
                if known or str(tx.get("to")).lower() in map(str.lower, ours):
                    verify_transaction(tx)

    def _derived(self, block: Json, receipts: list[Json]) -> None:
        for record, name, wanted, found in fields.derived(block, receipts, self.index.chain_id):
            self.trail.expect("fields", f"{record}, {name}", wanted, found)
        self._unproven |= fields.unproven(block, receipts)

    def _count(self, transactions: list[Json]) -> None:
        for tx in transactions:
            self._delegating |= number(tx.get("type", 0)) == _DELEGATION
        if self._delegating:
            self.trail.skip("that no sender's transaction is missing", "EIP-7702 moves nonces too")
            return
        for tx in transactions:
            sender, nonce = tx["from"].lower(), number(tx["nonce"])
            # The bundle starts in mid-chain: the first nonce of a sender is taken as it is.
            due = self._nonces.get(sender, nonce)
            record = f"transaction {tx['hash']} of {tx['from']}, nonce"
            self.trail.expect("nonce", record, due, nonce)
            self._nonces[sender] = nonce + 1

    def _finish(self) -> None:
        head, trail = self.head, self.trail
        if head is None:
            trail.violation("head", BLOCKS, f"blocks up to {self.index.head_number}", "none")
            return
        height = trail.attempt("head", "last block", lambda: number(head["number"]))
        if height is not None:
            trail.attempt("head", f"block {height}", lambda: self._match_head(height, head))
            self._match_anchor(height)
        if self._unproven:
            names = ", ".join(sorted(self._unproven))
            trail.skip(f"fields {names}", "no hash covers them; nothing here relies on them")

    def _match_head(self, height: int, head: Json) -> None:
        record, wanted = f"block {height}", "0x" + self.index.head_hash
        self.trail.expect("head", f"{record}, number", self.index.head_number, height)
        self.trail.expect("head", f"{record}, hash", wanted, head["hash"].lower())

    def _match_anchor(self, height: int) -> None:
        if self.anchor is None:
            self.trail.skip(
                "that this is the chain that everyone else sees",
                "no anchor was given: compare the head's hash with a source you trust "
                "(--anchor); without it, the author of the bundle could have invented blocks",
            )
        elif self._anchored_at is None:
            wanted = f"block {self.anchor} in the chain"
            self.trail.violation("anchor", f"blocks up to {height}", wanted, "none")
        else:
            self.trail.expect("anchor", f"block {self._anchored_at}", self.anchor, self.anchor)
            if self._anchored_at != height:
                later = f"blocks {self._anchored_at + 1} to {height}"
                self.trail.skip(later, "they come after the anchor, which does not cover them")


def _bind(function: Callable[[Any], T], argument: Any) -> Callable[[], T]:
    # A lambda in a loop would see the argument of a later turn.
    return lambda: function(argument)
