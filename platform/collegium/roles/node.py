"""A node opened for work: its keys, its federation and the agreed documents."""

from dataclasses import dataclass
from pathlib import Path

from collegium.chain.engines import connect
from collegium.chain.federation import Federation
from collegium.errors import ModelMismatch, UnregisteredNode
from collegium.protocol.card import TaskCard
from collegium.protocol.layout import Layout
from collegium.protocol.signing import Domain
from collegium.roles.home import NodeHome, NodeSettings
from collegium.roles.keyring import Keyring
from collegium.roles.view import RoundView, read_round


@dataclass(frozen=True)
class Node:
    """One hospital's edge server, as contributor, validator and aggregator."""

    home: NodeHome
    settings: NodeSettings
    keys: Keyring
    federation: Federation
    card: TaskCard
    layout: Layout
    id: int

    @classmethod
    def open(cls, path: str | Path) -> "Node":
        """Open the node that lives in a folder and connect it.

        The card and layout in the folder count only if the contract holds the card's digest.

        Raises:
            MissingKeys, WrongPassphrase: the keys cannot be opened.
            ChainUnreachable: the chain does not answer.
            ModelMismatch: card or layout are not those of the federation.
            UnregisteredNode: the account is not registered in it.
        """
        home = NodeHome(path)
        settings, keys = home.settings(), home.keyring()
        chain = connect(settings.chain)
        federation = Federation(chain, settings.federation, first_block=settings.first_block)
        card, layout = TaskCard.decode(home.card()), Layout.decode(home.layout())
        _match("task card", card.digest, bytes(federation.terms()["card"]))
        _match("layout", layout.digest, bytes.fromhex(card.layout))
        number = federation.node_of(keys.account.address)
        if not number:
            raise UnregisteredNode(
                expected=f"{keys.account.address} among the nodes of {settings.federation}",
                found="no registration",
                action="Ask the council for admission, then run `collegium node register`.",
            )
        return cls(home, settings, keys, federation.using(keys.signer), card, layout, number)

    def view(self) -> RoundView:
        """The newest round as it stands now."""
        return read_round(self.federation)

    @property
    def domain(self) -> Domain:
        """Where this node's signatures count."""
        return Domain(self.federation.chain.chain_id, self.federation.address)


def _match(what: str, found: bytes, expected: bytes) -> None:
    if found != expected:
        raise ModelMismatch(
            expected=f"the {what} that was agreed, SHA-256 {expected.hex()}",
            found=found.hex(),
            action=f"Fetch the {what} of this federation again.",
        )
