"""The record of an audit: every comparison is counted, every difference is kept.

The audit does not stop at the first finding. A check that is impossible because the evidence is
damaged is a finding as well; what the evidence does not cover is listed as unchecked.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from eth_abi.exceptions import DecodingError
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from collegium.errors import CollegiumError

DAMAGE = (
    CollegiumError,
    DecodingError,
    RLPException,
    ValidationError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What code that reads damaged evidence can raise."""

CODES = {
    "bundle": "bundle.json is canonical and complete",
    "file": "every file is listed, with its size and SHA-256",
    "block-form": "every line of the chain file is one block with its receipts",
    "header": "the header of every block hashes to the block's hash",
    "parent": "every block continues the one before it",
    "head": "the chain ends in the block that the bundle names",
    "anchor": "the chain contains the block hash that the auditor supplied",
    "transactions": "signed transactions hash to the transactions root, with the named senders",
    "receipts": "receipts and their events hash to the receipts root",
    "fields": "what a server derives from proven data agrees with that data",
    "nonce": "no transaction of a sender is left out",
    "deployment": "the federation was created here, with this vault and token",
    "code": "the contract was created from the code that is shipped with this program",
    "card": "the task card is the one whose digest is in the contract",
    "terms": "every number of the contract's terms is on the task card",
    "layout": "the adapter layout is the one that the task card names",
    "call": "every transaction to the contracts can be replayed",
    "outcome": "every transaction succeeded or failed as the rules say",
    "event": "every event is the one that the rules result in",
    "transfer": "the token's transfers agree with the vault's books",
    "conservation": "every token unit is accounted for",
    "blob": "every blob is what bundle.json says it is",
    "update": "every opened update passes the checks of a validator",
    "verdict": "the committee rejected every update that fails a check",
    "merge": "the final state is the exact merge of the accepted updates",
    "rejection": "every merge that was disproved differs from the exact one",
    "state": "every state has the root under which the chain knows it",
}
"""The checks by their stable codes."""

T = TypeVar("T")

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Finding:
    """A violation: which check, on which record, what was expected and what was found."""

    code: str
    record: str
    expected: str
    found: str

    def to_json(self) -> dict[str, str]:
        """The fields, as one JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Note:
    """Something that a reader should know and that breaks no rule."""

    code: str
    record: str
    text: str

    def to_json(self) -> dict[str, str]:
        """The fields, as one JSON object."""
        return asdict(self)


@dataclass(frozen=True)
class Unchecked:
    """What the audit could not or cannot check, and why."""

    subject: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """The fields, as one JSON object."""
        return asdict(self)


class Trail:
    """Collects the outcome of checks, in the order in which they were made."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter(dict.fromkeys(CODES, 0))
        self.findings: list[Finding] = []
        self.notes: list[Note] = []
        self.unchecked: list[Unchecked] = []

    def expect(self, code: str, record: str, expected: Any, found: Any) -> bool:
        """Count a comparison, and add a finding unless both are equal. Returns whether they are."""
        if expected == found:
            self._count(code)
            return True
        self.violation(code, record, expected, found)
        return False

    def passed(self, code: str, times: int) -> None:
        """Count checks that were made elsewhere and passed."""
        self.counts[code] += times

    def violation(self, code: str, record: str, expected: Any, found: Any) -> None:
        """Count a check that failed, and add a finding."""
        self._count(code)
        self.findings.append(Finding(code, record, show(expected), show(found)))

    def attempt(self, code: str, record: str, check: Callable[[], T]) -> T | None:
        """Count a check that raises when it fails; returns its result, or None after a finding."""
        self._count(code)
        try:
            return check()
        except CollegiumError as error:
            self.findings.append(Finding(code, record, error.expected, error.found))
        except DAMAGE as error:
            found = f"{type(error).__name__}: {error}"
            self.findings.append(Finding(code, record, "a well-formed record", show(found)))
        return None

    def note(self, code: str, record: str, text: str) -> None:
        """Record a fact that breaks no rule."""
        self.notes.append(Note(code, record, text))

    def skip(self, subject: str, reason: str) -> None:
        """Record what is not checked, once, and why."""
        item = Unchecked(subject, reason)
        if item not in self.unchecked:
            self.unchecked.append(item)

    def _count(self, code: str) -> None:
        if code not in CODES:
            raise KeyError(f"no check is called {code!r}")
        self.counts[code] += 1


def show(value: Any, limit: int = 400) -> str:
    """A value as text for people: bytes in hex, at most about ``limit`` characters."""
    if isinstance(value, bytes):
        text = "0x" + value.hex()
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(show(item, limit) for item in value) + "]"
    else:
        text = str(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"
