"""Reading a chain: events in order, and raw blocks, transactions and receipts for the audit.

Raw objects are returned exactly as the server wrote them, so that a bundle can store them and
:mod:`.headers` can check them later without a chain.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from collegium.chain.connection import Chain
from collegium.chain.limits import too_large
from collegium.chain.receipts import AbiBook, Event, Receipt
from collegium.chain.reverts import explain_revert
from collegium.chain.transport import RpcRefusal
from collegium.errors import BlockMissing

Json = dict[str, Any]
BLOCKS_PER_REQUEST = 2_000  # what public servers commonly allow


class Reader:
    """Reads one chain.

    Args:
        chain: where to read.
        known: contracts whose events are decoded.
        blocks_per_request: range of one ``eth_getLogs`` request; halved when a server rejects it.
    """

    def __init__(
        self,
        chain: Chain,
        known: AbiBook | None = None,
        *,
        blocks_per_request: int = BLOCKS_PER_REQUEST,
    ) -> None:
        self.chain, self.known = chain, known or AbiBook()
        self._step = blocks_per_request

    # -- events ---------------------------------------------------------------------------------

    def events(
        self,
        *names: str,
        first: int = 0,
        last: int | None = None,
        addresses: Sequence[str] | None = None,
    ) -> Iterator[Event]:
        """Decoded events in chain order.

        Args:
            names: only these; all known events if none is given.
            first, last: block range, both included; ``None`` is the newest block.
            addresses: only these contracts; all known ones if ``None``.

        Raises:
            ChainError: the server rejects even a range of one block.
            ChainUnreachable: it does not answer.
        """
        for log in self.logs(first, last, addresses or self.known.addresses):
            event = self.known.decode_log(log)
            if event is not None and (not names or event.name in names):
                yield event

    def logs(self, first: int, last: int | None, addresses: Sequence[str]) -> Iterator[Json]:
        """Raw logs of these contracts in chain order, fetched in pages."""
        end = self.chain.head if last is None else last
        start, step = first, self._step
        while start <= end:
            stop = min(start + step - 1, end)
            query = {"fromBlock": hex(start), "toBlock": hex(stop), "address": list(addresses)}
            try:
                page = self.chain.rpc("eth_getLogs", query)
            except RpcRefusal as refusal:
                if start == stop:
                    raise explain_revert(refusal) from refusal
                # Servers limit range or size, with different numbers and texts. Half of what was
                # really asked for: near the newest block that is less than a step.
                step = max(1, (stop - start + 1) // 2)
                if too_large(refusal.message):
                    self._step = step  # other errors may be gone with the next call
                continue
            # Do not rely on the order in which a server lists logs.
            yield from sorted(
                page, key=lambda log: (_int(log, "blockNumber"), _int(log, "logIndex"))
            )
            start = stop + 1

    # -- raw objects ----------------------------------------------------------------------------

    def block(self, number: int | str, *, full: bool = True) -> Json:
        """A block by number or hash, with whole transactions if ``full``.

        Raises:
            BlockMissing: there is no such block.
        """
        by_hash = isinstance(number, str) and len(number) == 66  # 0x and 32 bytes
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        name = hex(number) if isinstance(number, int) else number
        return _present(self.chain.rpc(method, name, full), f"block {number}")

    def blocks(self, first: int, last: int, *, full: bool = True) -> Iterator[Json]:
        """Blocks ``first`` … ``last``, both included."""
        for number in range(first, last + 1):
            yield self.block(number, full=full)

    def transaction(self, tx_hash: str) -> Json:
        """A transaction in JSON form.

        Raises:
            BlockMissing: the chain does not know it.
        """
        return _present(
            self.chain.rpc("eth_getTransactionByHash", tx_hash), f"transaction {tx_hash}"
        )

    def receipt(self, tx_hash: str) -> Receipt:
        """A mined transaction's receipt, with its known events.

        Raises:
            BlockMissing: it is not mined.
        """
        receipt = self.chain.rpc("eth_getTransactionReceipt", tx_hash)
        return Receipt(_present(receipt, f"receipt of {tx_hash}"), self.known)

    def receipts(self, block: Json) -> list[Json]:
        """All receipts of a block in order, as the server wrote them."""
        # One by one: not every local chain has eth_getBlockReceipts.
        hashes = [tx if isinstance(tx, str) else tx["hash"] for tx in block["transactions"]]
        return [self.receipt(tx_hash).json for tx_hash in hashes]

    def code(self, address: str, block: int | str = "latest") -> bytes:
        """The deployed code at an address; empty if there is none."""
        name = hex(block) if isinstance(block, int) else block
        return bytes.fromhex(self.chain.rpc("eth_getCode", address, name)[2:])


def _int(log: Json, name: str) -> int:
    return int(log[name], 16)


def _present(result: Any, what: str) -> Json:
    if result is None:
        raise BlockMissing(
            expected=f"{what} on the chain",
            found="that the server does not have it",
            action="Check that this is the right chain, and that the server keeps its history.",
        )
    answer: Json = result
    return answer
