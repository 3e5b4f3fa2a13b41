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
"""First digit of an error's number to what the errors of this block are about."""


class CollegiumError(Exception):
    """Base of all errors that are meant for people.

    Args:
        expected: what the program needed, with the limit or the form.
        found: what it met instead, with the offending name or value.
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
    number, title = 100, "data cannot be used"


class MissingMetadata(DataError):
    number, title = 101, "data folder without metadata"


class UnreadableImage(DataError):
    number, title = 102, "unreadable image"


class EmptySite(DataError):
    number, title = 103, "site without examples"


class BadMetadata(DataError):
    number, title = 104, "metadata line cannot be read"


class ModelMismatch(DataError):
    number, title = 105, "model is not the agreed one"


# 2xx: chain ---------------------------------------------------------------------------------


class ChainError(CollegiumError):
    number, title = 200, "chain error"


class UnknownChain(ChainError):
    number, title = 201, "unknown chain"


class PortInUse(ChainError):
    number, title = 202, "port in use"


class ChainUnreachable(ChainError):
    number, title = 203, "chain does not answer"


class InsufficientFunds(ChainError):
    number, title = 204, "wallet without funds"


class TransactionReverted(ChainError):
    """A contract refused. ``error`` names its custom error, with ``arguments`` as decoded."""

    number, title = 205, "transaction rejected by the contract"
    error: str = ""
    arguments: tuple[object, ...] = ()
    transaction: str | None = None


class ChainStopped(ChainError):
    number, title = 206, "local chain did not start"


class ChainFile(ChainError):
    number, title = 207, "chain file cannot be used"


class WrongChain(ChainError):
    number, title = 208, "chain is not the expected one"


class TransactionPending(ChainError):
    number, title = 209, "transaction is not mined yet"


class BlockMissing(ChainError):
    number, title = 210, "block or transaction is not on the chain"


class ContractMisplaced(ChainError):
    number, title = 211, "new contract is not at the expected address"


# 3xx: keys and registration -----------------------------------------------------------------


class KeyringError(CollegiumError):
    number, title = 300, "key error"


class WrongPassphrase(KeyringError):
    number, title = 301, "wrong passphrase"


class UnregisteredNode(KeyringError):
    number, title = 302, "node is not registered"


class LeftNode(KeyringError):
    number, title = 303, "node has left the federation"


class KeysExist(KeyringError):
    number, title = 304, "keys exist already"


class MissingKeys(KeyringError):
    number, title = 305, "keys not found"


class NoPassphrase(KeyringError):
    number, title = 306, "no passphrase given"


class StakeLocked(KeyringError):
    number, title = 307, "stake is still locked"


# 4xx: updates and evidence ------------------------------------------------------------------


class EvidenceError(CollegiumError):
    number, title = 400, "evidence is invalid"


class NotCanonical(EvidenceError):
    number, title = 401, "document is not canonical JSON"


class BadContainer(EvidenceError):
    number, title = 402, "update file is malformed"


class Oversized(EvidenceError):
    number, title = 403, "file is larger than its layout allows"


class BadCodes(EvidenceError):
    number, title = 404, "exponent or code out of range"


class BadProof(EvidenceError):
    number, title = 405, "Merkle proof is invalid"


class BadSignature(EvidenceError):
    number, title = 406, "signature is invalid"


class BadLayout(EvidenceError):
    number, title = 407, "layout does not fit"


class BlobMissing(EvidenceError):
    number, title = 408, "blob is not in the store"


class BlobCorrupt(EvidenceError):
    number, title = 409, "blob does not match its digest"


class CannotOpen(EvidenceError):
    number, title = 410, "sealed blob cannot be opened"


class BadManifest(EvidenceError):
    number, title = 411, "manifest is invalid"


class BadVerdict(EvidenceError):
    number, title = 412, "verdict is invalid"


class BadMerge(EvidenceError):
    number, title = 413, "updates cannot be merged"


class NotConserved(EvidenceError):
    number, title = 414, "money is not conserved"


class BadBlock(EvidenceError):
    number, title = 415, "block, transaction or receipt does not match its hash"


class Unverifiable(EvidenceError):
    number, title = 416, "evidence has a form that cannot be checked here"


class BadDispute(EvidenceError):
    """A proof that the contract would refuse, with its custom error and that one's arguments."""

    number, title = 417, "proof of a wrong merge is invalid"

    def __init__(
        self, refusal: str, values: dict[str, int], *, expected: str, found: str, action: str
    ) -> None:
        super().__init__(expected=expected, found=found, action=action)
        self.refusal, self.values = refusal, values


class OffenceUnproven(EvidenceError):
    number, title = 418, "proof of an offence was rejected"


# 5xx: running a federation ------------------------------------------------------------------


class FederationError(CollegiumError):
    number, title = 500, "federation cannot continue"


class RunExists(FederationError):
    number, title = 501, "output folder is in use"


class RoundFailed(FederationError):
    number, title = 502, "round did not finish"


class BadCard(FederationError):
    number, title = 503, "task card cannot be used"


class NoRun(FederationError):
    number, title = 505, "folder contains no run"


class MayNotPropose(FederationError):
    number, title = 506, "node may not propose the merge"


class WrongMerge(RoundFailed):
    number, title = 507, "proposed merge is wrong"


class NothingOwed(FederationError):
    number, title = 508, "nothing is left to pay"


# 6xx: audit ---------------------------------------------------------------------------------


class AuditError(CollegiumError):
    number, title = 600, "audit cannot be carried out"


class BadBundle(AuditError):
    number, title = 601, "evidence bundle cannot be read"


class BundleTooLarge(AuditError):
    number, title = 602, "evidence bundle is too large"


class BundleExists(AuditError):
    number, title = 603, "evidence bundle exists already"


class BadAnchor(AuditError):
    number, title = 604, "anchor is not a block hash"


# 7xx: command line --------------------------------------------------------------------------


class CommandError(CollegiumError):
    number, title = 700, "command cannot be carried out"


class UnknownError(CommandError):
    number, title = 701, "unknown error number"


def catalogue() -> dict[str, type[CollegiumError]]:
    """All errors by their code, such as ``CG505``, in the order of their numbers."""
    kinds = sorted(_below(CollegiumError), key=lambda kind: kind.number)
    return {f"CG{kind.number:03d}": kind for kind in kinds}


def _below(kind: type[CollegiumError]) -> Iterator[type[CollegiumError]]:
    for child in kind.__subclasses__():
        if child.__module__ == __name__:  # tests may define their own
            yield child
            yield from _below(child)
