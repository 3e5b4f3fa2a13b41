"""Every opened update: the checks of a validator, and whether the committee obeyed them.

Signature, digest and lanes, which the commitment on the chain fixes, must be valid in every opened
update. If an update breaks another rule, such as the bound of its norm, the committee's verdict
must be INVALID: a score instead is a violation by the committee.
"""

from dataclasses import dataclass, field

from collegium.audit.bundle import Bundle
from collegium.audit.documents import Documents
from collegium.audit.index import Index, UpdateBlob
from collegium.audit.timeline import RoundRecord
from collegium.audit.trail import Trail
from collegium.protocol import similarity
from collegium.protocol.card import TaskCard
from collegium.protocol.checks import CHECKS, Case, Finding, check_update, read_update
from collegium.protocol.codec import Encoded
from collegium.protocol.container import Update
from collegium.protocol.delivery import update_limit
from collegium.protocol.layout import Layout
from collegium.protocol.model.federation import Federation
from collegium.protocol.settlement import INVALID

_COMMITTED = frozenset(("digest", "lane-root"))  # manifest and lanes are those of the commitment


@dataclass
class Opened:
    """The opened updates of one round.

    Attributes:
        lanes: of the updates that are what was committed, by node id.
        usable: nodes whose update passes every check.
        codes: codes of the findings about each node's update, fatal or not, by node id.
        bits: code width of each readable update, by node id.
    """

    lanes: dict[int, Encoded] = field(default_factory=dict)
    usable: list[int] = field(default_factory=list)
    codes: dict[int, list[str]] = field(default_factory=dict)
    bits: dict[int, int] = field(default_factory=dict)


class UpdateCheck:
    """Checks the updates of a bundle, round by round."""

    def __init__(
        self, trail: Trail, bundle: Bundle, index: Index, documents: Documents, model: Federation
    ) -> None:
        self.trail, self.bundle, self.documents, self.model = trail, bundle, documents, model
        self._blobs = {(entry.round, entry.node): entry for entry in index.updates}
        trail.expect("blob", "bundle.json, updates", len(index.updates), len(self._blobs))

    def round(self, record: RoundRecord) -> Opened:
        """Check the updates of one round that are in the bundle."""
        opened = Opened()
        card, layout = self.documents.card, self.documents.layout
        missing, sealed = [], []
        for position, (node, digest) in enumerate(record.updates):
            # What is left at the end belongs to no commitment; see leftovers.
            entry = self._blobs.pop((record.id, node), None)
            if entry is None:
                missing.append(node)
            elif not entry.opened:
                sealed.append(node)
            elif card is not None and layout is not None:
                case = self._case(card, layout, record, node, digest)
                self._update(opened, case, entry, record.phi(position))
        self._say(record, missing, "sealed, or not in the bundle; the owner of a key can open it")
        self._say(record, sealed, "sealed, and the delivered content was invalid")
        if card is not None:
            self._alike(record, opened, card.limits.cosine)
        return opened

    def leftovers(self) -> None:
        """Report blobs that belong to no commitment on the chain."""
        for round_id, node in sorted(self._blobs):
            record = f"update of node {node} in round {round_id}"
            self.trail.violation("blob", record, "a commitment on the chain", "none")

    def _say(self, record: RoundRecord, nodes: list[int], reason: str) -> None:
        if nodes:
            names = ", ".join(map(str, nodes))
            self.trail.skip(f"round {record.id}: content of the updates of nodes {names}", reason)

    def _case(
        self, card: TaskCard, layout: Layout, record: RoundRecord, node: int, digest: bytes
    ) -> Case:
        owner = self.model.node(node)
        return Case(
            domain=self.model.domain,
            card=card,
            layout=layout,
            round=record.id,
            base=record.base,
            account=owner.account,
            signer=record.signers[node],
            active=node in record.signers,
            committed=digest,
        )

    def _update(self, opened: Opened, case: Case, entry: UpdateBlob, phi: int | None) -> None:
        record = f"update of node {entry.node} in round {entry.round}"
        limit = update_limit(case.layout)
        data = self.trail.attempt("blob", record, lambda: self.bundle.blob(entry.blob, limit))
        if data is None:
            return
        delivered = read_update(data, case.layout)
        update = delivered if isinstance(delivered, Update) else None
        findings = check_update(case, delivered)
        self.trail.passed("update", len(CHECKS) - len(findings))
        opened.codes[entry.node] = [finding.code for finding in findings]
        if update is not None:
            opened.bits[entry.node] = update.encoded.bits
        fatal = [finding for finding in findings if finding.fatal]
        if update is None or not _COMMITTED.isdisjoint(opened.codes[entry.node]):
            for finding in fatal:
                self._violation(record, finding)
            return
        # A merge needs the lanes as committed, even if the update should have been rejected.
        opened.lanes[entry.node] = update.encoded
        if fatal:
            self._judge(record, fatal, phi)
            return
        opened.usable.append(entry.node)
        if phi == INVALID:
            text = "passes every check, yet the committee rejected it, as it does when an update "
            self.trail.note("verdict", record, text + "does not reach it in time")

    def _judge(self, record: str, fatal: list[Finding], phi: int | None) -> None:
        """Judge the verdict on an update that is as committed, but breaks a rule."""
        if phi is None or phi == INVALID:
            self.trail.passed("verdict", len(fatal))
            for finding in fatal:
                self.trail.note("update", record, f"{finding.code}: {finding.message}")
            return
        for finding in fatal:
            wanted = f"INVALID, because of {finding.code}: {finding.message}"
            self.trail.violation("verdict", record, wanted, f"contribution {phi}")

    def _violation(self, record: str, finding: Finding) -> None:
        wanted = f"an update that passes the check {finding.code!r}"
        self.trail.violation("update", f"{record}, {finding.code}", wanted, finding.message)

    def _alike(self, record: RoundRecord, opened: Opened, threshold: float) -> None:
        nodes = sorted(opened.usable)
        lanes = [opened.lanes[node] for node in nodes]
        for group in similarity.groups(similarity.cosines(lanes), threshold):
            members = [nodes[i] for i in group]
            if len(members) == 1:
                continue
            names = ", ".join(map(str, members))
            text = f"updates of nodes {names} are near-duplicates: they count as one contribution"
            self.trail.note("update", f"round {record.id}", text)
            for node in members:
                opened.codes[node].append("near-duplicate")
