"""A hospital joins a federation: admission, registration, and the folder of its node."""

import json
from dataclasses import dataclass
from pathlib import Path

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from collegium.chain.federation import Federation
from collegium.chain.sender import Sender
from collegium.errors import MissingKeys, ModelMismatch, RevokedNode, UnregisteredNode
from collegium.protocol.card import TaskCard
from collegium.roles.home import NodeHome, NodeSettings
from collegium.roles.keyring import Keyring
from collegium.roles.run import Run
from collegium.tasks.data import read_folder

FOREVER = 2**32 - 1
_LOOKED_AT = 32  # metadata lines read before anything is paid; training reads them all


@dataclass(frozen=True)
class Joined:
    """A registered node: its id, and whether it was registered just now."""

    id: int
    fresh: bool


def join(
    run: Run, federation: Federation, home: NodeHome, keys: Keyring, settings: NodeSettings
) -> Joined:
    """Register a node with its own account and write its folder. May be repeated.

    Args:
        federation: read access to the contract.
        settings: of the node; data and challenge folders are checked.

    Raises:
        DataError: the data or the challenge set cannot be used.
        RevokedNode: the council revoked this account's node.
        UnregisteredNode: the council did not admit the account.
        InsufficientFunds: the account lacks gas money or tokens for the stake.
    """
    card = TaskCard.decode(run.card_file.read_bytes())
    read_folder(settings.data, limit=_LOOKED_AT)
    _check_challenge(Path(settings.challenge), card)
    known = federation.node_of(keys.account.address)
    if known:
        require_active(federation, known)
        number = known
    else:
        _require_admission(federation, keys.account.address)
        receipt = federation.using(keys.account).register(
            keys.signer.address, keys.encryption_public, keys.transport_digest
        )
        number = int(receipt.event("NodeRegistered")["id"])
    home.write_settings(settings, run.card_file.read_bytes(), run.layout_file.read_bytes())
    run.with_nodes([home.path]).save()
    return Joined(number, fresh=not known)


def require_active(federation: Federation, number: int) -> None:
    """Raise RevokedNode if the council revoked a node."""
    node = federation.node(number)
    if node.active_until != FOREVER:
        raise RevokedNode(
            expected=f"node {number} ({node.account}) not to be revoked",
            found=f"that it is, from round {node.active_until} on",
            action="Ask the council. A revoked account cannot register again; its pay stays due.",
        )


def resolve(federation: Federation, node: str) -> int:
    """Id of a node named by id, account, or folder.

    Raises:
        UnregisteredNode: no such node is registered.
    """
    if node.isascii() and node.isdigit():
        number = int(node)
        known = 0 < number <= int(federation.federation.call("nodeCount"))
    else:
        account = node if node.startswith("0x") else account_of(Path(node))
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
    """On a local chain: give an account gas money and the tokens of its stake.

    Args:
        federation: as the owner of its DemoToken.
        wei: gas money that the account is to have at least.
    """
    give_gas(federation, federation.sender.account, account, wei)
    stake = federation.terms()["stake"]
    if (balance := federation.balance(account)) < stake:
        federation.mint(account, stake - balance)


def give_gas(federation: Federation, payer: LocalAccount, to: str, wei: int) -> None:
    """Send gas money unless the receiver has as much."""
    balance = int(federation.chain.rpc("eth_getBalance", to, "latest"), 16)
    if balance < wei:
        Sender(federation.chain, payer).send(to, value=wei - balance)


def account_of(home: Path) -> str:
    """Address of the account whose keys lie in a node's folder; no passphrase is needed."""
    path = NodeHome(home).keys / "account.json"
    try:
        return to_checksum_address(json.loads(path.read_bytes())["address"])
    except FileNotFoundError:
        raise MissingKeys(
            expected=f"an id, an account, or the folder of a node: {home}",
            found=f"no {path}",
            action="Name a registered node, or make keys with `collegium node keygen`.",
        ) from None


def _check_challenge(folder: Path, card: TaskCard) -> None:
    if (found := read_folder(folder).digest) != card.challenge:
        raise ModelMismatch(
            expected=f"the challenge set of the card, SHA-256 {card.challenge}",
            found=f"{found} at {folder}",
            action="Fetch the challenge set of this federation.",
        )


def _require_admission(federation: Federation, account: str) -> None:
    contract = federation.federation
    if not contract.call("admitted", account):
        raise UnregisteredNode(
            expected=f"{account} to be admitted by the council",
            found="no admission",
            action="Ask the council to run `collegium node admit`, then register again.",
        )
