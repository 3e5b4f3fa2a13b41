"""The outcome of a transaction, with its events decoded. Pure: works on stored JSON too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from eth_utils import decode_hex, to_checksum_address

from collegium.chain.abi import Abi


@dataclass(frozen=True)
class Event:
    """One decoded event.

    Attributes:
        name: as in the contract.
        args: values by name, in the contract's order.
        address: the contract that emitted it, EIP-55.
        block, tx_index, log_index: its place in the chain; tuples of these sort in chain order.
        tx: hash of its transaction.
    """

    name: str
    args: dict[str, Any]
    address: str
    block: int
    tx: str
    tx_index: int
    log_index: int

    def __getitem__(self, name: str) -> Any:
        return self.args[name]

    @property
    def place(self) -> tuple[int, int]:
        """Block and log index; sorting by it gives chain order."""
        return self.block, self.log_index


class AbiBook:
    """Known contracts: the ABI of each by address, and the errors of all of them together."""

    def __init__(self, abis: Mapping[str, Abi] | None = None) -> None:
        self._by_address: dict[str, Abi] = {}
        self.all = Abi([])  # a contract passes on errors that it does not declare
        for address, abi in (abis or {}).items():
            self.add(address, abi)

    def add(self, address: str, abi: Abi) -> None:
        """Add the contract at an address."""
        self._by_address[address.lower()] = abi
        self.all = self.all + abi

    @property
    def addresses(self) -> list[str]:
        """EIP-55 addresses of all known contracts."""
        return [to_checksum_address(a) for a in self._by_address]

    def abi(self, address: str) -> Abi | None:
        """The ABI of the contract at an address, in any case; ``None`` if it is unknown."""
        return self._by_address.get(address.lower())

    def decode_log(self, log: dict[str, Any]) -> Event | None:
        """The event in a JSON-RPC log; ``None`` if it is of no known contract or event.

        Raises:
            eth_abi.exceptions.DecodingError: a known contract's log is malformed.
        """
        abi = self.abi(log["address"])
        if abi is None:
            return None
        topics = [decode_hex(t) for t in log["topics"]]
        call = abi.decode_event(topics, decode_hex(log["data"]))
        if call is None:
            return None
        return Event(
            name=call.name,
            args=call.args,
            address=to_checksum_address(log["address"]),
            block=int(log["blockNumber"], 16),
            tx=log["transactionHash"],
            tx_index=int(log["transactionIndex"], 16),
            log_index=int(log["logIndex"], 16),
        )

    def decode_logs(self, logs: Iterable[dict[str, Any]]) -> list[Event]:
        """The known events among JSON-RPC logs, in chain order."""
        events = [self.decode_log(log) for log in logs]
        return sorted((e for e in events if e is not None), key=lambda e: e.place)


class Receipt:
    """A mined transaction.

    Attributes:
        json: the receipt as the chain wrote it.
        events: decoded events of the contracts that the sender knew, in order.
    """

    def __init__(self, json: dict[str, Any], known: AbiBook) -> None:
        self.json = json
        self._known = known

    def __repr__(self) -> str:
        names = ", ".join(e.name for e in self.events)
        return f"Receipt({self.tx}, block {self.block}, gas {self.gas_used}, events [{names}])"

    @property
    def tx(self) -> str:
        """Hash of the transaction."""
        return str(self.json["transactionHash"])

    @property
    def block(self) -> int:
        """Number of the block that contains the transaction."""
        return int(self.json["blockNumber"], 16)

    @property
    def gas_used(self) -> int:
        """Gas that the transaction used."""
        return int(self.json["gasUsed"], 16)

    @property
    def succeeded(self) -> bool:
        """Whether the transaction took effect; False if it reverted or ran out of gas."""
        return int(self.json["status"], 16) == 1

    @property
    def contract_address(self) -> str | None:
        """Address of the contract that was created, if one was."""
        address = self.json.get("contractAddress")
        return to_checksum_address(address) if address else None

    @cached_property
    def events(self) -> list[Event]:
        """The known events of the transaction, in order."""
        return self._known.decode_logs(self.json["logs"])

    def event(self, name: str) -> Event:
        """The only event of this name.

        Raises:
            LookupError: there is none, or more than one.
        """
        found = [e for e in self.events if e.name == name]
        if len(found) != 1:
            raise LookupError(f"expected one {name} event in {self!r}, found {len(found)}")
        return found[0]
