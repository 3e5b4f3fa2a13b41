"""Every failure that a user can see has a number, a page and three sentences.

An error says what was *expected*, what was *found* and which *action* to take. The number is
stable and names the page ``pages/CGnnn.md`` of this package, which ``collegium explain CGnnn``
prints. The first digit of a number is its block, see :data:`BLOCKS`.
"""

from collections.abc import Iterator
from typing import ClassVar

BLOCKS = {
    1: "Data and images",
    2: "Chain",
    3: "Keys and registration",
    4: "Updates and evidence",
    5: "Running a federation",
    6: "Audit",
    7: "Command line",
}
"""Subject of each block of errors, by the first digit of their numbers."""


class CollegiumError(Exception):
    """Base of all errors that are shown to users.

    Args:
        expected: what the program needed, with the limit or the form.
        found: what it got instead, with the wrong name or value.
        action: the next step that a person can take.
    """

    number: ClassVar[int] = 0
    title: ClassVar[str] = "Collegium error"

    def __init__(self, *, expected: str, found: str, action: str) -> None:
        self.expected, self.found, self.action = expected, found, action
        what = f"expected {expected}; found {found}. {action}"
        super().__init__(f"[{self.code}] {self.title}: {what}")

    @property
    def code(self) -> str:
        """The number as users see it, such as ``CG505``."""
        return f"CG{self.number:03d}"

    def to_json(self) -> dict[str, str]:
        """The error as one flat object, for ``--json``."""
        return {
            "code": self.code,
            "title": self.title,
            "expected": self.expected,
            "found": self.found,
            "action": self.action,
        }


# 1xx: data and images -----------------------------------------------------------------------


class DataError(CollegiumError):
    """A data folder was read, but its content cannot be used. Base of block 1."""

    number, title = 100, "data cannot be used"


class MissingMetadata(DataError):
    """A data folder or its ``metadata.jsonl`` is missing."""

    number, title = 101, "data folder without metadata"


class UnreadableImage(DataError):
    """An image is missing, not an image, damaged, too large, or changed while in use."""

    number, title = 102, "unreadable image"


class EmptySite(DataError):
    """A hospital's folder, or a folder of hospitals, contains no examples."""

    number, title = 103, "site without examples"


class BadMetadata(DataError):
    """A line of ``metadata.jsonl`` has the wrong form or leaves the folder."""

    number, title = 104, "metadata line cannot be read"


class ModelMismatch(DataError):
    """A base model, frozen part, adapter or challenge set is not the one on the card."""

    number, title = 105, "model is not the agreed one"


# 2xx: chain ---------------------------------------------------------------------------------


class ChainError(CollegiumError):
    """The chain answered with an error that has no number of its own. Base of block 2."""

    number, title = 200, "chain error"


class UnknownChain(ChainError):
    """A name is neither an engine, nor the file of an embedded chain, nor a URL."""

    number, title = 201, "unknown chain"


class PortInUse(ChainError):
    """Another program uses the TCP port that a local chain should listen on."""

    number, title = 202, "port in use"


class ChainUnreachable(ChainError):
    """Several attempts brought no usable answer. A transaction may have been sent."""

    number, title = 203, "chain does not answer"


class InsufficientFunds(ChainError):
    """An account cannot pay for gas, or has too few tokens."""

    number, title = 204, "wallet without funds"


class TransactionReverted(ChainError):
    """The contract rejected a transaction; nothing was changed.

    Attributes:
        error: name of the contract's custom error; empty if it gave none.
        arguments: of the custom error, as decoded.
        transaction: hash, if it was sent.
    """

    number, title = 205, "transaction rejected by the contract"
    error: str = ""
    arguments: tuple[object, ...] = ()
    transaction: str | None = None


class ChainStopped(ChainError):
    """A local chain exited, or did not answer in time, when it was started."""

    number, title = 206, "local chain did not start"


class ChainFile(ChainError):
    """The file of an embedded chain is missing, is not a chain, or cannot be written."""

    number, title = 207, "chain file cannot be used"


class WrongChain(ChainError):
    """A chain answers, but has another id, or has no federation at the address."""

    number, title = 208, "chain is not the expected one"


class TransactionPending(ChainError):
    """A transaction was sent but not mined in time. It may still be mined."""

    number, title = 209, "transaction is not mined yet"


class BlockMissing(ChainError):
    """The chain does not contain the requested block or transaction."""

    number, title = 210, "block or transaction is not on the chain"


class ContractMisplaced(ChainError):
    """A contract was created at an address other than the one computed for it."""

    number, title = 211, "new contract is not at the expected address"


# 3xx: keys and registration -----------------------------------------------------------------


class KeyringError(CollegiumError):
    """A node's keys cannot be used. Base of block 3."""

    number, title = 300, "key error"


class WrongPassphrase(KeyringError):
    """The passphrase does not open the keys or the wallet."""

    number, title = 301, "wrong passphrase"


class UnregisteredNode(KeyringError):
    """An account or id belongs to no registered node of the federation."""

    number, title = 302, "node is not registered"


class LeftNode(KeyringError):
    """A node has left: by itself, because it was revoked, or because it lost its stake."""

    number, title = 303, "node has left the federation"


class KeysExist(KeyringError):
    """A folder already contains keys. Keys are never overwritten."""

    number, title = 304, "keys exist already"


class MissingKeys(KeyringError):
    """Keys, a wallet or a node's settings are not where the command looks."""

    number, title = 305, "keys not found"


class NoPassphrase(KeyringError):
    """Neither the environment nor a terminal gives a passphrase."""

    number, title = 306, "no passphrase given"


class StakeLocked(KeyringError):
    """A stake cannot be paid back yet, because an offence can still be proven."""

    number, title = 307, "stake is still locked"


class BadSettings(KeyringError):
    """The settings in ``node.json`` are damaged, or of another version."""

    number, title = 308, "settings of a node cannot be read"


class BadAddress(KeyringError):
    """A text is no Ethereum address, has a wrong checksum (EIP-55), or is the zero address."""

    number, title = 309, "not a usable address"


# 4xx: updates and evidence ------------------------------------------------------------------


class EvidenceError(CollegiumError):
    """Evidence was read and is invalid. Base of block 4."""

    number, title = 400, "evidence is invalid"


class NotCanonical(EvidenceError):
    """A document that is hashed or signed is not canonical JSON (RFC 8785)."""

    number, title = 401, "document is not canonical JSON"


class BadContainer(EvidenceError):
    """An update or state file does not have the form of its container."""

    number, title = 402, "update file is malformed"


class Oversized(EvidenceError):
    """A file is larger than its layout allows. Raised before memory is allocated."""

    number, title = 403, "file is larger than its layout allows"


class BadCodes(EvidenceError):
    """Exponents or codes of an update are out of range or have the wrong length."""

    number, title = 404, "exponent or code out of range"


class BadProof(EvidenceError):
    """A Merkle proof does not lead to the expected root."""

    number, title = 405, "Merkle proof is invalid"


class BadSignature(EvidenceError):
    """A signature was not made by the key that is registered for the node."""

    number, title = 406, "signature is invalid"


class BadLayout(EvidenceError):
    """Names, shapes or lengths of tensors differ from the agreed layout."""

    number, title = 407, "layout does not fit"


class BlobMissing(EvidenceError):
    """The store does not contain a blob under its digest."""

    number, title = 408, "blob is not in the store"


class BlobCorrupt(EvidenceError):
    """The store returned bytes that do not have the requested digest."""

    number, title = 409, "blob does not match its digest"


class CannotOpen(EvidenceError):
    """A sealed blob was sealed to other nodes, or was altered."""

    number, title = 410, "sealed blob cannot be opened"


class BadManifest(EvidenceError):
    """An update's manifest has missing, unknown or impossible values."""

    number, title = 411, "manifest is invalid"


class BadVerdict(EvidenceError):
    """A validator's scores have the wrong length or a value that is not allowed."""

    number, title = 412, "verdict is invalid"


class BadMerge(EvidenceError):
    """There is no update to merge, or a weight is not allowed."""

    number, title = 413, "updates cannot be merged"


class NotConserved(EvidenceError):
    """The vault's books do not add up."""

    number, title = 414, "money is not conserved"


class BadBlock(EvidenceError):
    """A block, transaction or receipt does not have the hash that it claims."""

    number, title = 415, "block, transaction or receipt does not match its hash"


class Unverifiable(EvidenceError):
    """Evidence has a form that this version cannot check. It may be valid."""

    number, title = 416, "evidence has a form that cannot be checked here"


class BadDispute(EvidenceError):
    """A proof that the contract would reject.

    Args:
        refusal: name of the contract's custom error.
        values: arguments of that custom error, by name.
    """

    number, title = 417, "proof of a wrong merge is invalid"

    def __init__(
        self, refusal: str, values: dict[str, int], *, expected: str, found: str, action: str
    ) -> None:
        super().__init__(expected=expected, found=found, action=action)
        self.refusal, self.values = refusal, values


class OffenceUnproven(EvidenceError):
    """The contract rejected a proof that someone broke the rules."""

    number, title = 418, "proof of an offence was rejected"


# 5xx: running a federation ------------------------------------------------------------------


class FederationError(CollegiumError):
    """A federation cannot continue. Base of block 5."""

    number, title = 500, "federation cannot continue"


class RunExists(FederationError):
    """The output folder is in use. Nothing in it was changed."""

    number, title = 501, "output folder is in use"


class PathsOverlap(FederationError):
    """What a command reads is inside the folder that it writes, or the other way round."""

    number, title = 509, "input and output overlap"


class RoundFailed(FederationError):
    """A round did not reach a phase, or a step came too early or too late."""

    number, title = 502, "round did not finish"


class BadCard(FederationError):
    """A task card, a recipe or a setting has a value that is not allowed."""

    number, title = 503, "task card cannot be used"


class NoRun(FederationError):
    """A folder contains no ``run.json``."""

    number, title = 505, "folder contains no run"


class MayNotPropose(FederationError):
    """The node may not propose a merge for this round, or not yet."""

    number, title = 506, "node may not propose the merge"


class WrongMerge(RoundFailed):
    """This node computed the merge, and its result differs from the proposal."""

    number, title = 507, "proposed merge is wrong"


class NothingOwed(FederationError):
    """The vault has nothing to pay to this node, or no forfeited stake to move."""

    number, title = 508, "nothing is left to pay"


# 6xx: audit ---------------------------------------------------------------------------------


class AuditError(CollegiumError):
    """An audit cannot be carried out; the evidence may be valid. Base of block 6."""

    number, title = 600, "audit cannot be carried out"


class BadBundle(AuditError):
    """A path is not an evidence bundle, or the bundle is incomplete."""

    number, title = 601, "evidence bundle cannot be read"


class BundleTooLarge(AuditError):
    """A bundle, or a file in it, is larger than any federation's evidence."""

    number, title = 602, "evidence bundle is too large"


class BundleExists(AuditError):
    """A bundle exists at this path. Evidence is never overwritten."""

    number, title = 603, "evidence bundle exists already"


class BadAnchor(AuditError):
    """An anchor is not 32 bytes, written as 64 hexadecimal digits."""

    number, title = 604, "anchor is not a block hash"


# 7xx: command line --------------------------------------------------------------------------


class CommandError(CollegiumError):
    """A command line was understood, but cannot be carried out. Base of block 7."""

    number, title = 700, "command cannot be carried out"


class UnknownError(CommandError):
    """No error has this number."""

    number, title = 701, "unknown error number"


def catalogue() -> dict[str, type[CollegiumError]]:
    """All errors by their code, such as ``CG505``, in the order of their numbers."""
    kinds = sorted(_below(CollegiumError), key=lambda kind: kind.number)
    return {f"CG{kind.number:03d}": kind for kind in kinds}


def _below(kind: type[CollegiumError]) -> Iterator[type[CollegiumError]]:
    for child in kind.__subclasses__():
        if child.__module__ == __name__:  # tests define errors of their own
            yield child
            yield from _below(child)
