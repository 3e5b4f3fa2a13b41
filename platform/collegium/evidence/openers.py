"""Opening sealed updates with the keys of nodes that were meant to read them."""

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from collegium.errors import EvidenceError, KeyringError, MissingKeys
from collegium.protocol.signing import Domain
from collegium.store.sealed import open_sealed
from collegium.workspace.home import UPDATE, NodeHome
from collegium.workspace.keyring import signers

log = logging.getLogger(__name__)


@dataclass
class Opener:
    """One node's keys, decrypted when they are first needed, and its journal."""

    home: NodeHome
    node: int

    @cached_property
    def keys(self) -> list[X25519PrivateKey]:
        """The encryption keys it ever had; none, once reported, if the passphrase is wrong."""
        try:
            return [self.home.keyring(one).encryption for one in signers(self.home.keys)]
        except KeyringError as error:
            log.warning("what is sealed to node %d stays sealed: %s", self.node, error.title)
            return []

    @property
    def ready(self) -> bool:
        """Whether the keys are decrypted already."""
        return "keys" in self.__dict__

    def own_update(self, round_id: int) -> bytes | None:
        """The update file that this node itself made in a round, if it kept it."""
        try:
            return self.home.journal(round_id).read(UPDATE)
        except MissingKeys:
            return None  # keys alone: this folder never took part


class Openers:
    """All keys at hand.

    Args:
        homes: folders of nodes.
        ids: node id by account, EIP-55.
        domain: of the federation.
    """

    def __init__(self, homes: Iterable[Path], ids: dict[str, int], domain: Domain) -> None:
        self._domain = domain
        self._by_node: dict[int, Opener] = {}
        accounts = {account.lower(): node for account, node in ids.items()}
        for path in homes:
            node = accounts.get(NodeHome(path).account().lower())
            if node is None:
                log.warning("the node at %s is not registered in this federation", path)
            else:
                self._by_node[node] = Opener(NodeHome(path), node)

    def of(self, node: int) -> Opener | None:
        return self._by_node.get(node)

    def open(
        self, envelope: bytes, readers: Iterable[int], round_id: int, digest: bytes, limit: int
    ) -> bytes | None:
        """The content of an envelope about one commitment; None if no key here opens it as that."""
        able = [self._by_node[node] for node in readers if node in self._by_node]
        context = self._domain.envelope_context(round_id, digest)
        for opener in sorted(able, key=lambda one: not one.ready):
            for key in opener.keys:
                with suppress(EvidenceError):  # sealed about another commitment, or for another key
                    return open_sealed(envelope, opener.node, key, context, limit)
        return None
