"""Contracts at an address: calling, sending, deploying."""

from typing import Any

from eth_utils import decode_hex, to_checksum_address

from collegium.chain.abi import Abi
from collegium.chain.connection import Chain
from collegium.chain.receipts import AbiBook, Receipt
from collegium.chain.reverts import explain_revert
from collegium.chain.sender import Sender
from collegium.chain.shipped import Artifact
from collegium.chain.transport import RpcRefusal
from collegium.errors import WrongChain


class Contract:
    """A contract at an address.

    Args:
        chain: the chain it is on.
        address: any case.
        abi: its functions, events and errors.
        known: contracts whose errors it can pass on; this contract is added.
    """

    def __init__(self, chain: Chain, address: str, abi: Abi, known: AbiBook | None = None) -> None:
        self.chain, self.abi = chain, abi
        self.address: str = to_checksum_address(address)
        self.known = known or AbiBook()
        if self.known.abi(self.address) is None:
            self.known.add(self.address, abi)

    def call(
        self, function: str, *args: Any, block: str | int = "latest", sender: str | None = None
    ) -> Any:
        """What ``function(*args)`` returns; nothing is sent.

        Args:
            function: its name.
            args: its arguments; structs as mappings or tuples.
            block: number or tag. ``"pending"`` uses the time of the next block.
            sender: the address that calls.

        Returns:
            ``None``, one value, or a mapping of several; structs as mappings.

        Raises:
            TransactionReverted: the contract reverts.
            WrongChain: there is no such contract on this chain.
            ChainUnreachable: the chain does not answer.
        """
        request = {"to": self.address, "data": "0x" + self.encode(function, *args).hex()}
        if sender is not None:
            request["from"] = sender
        tag = hex(block) if isinstance(block, int) else block
        try:
            output = decode_hex(self.chain.rpc("eth_call", request, tag))
        except RpcRefusal as refusal:
            raise explain_revert(refusal, self.known.all) from refusal
        # An address without code answers every call with nothing, and without an error.
        if not output and self.abi.functions[function]["outputs"]:
            raise WrongChain(
                expected=f"a contract at {self.address} on chain {self.chain.chain_id}",
                found="an address without code",
                action="Check the address, and that this is the chain it was deployed on.",
            )
        return self.abi.decode_output(function, output)

    def encode(self, function: str, *args: Any) -> bytes:
        """Calldata of ``function(*args)``."""
        return self.abi.encode_call(function, *args)

    def transact(
        self, sender: Sender, function: str, *args: Any, value: int = 0, gas: int | None = None
    ) -> Receipt:
        """Send ``function(*args)`` and wait; see :meth:`.sender.Sender.send` for what it raises."""
        return sender.send(self.address, self.encode(function, *args), value=value, gas=gas)


def deploy(sender: Sender, contract: Artifact, *args: Any) -> tuple[Contract, Receipt]:
    """Create ``contract`` with these constructor arguments.

    From then on, the sender decodes the contract's errors and events.

    Raises:
        WrongChain: the receipt has no address.
        TransactionReverted, ChainUnreachable, …: see :meth:`.sender.Sender.send`.
    """
    book = sender.known
    book.all = book.all + contract.abi  # the constructor may revert with its own errors
    receipt = sender.send(None, contract.bytecode + contract.abi.encode_constructor(*args))
    if receipt.contract_address is None:
        raise WrongChain(
            expected=f"the address of the new {contract.name}",
            found="a receipt without one",
            action="Use a server that follows the Ethereum JSON-RPC specification.",
        )
    return Contract(sender.chain, receipt.contract_address, contract.abi, book), receipt
