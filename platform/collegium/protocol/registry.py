"""Reference model of the registry: who is a node, with which keys, in which rounds.

A node keeps its id for ever; its seat, one of 256, goes to another once it is free. Changes
take effect from the next round on.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from collegium.protocol.digest import keccak
from collegium.protocol.machine import COUNCIL, ZERO_ADDRESS, Access, Context, Log, Revert, require

SEATS = 256
MAX_NODES = 4096
"""Most nodes of a federation's life."""
FOREVER = 2**32 - 1
"""``active_until`` of a node that is not revoked."""


@dataclass
class Node:
    """One hospital's edge server as the chain knows it; keys are 32 bytes each."""

    id: int
    account: str
    signer: str
    seat: int
    active_from: int
    active_until: int
    encryption_key: bytes
    transport_key: bytes

    def active_in(self, round_id: int) -> bool:
        return self.active_from <= round_id < self.active_until


class Registry(Access, ABC):
    """Nodes by id, account, signer and seat."""

    def __init__(self, log: Log, admin: str) -> None:
        super().__init__(log, admin)
        self.nodes: list[Node] = []
        self.admitted: set[str] = set()
        self.allow_list = bytes(32)
        self.seated: dict[int, int] = {}
        self._by_account: dict[str, Node] = {}
        self._by_signer: dict[str, Node] = {}

    def admit(self, context: Context, account: str, allowed: bool) -> None:
        """Admit an account or take the admission back; only COUNCIL."""
        self.only(COUNCIL, context)
        (self.admitted.add if allowed else self.admitted.discard)(account)
        self.emit("AccountAdmitted", account=account, allowed=allowed)

    def set_allow_list(self, context: Context, root: bytes) -> None:
        """Set the Merkle root of accounts that may register; only COUNCIL."""
        self.only(COUNCIL, context)
        self.allow_list = root
        self.emit("AllowListSet", root=root)

    def register(
        self,
        context: Context,
        signer: str,
        encryption_key: bytes,
        transport_key: bytes,
        proof: list[bytes],
    ) -> None:
        """Join as the node of the sender."""
        account = context.sender
        admitted = account in self.admitted or self._listed(account, proof)
        require(admitted, "NotAdmitted", account=account)
        require(account not in self._by_account, "AccountTaken", account=account)
        fresh = signer != ZERO_ADDRESS and signer not in self._by_signer
        require(fresh, "SignerTaken", signer=signer)
        seat, first = self._free_seat(), self._newest_round() + 1
        keys = (encryption_key, transport_key)
        node = Node(len(self.nodes) + 1, account, signer, seat, first, FOREVER, *keys)
        self.nodes.append(node)
        self._by_account[account] = self._by_signer[signer] = node
        self.seated[seat] = node.id
        self.emit(
            "NodeRegistered",
            id=node.id,
            account=account,
            signer=signer,
            seat=seat,
            activeFrom=first,
            encryptionKey=encryption_key,
            transportKey=transport_key,
        )
        self._on_register(node)

    def revoke(self, context: Context, id: int) -> None:
        """End a membership after the live round, or at once if none is live; only COUNCIL."""
        self.only(COUNCIL, context)
        node = self.node(id)
        require(node.active_until == FOREVER, "AlreadyRevoked", id=id)
        node.active_until = self._newest_round() + 1
        self.emit("NodeRevoked", id=id, activeUntil=node.active_until)

    def node(self, id: int) -> Node:
        """The node with this id; reverts with UnknownNode."""
        if not 1 <= id <= len(self.nodes):
            raise Revert("UnknownNode", id=id)
        return self.nodes[id - 1]

    def node_of(self, account: str) -> Node | None:
        """The node that ``account`` owns."""
        return self._by_account.get(account)

    def node_of_signer(self, signer: str) -> Node | None:
        """The node that ``signer`` signs for."""
        return self._by_signer.get(signer)

    def registered(self) -> dict[int, Node]:
        """Nodes that are not revoked, by seat: the members of the next round."""
        return {node.seat: node for node in self.nodes if node.active_until == FOREVER}

    @abstractmethod
    def _newest_round(self) -> int:
        """Id of the newest round, live or not; 0 before the first."""

    @abstractmethod
    def _seats_in_use(self) -> set[int]:
        """Seats that the live round needs; empty if none is live."""

    @abstractmethod
    def _on_register(self, node: Node) -> None:
        """Takes the stake."""

    def _free_seat(self) -> int:
        free = set(range(SEATS)) - set(self.registered()) - self._seats_in_use()
        require(bool(free) and len(self.nodes) < MAX_NODES, "FederationFull")
        return min(free)

    def _listed(self, account: str, proof: list[bytes]) -> bool:
        found = allow_leaf(account)
        for sibling in proof:
            found = keccak(min(found, sibling) + max(found, sibling))
        return self.allow_list != bytes(32) and found == self.allow_list


def allow_leaf(account: str) -> bytes:
    """Leaf of the allow-list: ``keccak256(keccak256(abi.encode(account)))``."""
    return keccak(keccak(int(account, 16).to_bytes(32, "big")))
