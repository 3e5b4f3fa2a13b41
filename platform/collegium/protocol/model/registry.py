"""Reference model of the registry: which nodes there are, with which keys, in which rounds.

A node keeps its id permanently; its seat, one of 256, is given to another node once it is free.
Joining, leaving and new keys take effect from the next round on, so a round ends with the nodes
that began it.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum

from collegium.protocol.digest import keccak
from collegium.protocol.membership import FOREVER
from collegium.protocol.model.access import COUNCIL, Access
from collegium.protocol.model.machine import ZERO_ADDRESS, Context, Log, Revert, require

SEATS = 256
"""Most members at a time; a bitmap of them fits one word of the contract."""
MAX_NODES = 4096
"""Most nodes over a federation's lifetime; the ledger has a leaf for each of them."""


class LeaveReason(IntEnum):
    """Why a node left."""

    EXITED = 0
    REVOKED = 1
    SLASHED = 2


@dataclass
class Node:
    """One hospital's edge server as the chain knows it; keys are 32 bytes each.

    It has the newest keys, and the rounds in which the newest signer signs for it; ``Signer`` keeps
    the earlier ones.
    """

    id: int
    account: str
    signer: str
    seat: int
    active_from: int
    active_until: int
    encryption_key: bytes
    transport_key: bytes

    @property
    def left(self) -> bool:
        """Whether the node has left, or leaves after the live round."""
        return self.active_until != FOREVER

    def active_in(self, round_id: int) -> bool:
        """Whether the node takes part in a round, as far as its newest signer is concerned."""
        return self.active_from <= round_id < self.active_until


@dataclass
class Signer:
    """A key that signs for a node in some rounds; it never signs for another."""

    node: Node
    active_from: int
    active_until: int = FOREVER

    def active_in(self, round_id: int) -> bool:
        """Whether the key signs in this round."""
        return self.active_from <= round_id < self.active_until


class Registry(Access, ABC):
    """Nodes by id, account, signer and seat.

    Attributes:
        nodes: all nodes ever registered; the node with id 1 is first.
        admitted: accounts that the council admitted one by one.
        expelled: accounts that were revoked; the allow-list no longer admits them.
        allow_list: Merkle root of further accounts that can register; zero if there is none.
        seated: id of the newest node on each seat.
    """

    def __init__(self, log: Log, admin: str) -> None:
        super().__init__(log, admin)
        self.nodes: list[Node] = []
        self.admitted: set[str] = set()
        self.expelled: set[str] = set()
        self.allow_list = bytes(32)
        self.seated: dict[int, int] = {}
        self._by_account: dict[str, Node] = {}
        self._signers: dict[str, Signer] = {}

    def admit(self, context: Context, account: str, allowed: bool) -> None:
        """Admit an account or take the admission back; only COUNCIL."""
        self.only(COUNCIL, context)
        (self.admitted.add if allowed else self.admitted.discard)(account)
        self.emit("AccountAdmitted", account=account, allowed=allowed)

    def set_allow_list(self, context: Context, root: bytes) -> None:
        """Set the Merkle root of accounts that can register; only COUNCIL."""
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
        """Join as the node of the sender, or join again after leaving."""
        account = context.sender
        listed = account not in self.expelled and self._listed(account, proof)
        require(account in self.admitted or listed, "NotAdmitted", account=account)
        node = self._by_account.get(account)
        require(node is None or node.left, "AccountTaken", account=account)
        id = len(self.nodes) + 1 if node is None else node.id
        seat, first = self._free_seat(id), self._newest_round() + 1
        self._require_fresh(signer)
        keys = (encryption_key, transport_key)
        fresh = Node(id, account, signer, seat, first, FOREVER, *keys)
        if node is None:
            node = self._by_account[account] = fresh
            self.nodes.append(node)
        vars(node).update(vars(fresh))  # in place, as earlier signers refer to this object
        self.expelled.discard(account)
        self._signers[signer] = Signer(node, first)
        self.seated[seat] = id
        self.emit(
            "NodeRegistered",
            id=id,
            account=account,
            signer=signer,
            seat=seat,
            activeFrom=first,
            encryptionKey=encryption_key,
            transportKey=transport_key,
        )
        self._on_register(node)

    def rotate(
        self, context: Context, signer: str, encryption_key: bytes, transport_key: bytes
    ) -> None:
        """Replace the keys of the sender's node from the next round on."""
        node, first = self._own(context), self._newest_round() + 1
        if signer != node.signer:
            self._require_fresh(signer)
            self._signers[node.signer].active_until = first
            self._signers[signer] = Signer(node, first)
            node.signer, node.active_from = signer, first
        node.encryption_key, node.transport_key = encryption_key, transport_key
        self.emit(
            "NodeRotated",
            id=node.id,
            signer=signer,
            activeFrom=first,
            encryptionKey=encryption_key,
            transportKey=transport_key,
        )

    def exit(self, context: Context) -> None:
        """Leave as the sender's node, after the live round."""
        self._leave(context, self._own(context), LeaveReason.EXITED)

    def revoke(self, context: Context, id: int) -> None:
        """End a membership after the live round, and the account's admission; only COUNCIL."""
        self.only(COUNCIL, context)
        node = self.node(id)
        require(not node.left, "NotRegistered", id=id)
        self.admitted.discard(node.account)
        self.expelled.add(node.account)
        self._leave(context, node, LeaveReason.REVOKED)

    # Views ------------------------------------------------------------------------------------

    def node(self, id: int) -> Node:
        """The node with this id; reverts with UnknownNode."""
        if not 1 <= id <= len(self.nodes):
            raise Revert("UnknownNode", id=id)
        return self.nodes[id - 1]

    def node_of(self, account: str) -> Node | None:
        """The node that ``account`` owns."""
        return self._by_account.get(account)

    def node_of_signer(self, signer: str) -> Node | None:
        """The node that ``signer`` signs for now, did earlier, or will from the next round on."""
        known = self._signers.get(signer)
        return known.node if known else None

    def signs(self, signer: str, round_id: int) -> Node | None:
        """The node that ``signer`` signs for in this round."""
        known = self._signers.get(signer)
        return known.node if known and known.active_in(round_id) else None

    def registered(self) -> dict[int, Node]:
        """Nodes that have not left, by seat: the members of the next round."""
        return {node.seat: node for node in self.nodes if not node.left}

    def needs(self, id: int) -> bool:
        """Whether the live round can still punish a node, so that its stake must stay."""
        known = self._seats_in_use() and 1 <= id <= len(self.nodes)
        return bool(known) and self.node(id).active_until > self._newest_round()

    # What the round adds ----------------------------------------------------------------------

    @abstractmethod
    def _newest_round(self) -> int:
        """Id of the newest round, live or not; 0 before the first."""

    @abstractmethod
    def _seats_in_use(self) -> set[int]:
        """Seats that the live round needs; empty if none is live."""

    @abstractmethod
    def _on_register(self, node: Node) -> None:
        """Take the stake."""

    @abstractmethod
    def _on_leave(self, context: Context, node: Node) -> None:
        """Start the unbonding of the stake."""

    # Steps ------------------------------------------------------------------------------------

    def _leave(self, context: Context, node: Node, reason: LeaveReason) -> None:
        until = self._newest_round() + 1
        node.active_until = self._signers[node.signer].active_until = until
        self.emit("NodeLeft", id=node.id, activeUntil=until, reason=reason)
        self._on_leave(context, node)

    def _own(self, context: Context) -> Node:
        node = self._by_account.get(context.sender)
        if node is None:
            raise Revert("UnknownNode", id=0)
        require(not node.left, "NotRegistered", id=node.id)
        return node

    def _require_fresh(self, signer: str) -> None:
        fresh = signer != ZERO_ADDRESS and signer not in self._signers
        require(fresh, "SignerTaken", signer=signer)

    def _free_seat(self, id: int) -> int:
        # The seat of a node that left stays taken until the live round is over.
        free = set(range(SEATS)) - set(self.registered()) - self._seats_in_use()
        require(bool(free) and id <= MAX_NODES, "FederationFull")
        return min(free)

    def _listed(self, account: str, proof: list[bytes]) -> bool:
        found = allow_leaf(account)
        for sibling in proof:
            found = keccak(min(found, sibling) + max(found, sibling))
        return self.allow_list != bytes(32) and found == self.allow_list


def allow_leaf(account: str) -> bytes:
    """Leaf of the allow-list: ``keccak256(keccak256(abi.encode(account)))``."""
    return keccak(keccak(int(account, 16).to_bytes(32, "big")))
