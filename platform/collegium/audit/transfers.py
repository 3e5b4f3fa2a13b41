"""The token's own record against the vault's books: what was booked is what moved (ERC-20)."""

from typing import Any

from eth_utils.crypto import keccak
from eth_utils.hexadecimal import decode_hex

from collegium.audit.trail import Trail
from collegium.protocol.machine import Event

Json = dict[str, Any]
_TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
_IN, _OUT = ("Deposited", "Staked"), ("Withdrawn", "Claimed")


class Transfers:
    """Adds up what the token moved to and from the vault.

    Attributes:
        donated: token units that arrived without being booked.
    """

    def __init__(self, trail: Trail, token: str, vault: str) -> None:
        self.trail, self.token, self.vault = trail, token.lower(), vault.lower()
        self.donated = 0

    def check(self, tx: Json, receipt: Json, events: list[Event]) -> None:
        """Compare one transaction's transfers with the events that the rules lead to."""
        into, out = self._moved(receipt)
        record = f"transaction {tx['hash']}"
        booked = _booked(events, _IN)
        if into and not events:
            self.donated += into
            self.trail.note("transfer", record, f"{into} token units arrived unasked")
        else:
            self.trail.expect("transfer", f"{record}, into the vault", booked, into)
        self.trail.expect("transfer", f"{record}, out of the vault", _booked(events, _OUT), out)

    def _moved(self, receipt: Json) -> tuple[int, int]:
        into = out = 0
        for log in receipt["logs"]:
            topics = log["topics"]
            if log["address"].lower() != self.token or topics[:1] != [_TRANSFER]:
                continue
            amount = int.from_bytes(decode_hex(log["data"]), "big")
            into += amount if _address(topics[2]) == self.vault else 0
            out += amount if _address(topics[1]) == self.vault else 0
        return into, out


def _booked(events: list[Event], names: tuple[str, ...]) -> int:
    return sum(
        event.args["amount"]
        for event in events
        if event.contract == "vault" and event.name in names
    )


def _address(topic: str) -> str:
    return "0x" + topic[-40:].lower()
