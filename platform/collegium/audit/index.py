"""``bundle.json``: the contents of an evidence bundle, and the digest of every file in it.

Canonical JSON, so that there is only one way to write it. The index proves nothing by itself: all
that it says is checked against the chain. It only tells where to look.
"""

from dataclasses import asdict, dataclass
from typing import Any, Self

from collegium.chain.parts import PARTS
from collegium.errors import BadBundle
from collegium.protocol.canonical import canonical_json, parse_canonical
from collegium.protocol.fields import Check

FORMAT = "collegium-evidence/3"  # its number changes with the fields
INDEX, BLOCKS = "bundle.json", "chain/blocks.jsonl"
MAX_INDEX = 64 * 1024 * 1024
"""Largest ``bundle.json``, in bytes."""

CONTRACTS = ("federation", *PARTS)
"""Names of the federation's contracts in a bundle, without its token."""

_check = Check("bundle.json", BadBundle)


def blob_path(digest: str) -> str:
    """Path of a blob in a bundle."""
    return f"blobs/{digest}"


@dataclass(frozen=True)
class File:
    """One file of the bundle: its path, its bytes and their SHA-256 (hex)."""

    path: str
    size: int
    sha256: str

    def __post_init__(self) -> None:
        _check.text("files.path", self.path)
        # 2^53 - 1: the largest integer that every JSON reader reads exactly.
        _check.integer("files.size", self.size, 0, 2**53 - 1)
        _check.digest("files.sha256", self.sha256)


@dataclass(frozen=True)
class UpdateBlob:
    """The blob with the update of one node in one round.

    Attributes:
        round, node: ids.
        blob: SHA-256 (hex) of the update file, or of the envelope that it is sealed in.
        opened: whether the blob is the update file itself.
    """

    round: int
    node: int
    blob: str
    opened: bool

    def __post_init__(self) -> None:
        _check.integer("updates.round", self.round, 1, 2**53 - 1)
        _check.integer("updates.node", self.node, 1, 65535)  # uint16 in the contract
        _check.digest("updates.blob", self.blob)
        _check.one_of("updates.opened", self.opened, (True, False))


@dataclass(frozen=True)
class StateBlob:
    """A state file: its Merkle root and the SHA-256 of its bytes, both in hex."""

    root: str
    blob: str

    def __post_init__(self) -> None:
        _check.digest("states.root", self.root)
        _check.digest("states.blob", self.blob)


@dataclass(frozen=True)
class Index:
    """The content of ``bundle.json``.

    Attributes:
        chain_id: EIP-155 id.
        federation, vault, disputes, settler, steps, token: EIP-55 addresses.
        first_block, head_number: first and last block of the chain file; the first contains
            the creation of a part of the federation.
        head_hash: hash of the last block (hex).
        updates: update files and envelopes that belong to a known node and round.
        envelopes: sealed updates for which the exporter had no key; SHA-256 (hex).
        states: state files.
        files: every file but ``bundle.json``, by path.
    """

    chain_id: int
    federation: str
    vault: str
    disputes: str
    settler: str
    steps: str
    token: str
    first_block: int
    head_number: int
    head_hash: str
    updates: tuple[UpdateBlob, ...]
    envelopes: tuple[str, ...]
    states: tuple[StateBlob, ...]
    files: tuple[File, ...]

    def __post_init__(self) -> None:
        for name in ("chain_id", "first_block", "head_number"):
            _check.integer(name, getattr(self, name), 0, 2**53 - 1)
        for name in (*CONTRACTS, "token"):
            _check.address(name, getattr(self, name))
        _check.digest("head_hash", self.head_hash)
        for digest in self.envelopes:
            _check.digest("envelopes", digest)
        paths = [file.path for file in self.files]
        if paths != sorted(set(paths)):
            _check.fail("files", "sorted by unique path", paths)

    @property
    def blobs(self) -> set[str]:
        """SHA-256 (hex) of every blob that the index refers to."""
        updates = {entry.blob for entry in self.updates}
        return updates | {entry.blob for entry in self.states} | set(self.envelopes)

    @property
    def sealed(self) -> list[str]:
        """SHA-256 (hex) of every sealed update."""
        return [entry.blob for entry in self.updates if not entry.opened] + list(self.envelopes)

    def encode(self) -> bytes:
        """The canonical document."""
        return canonical_json({"format": FORMAT, **asdict(self)})

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a canonical document.

        Raises:
            NotCanonical: it is not canonical JSON.
            BadBundle: a field is missing, unknown or out of range.
        """
        document = parse_canonical(data, MAX_INDEX)
        found = document.get("format") if isinstance(document, dict) else document
        _check.one_of("format", found, (FORMAT,))  # first, as another format has other fields
        fields = _check.keys(document, ("format", *cls.__dataclass_fields__))
        del fields["format"]
        kinds: dict[str, Any] = {"updates": UpdateBlob, "states": StateBlob, "files": File}
        for name, kind in kinds.items():
            fields[name] = tuple(_entry(kind, item) for item in _list(name, fields[name]))
        fields["envelopes"] = tuple(_list("envelopes", fields["envelopes"]))
        return cls(**fields)


def _list(name: str, value: object) -> list[Any]:
    if not isinstance(value, list):
        _check.fail(name, "a list", value)
    return value


def _entry(kind: Any, item: object) -> Any:
    return kind(**_check.keys(item, kind.__dataclass_fields__))
