"""Blocks, transactions, receipts and logs in the form of the Ethereum JSON-RPC specification."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from eth._utils.address import generate_contract_address
from eth.exceptions import TransactionNotFound
from eth_utils import to_checksum_address

from collegium.chain.embedded.chain import INVALID_PARAMS, EmbeddedChain, Header, RpcError
from collegium.chain.embedded.execution import data
from collegium.chain.transactions import ACCESS_LIST, DYNAMIC_FEE

Json = dict[str, Any]
_REMEMBERED_BLOCKS = 4096  # bounds the memory of a server that runs for long


def quantity_hex(value: int) -> str:
    """A number as a JSON-RPC quantity."""
    return hex(value)


def data_hex(value: bytes) -> str:
    """Bytes as JSON-RPC data."""
    return "0x" + bytes(value).hex()


def address_hex(value: bytes) -> str | None:
    """An address with its EIP-55 checksum; ``None`` where there is none."""
    return to_checksum_address(value) if value else None


class Views:
    """Reads one chain; remembers the logs of recent blocks, which never change."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self._logs_by_hash = lru_cache(_REMEMBERED_BLOCKS)(self._decode_logs)

    def block(self, header: Header, full: bool) -> Json:
        """A block, with whole transactions if ``full``, otherwise with their hashes."""
        block = self._chain.block(header)
        transactions = [
            self._transaction(t, header, i) if full else data_hex(t.hash)
            for i, t in enumerate(block.transactions)
        ]
        return {
            "number": quantity_hex(header.block_number),
            "hash": data_hex(header.hash),
            "parentHash": data_hex(header.parent_hash),
            "sha3Uncles": data_hex(header.uncles_hash),
            "miner": address_hex(header.coinbase),
            "stateRoot": data_hex(header.state_root),
            "transactionsRoot": data_hex(header.transaction_root),
            "receiptsRoot": data_hex(header.receipt_root),
            "logsBloom": data_hex(header.bloom.to_bytes(256, "big")),
            "difficulty": quantity_hex(header.difficulty),
            "totalDifficulty": "0x0",  # without proof of work every block has difficulty 0
            "gasLimit": quantity_hex(header.gas_limit),
            "gasUsed": quantity_hex(header.gas_used),
            "timestamp": quantity_hex(header.timestamp),
            "extraData": data_hex(header.extra_data),
            "mixHash": data_hex(header.mix_hash),
            "nonce": data_hex(header.nonce),
            "baseFeePerGas": quantity_hex(header.base_fee_per_gas),
            "withdrawalsRoot": data_hex(header.withdrawals_root),
            "withdrawals": [],
            "uncles": [],
            "size": quantity_hex(sum(len(t.encode()) for t in block.transactions)),
            "transactions": transactions,
        }

    def transaction(self, tx_hash: Any) -> Json | None:
        """A mined transaction by its hash (hex); ``None`` if there is none."""
        place = self._locate(tx_hash)
        if place is None:
            return None
        header, index = place
        return self._transaction(self._chain.block(header).transactions[index], header, index)

    def receipt(self, tx_hash: Any) -> Json | None:
        """The receipt of a mined transaction by its hash (hex); ``None`` if there is none."""
        place = self._locate(tx_hash)
        if place is None:
            return None
        header, index = place
        block = self._chain.block(header)
        receipts = block.get_receipts(self._chain.chaindb)
        transaction, receipt = block.transactions[index], receipts[index]
        # In a receipt, gas_used counts all transactions of the block so far.
        before = receipts[index - 1].gas_used if index else 0
        form = self._transaction(transaction, header, index)
        created = None
        if not transaction.to:
            created = address_hex(generate_contract_address(transaction.sender, transaction.nonce))
        place_fields = ("blockHash", "blockNumber", "transactionIndex", "from", "to", "type")
        return {name: form[name] for name in place_fields} | {
            "transactionHash": form["hash"],
            "cumulativeGasUsed": quantity_hex(receipt.gas_used),
            "gasUsed": quantity_hex(receipt.gas_used - before),
            "effectiveGasPrice": form["gasPrice"],
            "contractAddress": created,
            "logs": [e for e in self.logs_of(header) if e["transactionHash"] == form["hash"]],
            "logsBloom": data_hex(receipt.bloom.to_bytes(256, "big")),
            # py-evm keeps the status in the place of the former state root (EIP-658).
            "status": "0x1" if receipt.state_root == b"\x01" else "0x0",
        }

    def logs(self, query: Json) -> list[Json]:
        """``eth_getLogs``: block range or hash, addresses, topics with alternatives."""
        addresses = {data(a) for a in _as_list(query.get("address"))}
        topics = [{data(t) for t in _as_list(topic)} for topic in query.get("topics") or []]
        return [
            log
            for header in self._headers(query)
            for log in self.logs_of(header)
            if (not addresses or data(log["address"]) in addresses) and _matches(log, topics)
        ]

    def logs_of(self, header: Header) -> tuple[Json, ...]:
        """All logs of a block, in order."""
        if header.bloom == 0:  # no transaction of the block wrote a log
            return ()
        return self._logs_by_hash(header.hash)

    def _decode_logs(self, block_hash: bytes) -> tuple[Json, ...]:
        header = self._chain.header(data_hex(block_hash))
        block = self._chain.block(header)
        receipts = block.get_receipts(self._chain.chaindb)
        entries: list[Json] = []
        for index, (transaction, receipt) in enumerate(
            zip(block.transactions, receipts, strict=True)
        ):
            for log in receipt.logs:
                entries.append(
                    {
                        "address": address_hex(log.address),
                        "topics": [data_hex(t.to_bytes(32, "big")) for t in log.topics],
                        "data": data_hex(log.data),
                        "blockNumber": quantity_hex(header.block_number),
                        "blockHash": data_hex(header.hash),
                        "transactionHash": data_hex(transaction.hash),
                        "transactionIndex": quantity_hex(index),
                        "logIndex": quantity_hex(len(entries)),
                        "removed": False,
                    }
                )
        return tuple(entries)

    def _headers(self, query: Json) -> Iterator[Header]:
        if query.get("blockHash"):
            yield self._chain.header(query["blockHash"])
            return
        head = self._chain.head.block_number
        first = self._position(query.get("fromBlock"), head)
        last = min(self._position(query.get("toBlock"), head), head)
        for number in range(first, last + 1):
            yield self._chain.header(number)

    def _position(self, block: Any, head: int) -> int:
        if block in (None, "latest", "safe", "finalized", "pending"):
            return head
        if block == "earliest":
            return 0
        try:
            return int(block, 16) if isinstance(block, str) else int(block)
        except (TypeError, ValueError) as error:
            raise RpcError(INVALID_PARAMS, f"not a block: {block!r}") from error

    def _locate(self, tx_hash: Any) -> tuple[Header, int] | None:
        try:
            number, index = self._chain.chaindb.get_transaction_index(data(tx_hash))
        except TransactionNotFound:
            return None
        return self._chain.header(number), index

    def _transaction(self, t: Any, header: Header, index: int) -> Json:
        kind = t.type_id or 0
        form: Json = {
            "type": quantity_hex(kind),
            "hash": data_hex(t.hash),
            "nonce": quantity_hex(t.nonce),
            "blockHash": data_hex(header.hash),
            "blockNumber": quantity_hex(header.block_number),
            "transactionIndex": quantity_hex(index),
            "from": address_hex(t.sender),
            "to": address_hex(t.to),
            "value": quantity_hex(t.value),
            "gas": quantity_hex(t.gas),
            "input": data_hex(t.data),
            "r": quantity_hex(t.r),
            "s": quantity_hex(t.s),
            "v": quantity_hex(t.y_parity if kind else t.v),
        }
        if t.chain_id is not None:
            form["chainId"] = quantity_hex(t.chain_id)
        if kind >= ACCESS_LIST:
            form |= {"yParity": quantity_hex(t.y_parity), "accessList": _access_list(t)}
        if kind == DYNAMIC_FEE:
            tip = min(t.max_priority_fee_per_gas, t.max_fee_per_gas - header.base_fee_per_gas)
            return form | {
                "maxFeePerGas": quantity_hex(t.max_fee_per_gas),
                "maxPriorityFeePerGas": quantity_hex(t.max_priority_fee_per_gas),
                "gasPrice": quantity_hex(header.base_fee_per_gas + tip),
            }
        return form | {"gasPrice": quantity_hex(t.gas_price)}


def _access_list(transaction: Any) -> list[Json]:
    return [
        {
            "address": address_hex(account),
            "storageKeys": [data_hex(key.to_bytes(32, "big")) for key in keys],
        }
        for account, keys in transaction.access_list
    ]


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _matches(log: Json, wanted: list[set[bytes]]) -> bool:
    topics = [data(topic) for topic in log["topics"]]
    if len(topics) < len(wanted):
        return False
    return all(not any_of or topics[i] in any_of for i, any_of in enumerate(wanted))
