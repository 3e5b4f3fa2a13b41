"""Sign and send transactions: each exactly once, even if the connection breaks.

A transaction is signed once. If the answer to sending it is lost, the transaction is looked up by
its hash. Only if the chain does not know it, the same signed bytes are sent again. A nonce can be
mined only once, so nothing can happen twice.
"""

import time
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from eth_account.signers.local import LocalAccount
from eth_utils import to_checksum_address

from collegium.chain.connection import Chain
from collegium.chain.http import Retry
from collegium.chain.nonces import is_known, nonce_slot, pending_count
from collegium.chain.receipts import AbiBook, Receipt
from collegium.chain.reverts import explain_revert, revert_data
from collegium.chain.transport import RpcRefusal
from collegium.errors import (
    ChainUnreachable,
    CollegiumError,
    InsufficientFunds,
    TransactionPending,
    TransactionReverted,
)
from collegium.protocol.amounts import ETHER

# Between the estimate and mining, other transactions may raise the cost of a call: the last of
# several commitments also writes the end of the phase.
GAS_HEADROOM_PERCENT, GAS_HEADROOM = 20, 30_000
DEFAULT_TIP_WEI = 10**9  # 1 gwei, if the server suggests nothing
NONCE_RACES = 8  # each is lost only to a program that does not use this lock


@dataclass(frozen=True)
class _Signed:
    """A signed transaction on its way: hex strings and what it can cost at most, in wei."""

    raw: str
    hash: str
    nonce: int
    cost: int


class Sender:
    """Sends from one account on one chain. Threads may share it.

    Args:
        chain: where to send.
        account: the key that signs.
        known: contracts whose errors and events are decoded.
        receipt_seconds: how long to wait until a transaction is mined.
        confirmations: blocks to wait for, including its own, until a transaction counts as mined.
        retry: how sending is repeated; reading follows the connection's rule.
        lock_directory: folder of the nonce lock; the same for all processes that use the key.
    """

    def __init__(
        self,
        chain: Chain,
        account: LocalAccount,
        *,
        known: AbiBook | None = None,
        receipt_seconds: float = 120.0,
        confirmations: int = 1,
        retry: Retry | None = None,
        lock_directory: Path | None = None,
    ) -> None:
        self.chain, self.account = chain, account
        self.known = known or AbiBook()
        self._receipt_seconds, self._confirmations = receipt_seconds, confirmations
        self._retry = retry or Retry()
        self._lock_directory = lock_directory

    def knowing(self, known: AbiBook) -> Self:
        """The same sender; it decodes the errors and events of these contracts."""
        other = copy(self)
        other.known = known
        return other

    @property
    def address(self) -> str:
        """EIP-55 address of the account."""
        return str(self.account.address)

    def send(
        self, to: str | None, data: bytes = b"", *, value: int = 0, gas: int | None = None
    ) -> Receipt:
        """Send one transaction and wait until it is mined.

        Args:
            to: the receiver; ``None`` creates a contract from ``data``.
            data: calldata or creation code with arguments.
            value: wei.
            gas: gas limit; estimated, with headroom, if not given. A transaction that would
                revert is only sent if it is given.

        Raises:
            TransactionReverted: the contract reverts, while gas is estimated or when mined.
            InsufficientFunds: the account cannot pay for it.
            ChainUnreachable: the connection broke; says whether the outcome is known.
            TransactionPending: it was sent but not mined in time.
        """
        call = {"from": self.address, "data": "0x" + data.hex(), "value": hex(value)}
        if to is not None:
            call["to"] = to_checksum_address(to)
        fees = self._fees()
        limit = gas or self._estimate(call, fees)
        signed = self._submit(call, fees, limit)
        receipt = Receipt(self._wait(signed.hash), self.known)
        if not receipt.succeeded:
            raise self._why_reverted(call, limit, receipt)
        return receipt

    # -- sending --------------------------------------------------------------------------------

    def _submit(self, call: dict[str, Any], fees: dict[str, int], gas: int) -> _Signed:
        for _ in range(NONCE_RACES):
            with nonce_slot(self.chain, self.address, self._lock_directory) as slot:
                signed = self._sign(call, fees, gas, slot.next())
                slot.remember(signed.nonce, signed.hash)
                if self._deliver(signed):
                    return signed
        raise ChainUnreachable(
            expected=f"a nonce of {self.address} that stays free until it is used",
            found=f"that other transactions used it {NONCE_RACES} times",
            action="Do not use one key on several machines at once.",
        )

    def _sign(self, call: dict[str, Any], fees: dict[str, int], gas: int, nonce: int) -> _Signed:
        value = int(call["value"], 16)
        fields: dict[str, Any] = {
            "chainId": self.chain.chain_id,
            "nonce": nonce,
            "gas": gas,
            "value": value,
        }
        fields |= fees | {k: call[k] for k in ("to", "data") if k in call}
        signed = self.account.sign_transaction(fields)
        price = fees.get("maxFeePerGas", fees.get("gasPrice", 0))
        return _Signed(
            raw="0x" + bytes(signed.raw_transaction).hex(),
            hash="0x" + bytes(signed.hash).hex(),
            nonce=nonce,
            cost=value + gas * price,
        )

    def _deliver(self, signed: _Signed) -> bool:
        """Send it; ``False`` if another transaction has used its nonce."""
        for attempt in range(self._retry.attempts):
            try:
                self.chain.rpc("eth_sendRawTransaction", signed.raw)
                return True
            except ChainUnreachable as lost:
                self._retry.wait(attempt)
                if self._arrived(signed, lost):
                    return True
            except RpcRefusal as refusal:
                if is_known(self.chain, signed.hash):
                    return True  # rejected because an earlier attempt arrived
                if pending_count(self.chain, self.address) <= signed.nonce:
                    raise self._explain(refusal, signed.cost) from refusal
                if attempt == 0:
                    return False  # not accepted, and another transaction used its nonce
                self._retry.wait(attempt)  # perhaps this very transaction used the nonce
                if self._arrived(signed, refusal):
                    return True
        raise _outcome_unknown(signed)

    def _arrived(self, signed: _Signed, cause: Exception) -> bool:
        try:
            return is_known(self.chain, signed.hash)
        except ChainUnreachable:
            raise _outcome_unknown(signed) from cause

    # -- before and after -----------------------------------------------------------------------

    def _fees(self) -> dict[str, int]:
        """EIP-1559 fees that stay sufficient while the base fee doubles; else a gas price."""
        base = self.chain.rpc("eth_getBlockByNumber", "latest", False).get("baseFeePerGas")
        if base is None:
            return {"gasPrice": int(self.chain.rpc("eth_gasPrice"), 16)}
        try:
            tip = int(self.chain.rpc("eth_maxPriorityFeePerGas"), 16)
        except RpcRefusal:  # not every server has this method
            tip = DEFAULT_TIP_WEI
        return {"maxFeePerGas": 2 * int(base, 16) + tip, "maxPriorityFeePerGas": tip}

    def _estimate(self, call: dict[str, Any], fees: dict[str, int]) -> int:
        try:
            estimate = int(self.chain.rpc("eth_estimateGas", call), 16)
        except RpcRefusal as refusal:
            price = fees.get("maxFeePerGas", fees.get("gasPrice", 0))
            least = int(call["value"], 16) + 21_000 * price  # every transaction costs 21,000 gas
            raise self._explain(refusal, least) from refusal
        latest = self.chain.rpc("eth_getBlockByNumber", "latest", False)
        limit = estimate * (100 + GAS_HEADROOM_PERCENT) // 100 + GAS_HEADROOM
        return min(limit, int(latest["gasLimit"], 16))  # a block accepts no higher limit

    def _wait(self, tx_hash: str) -> dict[str, Any]:
        deadline = time.monotonic() + self._receipt_seconds
        pause = 0.01
        while True:
            receipt = self.chain.rpc("eth_getTransactionReceipt", tx_hash)
            # While Geth is still indexing, its receipts have no block.
            if receipt is not None and receipt.get("blockNumber") and self._is_deep(receipt):
                mined: dict[str, Any] = receipt
                return mined
            if time.monotonic() > deadline:
                raise TransactionPending(
                    expected=f"{tx_hash} to be mined within {self._receipt_seconds:g} s",
                    found="that it is still waiting",
                    action="Look for this hash before sending anything again.",
                )
            time.sleep(pause)
            pause = min(pause * 2, 1.0)

    def _is_deep(self, receipt: dict[str, Any]) -> bool:
        if self._confirmations <= 1:
            return True
        return self.chain.head - int(receipt["blockNumber"], 16) + 1 >= self._confirmations

    # -- explaining -----------------------------------------------------------------------------

    def _explain(self, refusal: RpcRefusal, cost: int) -> CollegiumError:
        # Each chain words a lack of funds differently, so the balance is compared instead.
        if revert_data(refusal) is None:
            balance = int(self.chain.rpc("eth_getBalance", self.address, "latest"), 16)
            if balance < cost:
                return InsufficientFunds(
                    expected=f"at least {cost / ETHER:.6f} ETH at {self.address} for gas and value",
                    found=f"{balance / ETHER:.6f} ETH",
                    action="Send some of the chain's own currency to this address.",
                )
        return explain_revert(refusal, self.known.all)

    def _why_reverted(self, call: dict[str, Any], gas: int, receipt: Receipt) -> CollegiumError:
        """Run it again on the block that mined it, to get its error."""
        if receipt.gas_used >= gas:  # a revert returns unused gas, other failures do not
            return _mined_in_vain(receipt, f"all {gas} gas used", "Send it with more gas.")
        try:
            self.chain.rpc("eth_call", call | {"gas": hex(gas)}, hex(receipt.block))
        except RpcRefusal as refusal:
            return explain_revert(refusal, self.known.all, transaction=receipt.tx)
        return _mined_in_vain(
            receipt, "a revert that does not happen again", "Read the state and send it again."
        )


def _mined_in_vain(receipt: Receipt, found: str, action: str) -> TransactionReverted:
    error = TransactionReverted(
        expected="a transaction that the contract accepts", found=found, action=action
    )
    error.transaction = receipt.tx
    return error


def _outcome_unknown(signed: _Signed) -> ChainUnreachable:
    return ChainUnreachable(
        expected=f"the chain to confirm that it has transaction {signed.hash}",
        found="no answer, so that it may or may not have been accepted",
        action="Look for this hash before sending anything again.",
    )
