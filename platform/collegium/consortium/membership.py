"""A member's own changes: new keys, leaving, and taking the stake back.

What changes takes effect with the next round. New keys are on disk before the chain hears of them,
and old ones stay there: whenever this is interrupted, the folder holds the keys that the chain
names, and the same call made again goes on.
"""

from dataclasses import dataclass

from collegium.chain.federation import Federation
from collegium.chain.locks import file_lock
from collegium.chain.receipts import Receipt
from collegium.errors import StakeLocked
from collegium.protocol.model.vault import NEVER
from collegium.workspace.home import NodeHome
from collegium.workspace.keyring import Keyring


@dataclass(frozen=True)
class Rotated:
    """New keys, and the first round in which they serve."""

    keys: Keyring
    active_from: int
    receipt: Receipt


def rotate(
    home: NodeHome, federation: Federation, passphrase: str, *, transport: bool = False
) -> Rotated:
    """Give a node a new signer and encryption key; the present ones serve until the round is over.

    Args:
        federation: read access to the contract.
        passphrase: of the keys in ``home``.
        transport: make a new transport key, too; the SuperLink has to be told.

    Raises:
        MissingKeys, WrongPassphrase: the keys cannot be opened.
        LeftNode: the node has left.
        UnregisteredNode: it was never registered.
    """
    keys = unused_keys(home, federation, passphrase, transport=transport)
    receipt = federation.using(keys.account).rotate(
        keys.signer.address, keys.encryption_public, keys.transport_digest
    )
    return Rotated(keys, int(receipt.event("NodeRotated")["activeFrom"]), receipt)


def unused_keys(
    home: NodeHome, federation: Federation, passphrase: str, *, transport: bool = False
) -> Keyring:
    """The newest keys in a folder if the chain has never seen their signer, else fresh ones.

    Keys that nobody has seen are those of a node that never registered, or what an interrupted
    rotation left.
    """
    with file_lock(home.path / "keys.lock"):
        keys = Keyring.load(home.keys, passphrase)
        used = federation.node_of_signer(keys.signer.address) > 0
        if used or transport:
            keys = keys.renewed(transport=transport)
            keys.add(home.keys, passphrase, transport=transport)
    return keys


def withdraw_stake(federation: Federation, number: int) -> Receipt:
    """Pay a node that has left its stake, if it is free.

    Args:
        federation: from any account.

    Raises:
        StakeLocked: the node has not left, or its stake is still liable for it.
        NothingOwed: no stake is held for it.
    """
    until = int(federation.vault.call("unbondedAt", number))
    if until == NEVER:
        raise StakeLocked(
            expected=f"node {number} to have left",
            found="a member of the federation",
            action="Let it leave first: collegium node exit.",
        )
    return federation.withdraw_stake(number)
