"""What a validator checks about one update before it measures usefulness, in this order.

Every check looks for one thing and says what it found; all findings are reported, under codes
that never change their meaning. A fatal finding makes the vote INVALID. Near-duplicates are found
once all updates are open, and are not fatal: they are scored together, as one player.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collegium.errors import BadSignature, EvidenceError
from collegium.protocol import similarity
from collegium.protocol.card import TaskCard
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


Delivered = Update | EvidenceError | None
"""What was delivered of an update: its content, why it cannot be read, or nothing."""


def read_update(data: bytes | None, layout: Layout) -> Delivered:
    """Decode an untrusted update file; None means that it did not arrive."""
    try:
        return None if data is None else decode_update(data, layout)
    except EvidenceError as error:
        return error


def check_update(case: Case, delivered: Delivered) -> list[Finding]:
    """Check what was delivered against the case.

    Returns:
        Every finding, in the order of the checks. The update can be used only if none is fatal.
    """
    findings = []
    if not case.active:
        findings.append(Finding("inactive", "the node is not active in this round", True))
    if delivered is None:
        return [*findings, Finding("missing", "the update was not delivered", True)]
    if isinstance(delivered, EvidenceError):
        return [*findings, Finding(FORM[delivered.code], str(delivered), True)]
    for code, check in CHECKS:
        message = check(case, delivered)
        if message is not None:
            findings.append(Finding(code, message, True))
    return findings


def near_duplicate(cosines: Mapping[str, float], limit: float) -> list[Finding]:
    """One finding if an update resembles another of its round; otherwise none.

    Args:
        cosines: to each other usable update of the round, by account.
        limit: similarity from which two updates count as one contribution.
    """
    alike = ((account, cosine) for account, cosine in cosines.items() if cosine >= limit)
    for account, cosine in alike:  # the first is enough
        message = f"cosine {cosine:.4f} to the update of {account}, limit {limit}"
        return [Finding("near-duplicate", message, False)]
    return []


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
    return _differs("lane root", update.lane_root.hex(), update.manifest.lane_root)


def _empty(case: Case, update: Update) -> str | None:
    return None if update.encoded.codes.any() else "all lanes are zero"


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


CHECKS: tuple[tuple[str, Callable[[Case, Update], str | None]], ...] = (
    ("signature", _signature),
    ("digest", _digest),
    ("federation", _federation),
    ("round", _round),
    ("node", _node),
    ("base", _base),
    ("layout", _layout),
    ("bits", _bits),
    ("lane-root", _lane_root),
    ("empty", _empty),
    ("norm", _norm),
    ("privacy", _privacy),
)
"""Code and check, all fatal, in the order in which findings are reported."""

FORM = {
    "CG401": "manifest-form",
    "CG411": "manifest-form",
    "CG402": "container",
    "CG403": "oversized",
    "CG404": "codes",
}
"""Finding of a file that cannot be read, by the number of the error."""
