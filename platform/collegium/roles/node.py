"""A node that is ready to act: its keys, its federation and the agreed documents."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from collegium.chain.engines import connect
from collegium.chain.federation import Federation
from collegium.errors import UnregisteredNode
from collegium.protocol.card import TaskCard, require_agreed
from collegium.protocol.layout import Layout
from collegium.protocol.signing import Domain
from collegium.roles.view import RoundView, read_round
from collegium.workspace.home import NodeHome, NodeSettings
from collegium.workspace.keyring import Keyring


@dataclass(frozen=True)
class Node:
    """One hospital's edge server, as contributor, validator and aggregator.

    Attributes:
        home: its folder.
        settings: its settings from that folder.
        keys: the keys that it acts with; see :meth:`as_signer`.
        federation: the contracts, called from its signer.
        card, layout: the agreed documents, checked against the contract.
        id: its id in the registry.
    """

    home: NodeHome
    settings: NodeSettings
    keys: Keyring
    federation: Federation
    card: TaskCard
    layout: Layout
    id: int

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open the node of a folder and connect it to its chain.

        The card and layout in the folder are valid only if the contract has the card's digest.

        Raises:
            MissingKeys, WrongPassphrase: the keys cannot be opened.
            ChainUnreachable: the chain does not respond.
            ModelMismatch: card or layout are not those of the federation.
            UnregisteredNode: the account is not registered in it.
        """
        home = NodeHome(path)
        settings, account = home.settings(), home.account()
        chain = connect(settings.chain)
        federation = Federation(chain, settings.federation, first_block=settings.first_block)
        card, layout = TaskCard.decode(home.card()), Layout.decode(home.layout())
        require_agreed(card, layout, federation.terms())
        number = federation.node_of(account)
        if not number:
            raise UnregisteredNode(
                expected=f"{account} among the nodes of {settings.federation}",
                found="no registration",
                action="Ask the council for admission, then run `collegium node register`.",
            )
        keys = home.keyring(federation.node(number).signer)
        return cls(home, settings, keys, federation.using(keys.signer), card, layout, number)

    def view(self) -> RoundView:
        """The newest round as it is on the chain now."""
        return read_round(self.federation)

    def as_signer(self, signer: str) -> Self:
        """This node with the keys that belong to ``signer``.

        After a rotation in the middle of a round, the chain still accepts what the old signer
        sends, and updates are sealed to the old encryption key; both are used until the round ends.

        Raises:
            MissingKeys: the keys of this signer are not in the folder.
        """
        if signer == self.keys.signer.address:
            return self
        keys = self.home.keyring(signer)
        return replace(self, keys=keys, federation=self.federation.using(keys.signer))

    @property
    def domain(self) -> Domain:
        """The chain and contract that this node's signatures are for."""
        return Domain(self.federation.chain.chain_id, self.federation.address)
