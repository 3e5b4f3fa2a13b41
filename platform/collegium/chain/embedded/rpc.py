"""The JSON-RPC methods of the embedded chain, as one table.

Ethereum's own methods follow the execution API specification; ``evm_*`` are those of
Hardhat, anvil and Ganache for mining and moving time.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from eth_utils import to_checksum_address

from collegium import __version__
from collegium.chain.embedded import execution
from collegium.chain.embedded.chain import INVALID_PARAMS, EmbeddedChain, RpcError
from collegium.chain.embedded.execution import data, quantity
from collegium.chain.embedded.forms import Json, Views, data_hex, quantity_hex
from collegium.chain.embedded.genesis import dev_accounts

log = logging.getLogger(__name__)

INVALID_REQUEST, METHOD_NOT_FOUND, INTERNAL_ERROR = -32600, -32601, -32603
PRIORITY_FEE_WEI = 10**9  # 1 gwei
Handler = Callable[..., Any]


class Rpc:
    """Answers JSON-RPC requests on one chain."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self.chain = chain
        self.views = Views(chain)
        self.accounts = {a.address.lower(): a for a in dev_accounts()}
        self._writes = self._write_methods()
        self._reads = self._read_methods()

    def handle(self, request: Any) -> Any:
        """The answer to a parsed request, or the list of answers to a batch. Never raises."""
        if isinstance(request, list) and request:
            return [self.handle(one) for one in request]
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _error(None, INVALID_REQUEST, "not a JSON-RPC request")
        identity = request.get("id")
        try:
            result = self.call(request["method"], request.get("params") or [])
        except RpcError as refusal:
            return _error(identity, refusal.code, refusal.message, refusal.data)
        except Exception as failure:  # the server must answer even if there is a bug here
            log.exception("%s failed", request["method"])
            message = f"{type(failure).__name__}: {failure}"
            return _error(identity, INTERNAL_ERROR, message)
        return {"jsonrpc": "2.0", "id": identity, "result": result}

    def call(self, method: str, params: list[Any]) -> Any:
        """The result of one method.

        Raises:
            RpcError: unknown method, wrong parameters, or a refusal by the chain.
        """
        table, scope = self._reads, self.chain.reading
        if method in self._writes:
            table, scope = self._writes, self.chain.writing
        handler = table.get(method)
        if handler is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {method} is not available")
        if not isinstance(params, list):
            raise RpcError(INVALID_PARAMS, "parameters must be a list")
        with scope():
            try:
                return handler(*params)
            except TypeError as error:
                # Raised by this very call, not inside the handler: the parameters do not fit.
                if error.__traceback__ is not None and error.__traceback__.tb_next is None:
                    raise RpcError(INVALID_PARAMS, f"wrong parameters: {error}") from error
                raise

    # -- methods that change the chain ----------------------------------------------------------

    def _write_methods(self) -> dict[str, Handler]:
        return {
            "eth_sendRawTransaction": lambda raw: data_hex(self.chain.add_raw(data(raw))),
            "eth_sendTransaction": self._send_transaction,
            "evm_mine": self._mine,
            "evm_increaseTime": self._increase_time,
            "evm_setNextBlockTimestamp": self._set_next_block_timestamp,
        }

    def _send_transaction(self, tx: Json) -> str:
        """Sign with a prefunded account and send."""
        account = self.accounts.get(str(tx.get("from", "")).lower())
        if account is None:
            raise RpcError(INVALID_PARAMS, f"unknown account {tx.get('from')}")
        sender = data(tx["from"])
        nonce = tx.get("nonce")
        state = self.chain.vm().state
        fields: Json = {
            "chainId": self.chain.chain_id,
            "nonce": state.get_nonce(sender) if nonce is None else quantity(nonce),
            "gas": quantity(tx.get("gas")) or execution.estimate(self.chain, tx),
            "value": quantity(tx.get("value")),
            "data": data(tx.get("input") or tx.get("data")),
        }
        if tx.get("to"):
            fields["to"] = to_checksum_address(tx["to"])
        fields |= self._fees(tx)
        return data_hex(self.chain.add_raw(account.sign_transaction(fields).raw_transaction))

    def _fees(self, tx: Json) -> Json:
        if tx.get("gasPrice") is not None:
            return {"gasPrice": quantity(tx["gasPrice"])}
        tip = quantity(tx.get("maxPriorityFeePerGas") or PRIORITY_FEE_WEI)
        enough = 2 * self.chain.next_header().base_fee_per_gas + tip
        return {
            "maxPriorityFeePerGas": tip,
            "maxFeePerGas": quantity(tx.get("maxFeePerGas")) or enough,
        }

    def _mine(self, timestamp: Any = None) -> str:
        if timestamp is not None:
            self._set_next_block_timestamp(timestamp)
        self.chain.mine()
        return "0x0"

    def _increase_time(self, seconds: Any) -> str:
        amount = quantity(seconds)
        if amount < 0:
            raise RpcError(INVALID_PARAMS, f"time cannot go back by {-amount} s")
        parent = self.chain.head.timestamp
        clock = self.chain.clock.advanced(amount, parent, int(time.time()))
        self.chain.set_clock(clock)
        return quantity_hex(clock.shift)

    def _set_next_block_timestamp(self, timestamp: Any) -> str:
        at, parent = quantity(timestamp), self.chain.head.timestamp
        if at <= parent:
            raise RpcError(
                INVALID_PARAMS, f"timestamp must be above the last block's: {at} <= {parent}"
            )
        self.chain.set_clock(self.chain.clock.fixed_at(at))
        return quantity_hex(at)

    # -- methods that only read -----------------------------------------------------------------

    def _read_methods(self) -> dict[str, Handler]:
        chain = self.chain
        return {
            "web3_clientVersion": lambda: f"Collegium/{__version__}/embedded",
            "net_version": lambda: str(chain.chain_id),
            "net_listening": lambda: True,
            "eth_chainId": lambda: quantity_hex(chain.chain_id),
            "eth_syncing": lambda: False,
            "eth_blockNumber": lambda: quantity_hex(chain.head.block_number),
            "eth_accounts": lambda: [a.address for a in dev_accounts()],
            "eth_gasPrice": lambda: quantity_hex(self._base_fee() + PRIORITY_FEE_WEI),
            "eth_maxPriorityFeePerGas": lambda: quantity_hex(PRIORITY_FEE_WEI),
            "eth_feeHistory": self._fee_history,
            "eth_getBalance": lambda address, block="latest": quantity_hex(
                chain.vm(block).state.get_balance(data(address))
            ),
            "eth_getTransactionCount": lambda address, block="latest": quantity_hex(
                chain.vm(block).state.get_nonce(data(address))
            ),
            "eth_getCode": lambda address, block="latest": data_hex(
                chain.vm(block).state.get_code(data(address))
            ),
            "eth_getStorageAt": lambda address, slot, block="latest": data_hex(
                chain.vm(block).state.get_storage(data(address), quantity(slot)).to_bytes(32, "big")
            ),
            "eth_call": lambda tx, block="latest": data_hex(execution.call(chain, tx, block)),
            "eth_estimateGas": lambda tx, block="pending": quantity_hex(
                execution.estimate(chain, tx, block)
            ),
            "eth_getTransactionByHash": self.views.transaction,
            "eth_getTransactionReceipt": self.views.receipt,
            "eth_getBlockByNumber": self._block,
            "eth_getBlockByHash": self._block,
            "eth_getLogs": self.views.logs,
        }

    def _base_fee(self) -> int:
        return int(self.chain.next_header().base_fee_per_gas)

    def _fee_history(self, _count: Any, newest: Any, percentiles: Any = None) -> Json:
        header = self.chain.header(None if newest == "pending" else newest)
        return {
            "oldestBlock": quantity_hex(header.block_number),
            "baseFeePerGas": [
                quantity_hex(header.base_fee_per_gas),
                quantity_hex(self._base_fee()),
            ],
            "gasUsedRatio": [header.gas_used / header.gas_limit],
            "reward": [[quantity_hex(PRIORITY_FEE_WEI)] * len(percentiles or [])],
        }

    def _block(self, block: Any, full: bool = False) -> Json | None:
        try:
            # No transaction is ever pending: each is mined at once.
            header = self.chain.header(None if block == "pending" else block)
        except RpcError as refusal:
            if refusal.code == INVALID_PARAMS:
                raise
            return None  # the specification's answer for a block that does not exist
        return self.views.block(header, full)


def _error(identity: Any, code: int, message: str, payload: str | None = None) -> Json:
    error: Json = {"code": code, "message": message}
    if payload is not None:
        error["data"] = payload
    return {"jsonrpc": "2.0", "id": identity, "error": error}
