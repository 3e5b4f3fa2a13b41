"""The current status of a federation: addresses, main terms, money and newest round."""

from dataclasses import dataclass
from typing import Any

from collegium.chain.contracts import Contracts
from collegium.queries.labels import PLAIN, Labels, hexadecimal
from collegium.queries.money import Treasury, read_treasury


@dataclass(frozen=True)
class Status:
    """The current status of a federation.

    Attributes:
        federation, vault, token: addresses.
        chain: the chain, as written in the run.
        chain_id, head: EIP-155 id, and number of the newest block.
        card, state_root: SHA-256 of the task card, and root of the last final state; 32 bytes
            each.
        active_nodes: number of nodes that can take part in the next round.
        round, phase: id and phase of the newest round; the id is 0 before the first one.
        reward, stake: token units for a round, and that each node deposits.
        money: the vault's books.
    """

    federation: str
    vault: str
    token: str
    chain: str
    chain_id: int
    head: int
    card: bytes
    state_root: bytes
    active_nodes: int
    round: int
    phase: str
    reward: int
    stake: int
    money: Treasury

    def to_json(self, labels: Labels = PLAIN) -> dict[str, Any]:
        """The status as one object; ``card`` and ``state_root`` in 0x-hexadecimal."""
        return {
            "federation": self.federation,
            "vault": self.vault,
            "token": self.token,
            "chain": self.chain,
            "chain_id": self.chain_id,
            "head": self.head,
            "card": hexadecimal(self.card),
            "state_root": hexadecimal(self.state_root),
            "active_nodes": self.active_nodes,
            "round": {"id": self.round, "phase": self.phase},
            "reward": labels.amount(self.reward),
            "stake": labels.amount(self.stake),
            "money": self.money.to_json(labels),
        }


def read_status(contracts: Contracts, chain: str) -> Status:
    """Read the status as of the newest block; ``chain`` is shown as it is given."""
    terms, newest = contracts.terms(), contracts.round()
    return Status(
        federation=contracts.address,
        vault=contracts.vault.address,
        token=contracts.token.address,
        chain=chain,
        chain_id=contracts.chain.chain_id,
        head=contracts.chain.head,
        card=bytes(terms["card"]),
        state_root=contracts.state_root(),
        active_nodes=contracts.active_count(),
        round=newest.id,
        phase=newest.phase.name.title(),
        reward=int(terms["reward"]),
        stake=int(terms["stake"]),
        money=read_treasury(contracts),
    )
