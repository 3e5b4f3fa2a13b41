"""The folder of one node: its settings, keys, data location and journal.

The journal, one folder per federation and round, keeps the results that a node must not produce
twice: the update it committed to, the residual of its quantisation, the vote it sealed. The journal
is written before the transaction is sent, so that a node that crashes in any phase can continue.
"""

import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import IO, Any, Self

from eth_utils.address import to_checksum_address

from collegium.chain.locks import file_lock
from collegium.errors import BadSettings, MissingKeys
from collegium.protocol.addresses import checked
from collegium.protocol.names import CARD, LAYOUT
from collegium.workspace.keyring import Keyring
from collegium.workspace.names import ACCOUNT, KEYS, NODE, PASSPHRASE

UPDATE = "update.safetensors"
"""File name, in the journal, of the update that the node committed to."""

_ENVELOPE, _STATE = "{}.sealed", "{}.state"


@contextmanager
def opening_keys(passphrase: str) -> Iterator[None]:
    """Let this process, and those it starts, open keys with ``passphrase`` for a while."""
    before = os.environ.get(PASSPHRASE)
    os.environ[PASSPHRASE] = passphrase
    try:
        yield
    finally:
        if before is None:
            del os.environ[PASSPHRASE]
        else:
            os.environ[PASSPHRASE] = before


@dataclass(frozen=True)
class NodeSettings:
    """What a node knows about its federation; kept in ``node.json``.

    Attributes:
        name: the hospital's name for this node; never on chain.
        chain: path, engine or URL.
        federation: address of the contract.
        first_block: block that created it.
        data: folder with the hospital's images and ``metadata.jsonl``.
        challenge: folder with the challenge set of the task card.
        bits: width of a code in updates: 8, 4 or 2.
        commit: ``relay`` lets the coordinator send the signed commitment together with those of the
            others; ``self`` sends it in the node's own transaction, which no one can hold back.
        seed: of the random batches in training.
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

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The settings in a ``node.json``.

        Raises:
            ValueError, TypeError: it is malformed.
            BadAddress: it names no usable address of a federation.
        """
        document = json.loads(data)
        if not isinstance(document, dict):
            raise ValueError("no JSON object")
        for field in fields(cls):
            value = document.get(field.name, field.default)
            if type(value) is not field.type:
                raise ValueError(f"{field.name} is missing, or its value is of the wrong kind")
        settings = cls(**document)
        where = "'federation' in the settings of the node"
        return replace(settings, federation=checked(settings.federation, where))


class NodeHome:
    """Paths and files of a node below one folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def keys(self) -> Path:
        """Folder of the node's keys."""
        return self.path / KEYS

    def write_settings(self, settings: NodeSettings, card: bytes, layout: bytes) -> None:
        """Write the node's settings and the agreed documents (task card and layout)."""
        self.path.mkdir(parents=True, exist_ok=True)
        write(self.path / CARD, card)
        write(self.path / LAYOUT, layout)
        # Last: a folder with settings is complete.
        write(self.path / NODE, json.dumps(asdict(settings), indent=2).encode())

    @property
    def version(self) -> tuple[int, ...]:
        """Changes if another node is put into this folder, or its settings are written again."""
        files = [path for path in (self.path / NODE, self.keys / ACCOUNT) if path.exists()]
        return tuple(number for f in files for number in (f.stat().st_ino, f.stat().st_mtime_ns))

    def settings(self) -> NodeSettings:
        """The settings of the node.

        Raises:
            MissingKeys: there is no node in this folder.
            BadSettings: its ``node.json`` is damaged, or of another version.
            BadAddress: it names no usable address of a federation.
        """
        try:
            return NodeSettings.decode((self.path / NODE).read_bytes())
        except (ValueError, TypeError) as error:
            names = ", ".join(field.name for field in fields(NodeSettings))
            raise BadSettings(
                expected=f"a JSON object with the names {names} in {self.path / NODE}",
                found=f"{type(error).__name__}: {error}",
                action=f"Correct {NODE}; keys and journal are other files and stay as they are.",
            ) from error
        except FileNotFoundError:
            raise MissingKeys(
                expected=f"a node at {self.path}",
                found=f"no {NODE}",
                action="Create one with `collegium node keygen` and `collegium node register`.",
            ) from None

    def card(self) -> bytes:
        """The task card, as encoded bytes."""
        return (self.path / CARD).read_bytes()

    def layout(self) -> bytes:
        """The adapter layout, as encoded bytes."""
        return (self.path / LAYOUT).read_bytes()

    def account(self) -> str:
        """EIP-55 address of the account whose keys are here; needs no passphrase.

        Raises:
            MissingKeys: there are no keys.
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
        """Delete the files that were delivered in rounds before ``before``; no round needs them."""
        folder = self.journal(before).folder
        for pattern in (_ENVELOPE, _STATE):
            for path in folder.parent.glob("*/" + pattern.format("*")):
                if path.parent.name < folder.name:  # six digits, so names sort like numbers
                    path.unlink(missing_ok=True)


class Journal:
    """The files of one round in a node's journal."""

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
        """Store ``data`` under ``name``, in one step."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write(self.folder / name, data)

    def read_json(self, name: str) -> Any:
        """The value stored under ``name``, or None."""
        data = self.read(name)
        return None if data is None else json.loads(data)

    def write_json(self, name: str, value: Any) -> None:
        """Store a JSON value under ``name``, in one step."""
        self.write(name, json.dumps(value, indent=1).encode())

    def read_envelope(self, digest: bytes) -> bytes | None:
        """The sealed update with a digest, as it was delivered, or None."""
        return self.read(_ENVELOPE.format(digest.hex()))

    def write_envelope(self, digest: bytes, data: bytes) -> None:
        """Store a sealed update by its digest, as it was delivered."""
        self.write(_ENVELOPE.format(digest.hex()), data)

    def has_envelope(self, digest: bytes) -> bool:
        """Whether the sealed update with a digest was delivered."""
        return self.has(_ENVELOPE.format(digest.hex()))

    def read_state(self, root: bytes) -> bytes | None:
        """The file of the state with a root, as it was delivered, or None."""
        return self.read(_STATE.format(root.hex()))

    def write_state(self, root: bytes, data: bytes) -> None:
        """Store a state file by its root, as it was delivered."""
        self.write(_STATE.format(root.hex()), data)

    def has_state(self, root: bytes) -> bool:
        """Whether the state with a root was delivered."""
        return self.has(_STATE.format(root.hex()))

    def locked(self) -> AbstractContextManager[IO[str]]:
        """Lock the journal: of several messages at the same time, only one produces a result."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return file_lock(self.folder / "lock")


def write(path: Path, data: bytes) -> None:
    """Replace a file in one step: after a crash it is the old one or the new one, and whole."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())  # or the rename could reach the disk before the content
    partial.replace(path)
