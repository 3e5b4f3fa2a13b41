"""The folder of one node: its settings, keys, data location and journal.

The journal keeps what a node must not make twice, one folder per federation and round: the update
it committed to, the residual of its quantisation, the vote it sealed. It is written before the
chain is told, so that a node that crashes in any phase finds its own work again and goes on.
"""

import json
import os
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from eth_utils.address import to_checksum_address

from collegium.chain.locks import file_lock
from collegium.errors import MissingKeys
from collegium.workspace.keyring import Keyring
from collegium.workspace.names import ACCOUNT, CARD, KEYS, LAYOUT, NODE, PASSPHRASE

UPDATE = "update.safetensors"
"""What the journal calls the update that the node committed to."""

_ENVELOPE, _STATE = "{}.sealed", "{}.state"


@dataclass(frozen=True)
class NodeSettings:
    """What a node knows about its federation; kept in ``node.json``.

    Attributes:
        name: how the hospital calls this node; never on chain.
        chain: path, engine or URL.
        federation: address of the contract.
        first_block: block that created it.
        data: folder with the hospital's images and ``metadata.jsonl``.
        challenge: folder with the challenge set of the task card.
        bits: code width of updates, 8, 4 or 2.
        commit: ``relay`` lets the coordinator post the signed commitment together with the
            others'; ``self`` posts it in a transaction of its own, which nobody can hold back.
        seed: of the batches that training draws.
    """

    name: str
    chain: str
    federation: str
    data: str
    challenge: str
    first_block: int = 0
    bits: int = 8
    commit: str = "relay"
    seed: int = 0


class NodeHome:
    """Paths and files of a node below one folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def keys(self) -> Path:
        return self.path / KEYS

    def write_settings(self, settings: NodeSettings, card: bytes, layout: bytes) -> None:
        """Join a federation: keep the settings and the agreed documents."""
        self.path.mkdir(parents=True, exist_ok=True)
        write(self.path / CARD, card)
        write(self.path / LAYOUT, layout)
        write(self.path / NODE, json.dumps(asdict(settings), indent=2).encode())

    def settings(self) -> NodeSettings:
        """Raises MissingKeys if no node lives here."""
        try:
            return NodeSettings(**json.loads((self.path / NODE).read_bytes()))
        except FileNotFoundError:
            raise MissingKeys(
                expected=f"a node at {self.path}",
                found=f"no {NODE}",
                action="Make one with `collegium node keygen` and `collegium node register`.",
            ) from None

    def card(self) -> bytes:
        return (self.path / CARD).read_bytes()

    def layout(self) -> bytes:
        return (self.path / LAYOUT).read_bytes()

    def account(self) -> str:
        """Address of the account whose keys lie here; no passphrase is needed.

        Raises:
            MissingKeys: there are none.
        """
        path = self.keys / ACCOUNT
        try:
            return to_checksum_address(json.loads(path.read_bytes())["address"])
        except FileNotFoundError:
            raise MissingKeys(
                expected=f"the keys of a node at {self.path}",
                found=f"no {path}",
                action="Pass the folder of a node, or create keys with `collegium node keygen`.",
            ) from None

    def keyring(self, signer: str | None = None) -> Keyring:
        """The node's keys, opened with COLLEGIUM_PASSPHRASE; see :meth:`.Keyring.load`."""
        return Keyring.load(self.keys, os.environ.get(PASSPHRASE, ""), signer)

    def journal(self, round_id: int) -> "Journal":
        """The journal of a round of the federation that the settings name."""
        federation = self.settings().federation.lower()
        return Journal(self.path / "journal" / federation / f"{round_id:06d}")

    def forget_deliveries(self, before: int) -> None:
        """Delete what was delivered in rounds before ``before``; it is of no more use."""
        folder = self.journal(before).folder
        for pattern in (_ENVELOPE, _STATE):
            for path in folder.parent.glob("*/" + pattern.format("*")):
                if path.parent.name < folder.name:
                    path.unlink(missing_ok=True)


class Journal:
    """What a node did in one round."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, name: str) -> bytes | None:
        """The bytes kept under ``name``, or None."""
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def has(self, name: str) -> bool:
        """Whether something is kept under ``name``."""
        return (self.folder / name).exists()

    def write(self, name: str, data: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.folder / name, data)

    def read_json(self, name: str) -> Any:
        data = self.read(name)
        return None if data is None else json.loads(data)

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, indent=1).encode())

    def read_envelope(self, digest: bytes) -> bytes | None:
        """The sealed update with a digest, as it was delivered, or None."""
        return self.read(_ENVELOPE.format(digest.hex()))

    def write_envelope(self, digest: bytes, data: bytes) -> None:
        self.write(_ENVELOPE.format(digest.hex()), data)

    def has_envelope(self, digest: bytes) -> bool:
        return self.has(_ENVELOPE.format(digest.hex()))

    def read_state(self, root: bytes) -> bytes | None:
        """The file of the state with a root, as it was delivered, or None."""
        return self.read(_STATE.format(root.hex()))

    def write_state(self, root: bytes, data: bytes) -> None:
        self.write(_STATE.format(root.hex()), data)

    def has_state(self, root: bytes) -> bool:
        return self.has(_STATE.format(root.hex()))

    def locked(self) -> AbstractContextManager[IO[str]]:
        """Hold the journal, so that of several messages at once only one makes something."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return file_lock(self.folder / "lock")


def write(path: Path, data: bytes) -> None:
    """Replace a file in one step: after a crash it is the old one or the new one."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
