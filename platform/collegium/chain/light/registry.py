"""A listing of nodes, and what reading it from a file and over HTTP have in common."""

from dataclasses import dataclass

from collegium.errors import WrongChain
from collegium.protocol.membership import FOREVER


@dataclass(frozen=True)
class Listed:
    """A registered node.

    Attributes:
        id: in order of registration, from 1.
        account, signer: EIP-55 addresses; the newest signer.
        stake: token units of its stake in the vault.
        active_from, active_until: rounds; this signer speaks for it in round r iff
            from <= r < until.
    """

    id: int
    account: str
    signer: str
    stake: int
    active_from: int
    active_until: int = FOREVER

    def status(self, newest: int) -> str:
        """Its status as of round ``newest``.

        ``active``; ``pending``: it, or its new signer, takes part from the next round on;
        ``leaving``: the newest round is its last; ``left``.
        """
        if self.active_until != FOREVER:
            return "leaving" if self.active_until > newest > 0 else "left"
        return "active" if self.active_from <= max(newest, 1) else "pending"


@dataclass(frozen=True)
class Registry:
    """All nodes ever registered, by id, and the number of the newest round (0 before any)."""

    nodes: tuple[Listed, ...]
    newest_round: int


def words(data: bytes) -> list[bytes]:
    """ABI-encoded data in words of 32 bytes."""
    return [data[i : i + 32] for i in range(0, len(data), 32)]


def no_federation(federation: str, where: str) -> WrongChain:
    """The error for an address without a federation."""
    return WrongChain(
        expected=f"a federation at {federation} on {where}",
        found="an address without code",
        action="Check the address, and that this is the chain it was deployed on.",
    )
