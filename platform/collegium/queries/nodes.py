"""The members of a federation. Imports nothing heavy, so that a listing appears at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collegium.chain.light import Registry
from collegium.queries.labels import PLAIN, Labels


@dataclass(frozen=True)
class Member:
    """A registered node.

    Attributes:
        node: id.
        account, signer: EIP-55 addresses.
        stake: its stake in the vault, in token units.
        status: active, pending, leaving or left; see :meth:`collegium.chain.light.Listed.status`.
        name: its name on this machine; empty if the node is on another machine.
    """

    node: int
    account: str
    signer: str
    stake: int
    status: str
    name: str = ""

    def to_json(self, labels: Labels = PLAIN) -> dict[str, Any]:
        """The member as one flat object."""
        return {
            "id": self.node,
            "account": self.account,
            "signer": self.signer,
            "stake": labels.amount(self.stake),
            "status": self.status,
            "name": self.name,
        }


def members(registry: Registry, names: Mapping[str, str]) -> list[Member]:
    """All nodes of a registry.

    Args:
        names: names of the nodes on this machine, by account in lower case.
    """
    return [
        Member(
            node=listed.id,
            account=listed.account,
            signer=listed.signer,
            stake=listed.stake,
            status=listed.status(registry.newest_round),
            name=names.get(listed.account.lower(), ""),
        )
        for listed in registry.nodes
    ]
