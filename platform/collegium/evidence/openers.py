"""Open sealed updates with the keys of nodes that they are sealed to."""

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
        """All encryption keys it ever had; none, with a warning, if the passphrase is wrong."""
        try:
            return [self.home.keyring(one).encryption for one in signers(self.home.keys)]
        except KeyringError as error:
            log.warning("updates sealed to node %d are not opened: %s", self.node, error.title)
            return []

    @property
    def ready(self) -> bool:
        """Whether the keys are decrypted already."""
        return "keys" in self.__dict__

    def own_update(self, round_id: int) -> bytes | None:
        """The update file that this node itself produced in a round; None if it has none."""
        try:
            return self.home.journal(round_id).read(UPDATE)
        except MissingKeys:
            return None  # a folder with keys only: it never took part


class Openers:
    """All available keys.

    Args:
        homes: folders of nodes.
        ids: node id by account, EIP-55.
        domain: the federation's, to which signatures and envelopes are bound.
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
        """The keys and journal of a node; None if its folder is not available."""
        return self._by_node.get(node)

    def open(
        self, envelope: bytes, readers: Iterable[int], round_id: int, digest: bytes, limit: int
    ) -> bytes | None:
        """The content of an envelope for one commitment; None if no key here opens it.

        Args:
            readers: node ids that it is sealed to.
            round_id, digest: of the commitment; an envelope opens only for its own.
            limit: largest number of content bytes.
        """
        able = [self._by_node[node] for node in readers if node in self._by_node]
        context = self._domain.envelope_context(round_id, digest)
        # Decrypted keys first: decrypting a wallet is slow on purpose.
        for opener in sorted(able, key=lambda one: not one.ready):
            for key in opener.keys:
                with suppress(EvidenceError):  # sealed for another commitment or key
                    return open_sealed(envelope, opener.node, key, context, limit)
        return None
