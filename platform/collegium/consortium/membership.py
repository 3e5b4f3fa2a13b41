"""Changes by a member: new keys, and withdrawal of its stake.

Changes take effect with the next round. New keys are on disk before the chain knows them, and old
ones stay there. If this is interrupted, the folder contains the keys that the chain names, and
another call continues.
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
    """New keys, the first round in which they are valid, and the receipt of the rotation."""

    keys: Keyring
    active_from: int
    receipt: Receipt


def rotate(
    home: NodeHome, federation: Federation, passphrase: str, *, transport: bool = False
) -> Rotated:
    """Give a node a new signer and encryption key; the old ones are valid until the round is over.

    Args:
        federation: read access to the contract.
        passphrase: of the keys in ``home``.
        transport: make a new transport key, too; it must be registered with the SuperLink.

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

    Keys that the chain has not seen belong to a node that never registered, or to an interrupted
    rotation.

    Raises:
        MissingKeys, WrongPassphrase: the keys cannot be opened.
    """
    # Or two commands at once could each make a new generation.
    with file_lock(home.path / "keys.lock"):
        keys = Keyring.load(home.keys, passphrase)
        used = federation.node_of_signer(keys.signer.address) > 0
        if used or transport:
            keys = keys.renewed(transport=transport)
            keys.add(home.keys, passphrase, transport=transport)
    return keys


def withdraw_stake(federation: Federation, number: int) -> Receipt:
    """Pay back the stake of a node that has left.

    Args:
        federation: sends from any account.

    Raises:
        StakeLocked: the node has not left, or its stake can still be slashed.
        NothingOwed: it has no stake.
    """
    until = int(federation.vault.call("unbondedAt", number))
    if until == NEVER:
        raise StakeLocked(
            expected=f"node {number} to have left",
            found="a member of the federation",
            action="Let it leave first: collegium node exit.",
        )
    return federation.withdraw_stake(number)
