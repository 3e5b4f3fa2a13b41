"""What a validator checks about one update before it measures usefulness, in this order.

Every check looks for one thing and says what it found; all findings are reported, under codes
that never change their meaning. A fatal finding makes the vote INVALID; of the others, a
near-duplicate is scored, but as one player with what it resembles.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from collegium.errors import BadSignature, EvidenceError
from collegium.protocol import codec, similarity
from collegium.protocol.card import TaskCard
from collegium.protocol.codec import Encoded
from collegium.protocol.container import Update, decode_update
from collegium.protocol.layout import Layout
from collegium.protocol.signing import Domain, verify


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with an update."""

    code: str
    message: str
    fatal: bool


@dataclass(frozen=True)
class Case:
    """What the chain and the task card say about the update that is expected.

    Attributes:
        domain: chain and contract.
        card, layout: the agreement.
        round: round id.
        base: root of the state that deltas are taken from.
        account, signer: the node's addresses, EIP-55.
        active: whether the node takes part in this round.
        committed: update digest on the chain.
        others: lanes of the round's other updates, as far as they are known, by account.
    """

    domain: Domain
    card: TaskCard
    layout: Layout
    round: int
    base: bytes
    account: str
    signer: str
    active: bool
    committed: bytes
    others: Mapping[str, Encoded] = field(default_factory=dict)


def check_update(case: Case, data: bytes | None) -> tuple[Update | None, list[Finding]]:
    """Check delivered bytes against the case.

    Args:
        case: what is expected.
        data: the update file, from anybody; None if it was not delivered.

    Returns:
        The update if its form could be read, and every finding in the order of the checks.
        The update may be used only if no finding is fatal.
    """
    findings = []
    if not case.active:
        findings.append(Finding("inactive", "the node is not active in this round", True))
    if data is None:
        return None, [*findings, Finding("missing", "the update was not delivered", True)]
    try:
        update = decode_update(data, case.layout)
    except EvidenceError as error:
        return None, [*findings, Finding(FORM[error.code], str(error), True)]
    for code, fatal, check in CHECKS:
        message = check(case, update)
        if message is not None:
            findings.append(Finding(code, message, fatal))
    return update, findings


def _signature(case: Case, update: Update) -> str | None:
    digest = case.domain.update_digest(
        case.round, case.account, case.base, update.manifest.update_digest
    )
    try:
        verify(digest, update.signature, case.signer)
    except BadSignature as error:
        return str(error)
    return None


def _digest(case: Case, update: Update) -> str | None:
    return _differs("update digest", case.committed.hex(), update.manifest.update_digest.hex())


def _federation(case: Case, update: Update) -> str | None:
    expected = (case.domain.chain_id, case.domain.federation)
    return _differs("federation", expected, (update.manifest.chain_id, update.manifest.federation))


def _round(case: Case, update: Update) -> str | None:
    return _differs("round", case.round, update.manifest.round)


def _node(case: Case, update: Update) -> str | None:
    return _differs("node", case.account, update.manifest.node)


def _base(case: Case, update: Update) -> str | None:
    return _differs("base state", case.base.hex(), update.manifest.base)


def _layout(case: Case, update: Update) -> str | None:
    return _differs("layout", case.layout.digest.hex(), update.manifest.layout)


def _bits(case: Case, update: Update) -> str | None:
    return _differs("code width", update.encoded.bits, update.manifest.bits)


def _lane_root(case: Case, update: Update) -> str | None:
    root = codec.lane_root(update.encoded).hex()
    return _differs("lane root", root, update.manifest.lane_root)


def _empty(case: Case, update: Update) -> str | None:
    return None if update.encoded.codes.any() else "all lanes are zero"


def _duplicate(case: Case, update: Update) -> str | None:
    limit = case.card.limits.cosine
    for account, other in case.others.items():
        cosine = similarity.cosines([update.encoded, other])[0, 1]
        if cosine >= limit:
            return f"cosine {cosine:.4f} to the update of {account}, limit {limit}"
    return None


def _norm(case: Case, update: Update) -> str | None:
    norm, limit = similarity.norm(update.encoded), case.card.limits.norm
    return None if norm <= limit else f"norm {norm:.6g}, limit {limit}"


def _privacy(case: Case, update: Update) -> str | None:
    limit, privacy = case.card.limits.epsilon, update.manifest.privacy
    if limit is None or (privacy is not None and privacy.epsilon <= limit):
        return None
    found = "nothing declared" if privacy is None else f"epsilon {privacy.epsilon}"
    return f"{found}, limit epsilon {limit}"


def _differs(name: str, expected: object, found: object) -> str | None:
    return None if found == expected else f"{name}: expected {expected}, found {found}"


CHECKS: tuple[tuple[str, bool, Callable[[Case, Update], str | None]], ...] = (
    ("signature", True, _signature),
    ("digest", True, _digest),
    ("federation", True, _federation),
    ("round", True, _round),
    ("node", True, _node),
    ("base", True, _base),
    ("layout", True, _layout),
    ("bits", True, _bits),
    ("lane-root", True, _lane_root),
    ("empty", True, _empty),
    ("near-duplicate", False, _duplicate),
    ("norm", True, _norm),
    ("privacy", True, _privacy),
)
"""Code, whether it is fatal, and the check; in the order in which findings are reported."""

FORM = {
    "CG401": "manifest-form",
    "CG411": "manifest-form",
    "CG402": "container",
    "CG403": "oversized",
    "CG404": "codes",
}
"""Finding of a file that cannot be read, by the number of the error."""
