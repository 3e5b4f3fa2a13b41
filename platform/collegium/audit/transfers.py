"""The token's transfers (ERC-20) compared with the vault's books."""

from typing import Any

from eth_utils.crypto import keccak
from eth_utils.hexadecimal import decode_hex

from collegium.audit.trail import Trail
from collegium.protocol.model.machine import Event

Json = dict[str, Any]
_TRANSFER = "0x" + keccak(text="Transfer(address,address,uint256)").hex()
_IN = ("Deposited", "Staked")
_OUT = ("Withdrawn", "Claimed", "StakeWithdrawn", "Collected")


class Transfers:
    """Adds up the token's transfers to and from the vault."""

    def __init__(self, trail: Trail, token: str, vault: str) -> None:
        self.trail, self.token, self.vault = trail, token.lower(), vault[2:].lower()

    def check(self, tx: Json, receipt: Json, events: list[Event]) -> None:
        """Compare one transaction's transfers with the events of the rules."""
        moved, record = self._moved(receipt), f"transaction {tx['hash']}"
        if moved > 0 and not events:
            self.trail.note(
                "transfer", record, f"{moved} token units arrived without a call to the vault"
            )
            return
        booked = _booked(events, _IN) - _booked(events, _OUT)
        self.trail.expect("transfer", f"{record}, tokens to the vault", booked, moved)

    def arrived(self, tx: Json, receipt: Json, asked: int) -> int:
        """Token units that arrived in a deposit; some tokens keep a fee, which does not count."""
        moved = self._moved(receipt)
        if not 0 < moved < asked:
            return asked
        record = f"transaction {tx['hash']}"
        self.trail.note("transfer", record, f"{asked} token units were sent, {moved} arrived")
        self.trail.skip(f"the fee of {asked - moved} in {record}", "the token's code decides it")
        return moved

    def _moved(self, receipt: Json) -> int:
        """Token units by which a transaction changed the vault's balance."""
        moved = 0
        for log in receipt["logs"]:
            topics = log["topics"]
            if log["address"].lower() != self.token or topics[:1] != [_TRANSFER]:
                continue
            source, target = (topic[-40:].lower() for topic in topics[1:3])
            sign = (target == self.vault) - (source == self.vault)
            moved += sign * int.from_bytes(decode_hex(log["data"]), "big")
        return moved


def _booked(events: list[Event], names: tuple[str, ...]) -> int:
    return sum(
        event.args["amount"]
        for event in events
        if event.contract == "vault" and event.name in names
    )
