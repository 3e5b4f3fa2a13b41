"""A hospital joins a federation: admission, registration, and the folder of its node."""

from dataclasses import dataclass, replace
from pathlib import Path

from eth_account.signers.local import LocalAccount

from collegium.chain.federation import Federation
from collegium.chain.sender import Sender
from collegium.consortium.membership import unused_keys
from collegium.errors import LeftNode, UnregisteredNode
from collegium.protocol.addresses import checked
from collegium.protocol.card import TaskCard, require_agreed
from collegium.protocol.layout import Layout
from collegium.tasks.challenge import read_challenge
from collegium.tasks.registry import agreed
from collegium.workspace.home import NodeHome, NodeSettings
from collegium.workspace.keyring import Keyring
from collegium.workspace.run import Run

_LOOKED_AT = 32  # pictures decoded before anything is paid; training decodes all of them


@dataclass(frozen=True)
class Joined:
    """A registered node.

    Attributes:
        id, keys: of the node.
        fresh: whether this call registered it.
        notices: what the hospital should know of its data; sentences.
    """

    id: int
    keys: Keyring
    fresh: bool
    notices: tuple[str, ...] = ()


def join(
    run: Run,
    federation: Federation,
    home: NodeHome,
    passphrase: str,
    settings: NodeSettings,
) -> Joined:
    """Register a node with its own account and write its folder. Safe to repeat.

    A node that has left comes back with its old id and a new signer: the chain accepts none twice.

    Args:
        federation: read access to the contract.
        passphrase: of the keys in ``home``.
        settings: of the node; data and challenge folders are checked.

    Raises:
        DataError: the data or the challenge set cannot be used.
        ModelMismatch: card or layout in the run's folder are not those of the federation.
        MissingKeys, WrongPassphrase: the keys cannot be opened.
        UnregisteredNode: the council did not admit the account, or withdrew the admission.
        InsufficientFunds: the account has too little gas money or too few tokens for the stake.
    """
    card = TaskCard.decode(run.card_file.read_bytes())
    kind, _ = agreed(card)
    data, challenge = kind.read(settings.data), read_challenge(card, Path(settings.challenge))
    kind.read(settings.data, limit=_LOOKED_AT).check()
    joined = register(run, federation, home, passphrase, settings)
    return replace(joined, notices=tuple(kind.notices(Path(settings.data), data, challenge)))


def register(
    run: Run,
    federation: Federation,
    home: NodeHome,
    passphrase: str,
    settings: NodeSettings,
) -> Joined:
    """The same as :func:`join` for a model that is not a registered task; data are not checked.

    Raises:
        ModelMismatch, MissingKeys, WrongPassphrase, UnregisteredNode, InsufficientFunds: as
            :func:`join`.
    """
    card, layout = run.card_file.read_bytes(), run.layout_file.read_bytes()
    # Before the stake is paid: what the hospital has read must be what it agrees to.
    require_agreed(TaskCard.decode(card), Layout.decode(layout), federation.terms())
    account = home.account()
    number = federation.node_of(account)
    member = number > 0 and not federation.node(number).left
    if member:
        keys = Keyring.load(home.keys, passphrase, federation.node(number).signer)
    else:
        _require_admission(federation, account)
        keys = unused_keys(home, federation, passphrase)
        receipt = federation.using(keys.account).register(
            keys.signer.address, keys.encryption_public, keys.transport_digest
        )
        number = int(receipt.event("NodeRegistered")["id"])
    home.write_settings(settings, card, layout)
    run.with_nodes([home.path]).save()
    return Joined(number, keys, fresh=not member)


def require_active(federation: Federation, number: int) -> None:
    """Raise LeftNode if a node has left the federation."""
    node = federation.node(number)
    if node.left:
        raise LeftNode(
            expected=f"node {number} ({node.account}) in the federation",
            found=f"it left as of round {node.active_until}",
            action="Run `collegium node register` to come back. Earnings can still be claimed.",
        )


def resolve(federation: Federation, node: str) -> int:
    """Id of the node with an id (as text), an account, or a folder.

    Raises:
        BadAddress: the account is not an address.
        UnregisteredNode: no such node is registered.
    """
    if node.isascii() and node.isdigit():
        number = int(node) if len(node) < 6 else 0  # ids have 16 bits
        known = 0 < number <= int(federation.federation.call("nodeCount"))
    else:
        account = checked(node, "NODE") if node.startswith("0x") else NodeHome(node).account()
        number = federation.node_of(account)
        known = number > 0
    if known:
        return number
    raise UnregisteredNode(
        expected=f"node {node} to be registered in {federation.address}",
        found="no registration",
        action="List the nodes: collegium node list.",
    )


def fund(federation: Federation, account: str, *, wei: int) -> None:
    """Give an account gas money and the tokens for its stake (local chains).

    Args:
        federation: sends from the owner of the DemoToken.
        wei: least gas money that the account has afterwards.
    """
    give_gas(federation, federation.sender.account, account, wei)
    stake = federation.terms()["stake"]
    if (balance := federation.balance(account)) < stake:
        federation.mint(account, stake - balance)


def give_gas(federation: Federation, payer: LocalAccount, to: str, wei: int) -> None:
    """Send gas money, so that the receiver has at least ``wei``; nothing if it already has."""
    balance = int(federation.chain.rpc("eth_getBalance", to, "latest"), 16)
    if balance < wei:
        Sender(federation.chain, payer).send(to, value=wei - balance)


def _require_admission(federation: Federation, account: str) -> None:
    contract = federation.federation
    if not contract.call("admitted", account):
        raise UnregisteredNode(
            expected=f"{account} to be admitted by the council",
            found="no admission",
            action="Ask the council to run `collegium node admit`, then register again.",
        )
