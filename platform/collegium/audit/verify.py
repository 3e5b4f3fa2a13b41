"""The audit: everything in an evidence bundle is computed again, offline and without keys.

The steps, each based on the results of the one before:

1. files      every file is the listed one;
2. blocks     headers, transactions, senders and receipts hash together, up to the anchor;
3. deployment the contracts are the shipped ones, with the terms of the task card;
4. replay     every transaction is executed again on the reference model: same outcome, same events;
5. updates    every opened update passes the checks of a validator, or was rejected;
6. merges     every merge is recomputed, every state has its root;
7. money      the books add up.

The audit does not stop at the first finding.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from collegium.audit import deployment, documents, files, money
from collegium.audit.blocks import Block, ChainCheck
from collegium.audit.bundle import Bundle
from collegium.audit.documents import Documents
from collegium.audit.index import INDEX, MAX_INDEX, Index
from collegium.audit.merges import States
from collegium.audit.replay import Replay
from collegium.audit.report import AuditedRound, AuditResult, Subject
from collegium.audit.trail import Progress, Trail
from collegium.audit.updates import UpdateCheck
from collegium.errors import BadAnchor
from collegium.protocol.delivery import envelope_limit, readers

_AGREED = (
    ("how useful an update was", "the committee agreed on it; its votes are proven, its "
     "measurements are not"),
    ("that a node trained on the data it says", "nothing proves it; only the measured "
     "usefulness of its updates is paid"),
)  # fmt: skip


@dataclass
class _Audit:
    """What all steps use."""

    trail: Trail
    bundle: Bundle
    index: Index
    documents: Documents
    progress: Progress


def verify(
    path: str | Path, *, anchor: str | None = None, progress: Progress | None = None
) -> AuditResult:
    """Audit an evidence bundle.

    Args:
        path: directory or zip file.
        anchor: hash of a block that the chain must contain, known from elsewhere.
        progress: called as the work goes on.

    Raises:
        BadBundle, BundleTooLarge: there is no readable bundle.
        BadAnchor: ``anchor`` is not 32 bytes in hex.
    """
    wanted = None if anchor is None else _hash(anchor)
    with Bundle.open(path) as bundle:
        trail, report = Trail(), progress or (lambda stage, done, total: None)
        for name in bundle.strays():
            trail.violation("file", name, "a name that a bundle has", "another one")
        index = trail.attempt("bundle", INDEX, partial(_index, bundle))
        if index is None:
            trail.skip("everything else", f"{INDEX} cannot be read")
            return _result(trail, Subject(str(path), anchor=wanted))
        files.check(trail, bundle, index, lambda n: report("files", n, len(index.files)))
        audit = _Audit(trail, bundle, index, documents.read(trail, bundle), report)
        replay = _chain(audit, wanted)
        result = _conclude(audit, replay, _subject(audit, str(path), wanted))
    return result


def _index(bundle: Bundle) -> Index:
    return Index.decode(bundle.document(INDEX, MAX_INDEX))


def _chain(audit: _Audit, anchor: str | None) -> Replay | None:
    """Blocks, deployment and replay; None if the federation's creation is not in the bundle."""
    chain = ChainCheck(audit.trail, audit.index, anchor)
    total = audit.index.head_number - audit.index.first_block + 1
    search, replay = deployment.Search(audit.trail, audit.index), None
    for block in chain.blocks(audit.bundle, lambda n: audit.progress("blocks", n, total)):
        if replay is None:
            replay = _start(audit, search, block)
        else:
            replay.block(block)
    if replay is None:
        search.failed()
    return replay


def _start(audit: _Audit, search: deployment.Search, block: Block) -> Replay | None:
    """Search a block for the federation's creation; returns the replay up to it if it is there."""
    record = f"block {block[0].get('number')}"
    found = audit.trail.attempt("deployment", record, partial(search.block, block))
    if found is None:
        return None
    documents.check(audit.trail, audit.documents, found)
    replay = Replay(audit.trail, audit.index, found)
    for early in search.blocks:
        replay.block(early)
    return replay


def _conclude(audit: _Audit, replay: Replay | None, subject: Subject) -> AuditResult:
    trail = audit.trail
    if replay is None:
        trail.skip("rounds, updates, merges and money", "the federation's creation is not proven")
        return _result(trail, subject)
    history, model = replay.history, replay.model
    updates = UpdateCheck(trail, audit.bundle, audit.index, audit.documents, model)
    layout = audit.documents.layout
    states = None
    if layout is not None:
        states = States(trail, audit.bundle, audit.index, layout, model.terms.merging)
    if states is not None:
        states.check_files(history)
    rounds = []
    for done, record in enumerate(history.rounds.values(), start=1):
        opened = updates.round(record)
        if states is not None:
            states.round(record, opened)
        codes = {node: tuple(given) for node, given in opened.codes.items()}
        merged = None if states is None else states.merged.get(record.id)
        rounds.append(AuditedRound(record, codes, dict(opened.bits), merged))
        opened.lanes.clear()  # large: keep those of one round at a time
        audit.progress("rounds", done, len(history.rounds))
    updates.leftovers()
    _envelopes(audit, replay)
    if states is not None:
        states.final(model.state_root)
    books = money.check(trail, model, history)
    for subject_, reason in _AGREED:
        trail.skip(subject_, reason)
    penalties = tuple(history.penalties)
    return _result(trail, subject, tuple(rounds), penalties, books, model.state_root.hex())


def _envelopes(audit: _Audit, replay: Replay) -> None:
    """Check the form of sealed updates, and to which nodes they are sealed."""
    layout = audit.documents.layout
    if layout is None:
        return
    limit = envelope_limit(layout)
    rounds = [one.round for one in replay.history.rounds.values()]
    drawn = [frozenset((*one.committee, one.aggregator)) for one in rounds]
    for digest in audit.index.sealed:
        record = f"envelope {digest}"
        nodes = audit.trail.attempt("blob", record, partial(_readers, audit.bundle, digest, limit))
        if nodes is not None and not any(nodes <= members for members in drawn):
            text = f"sealed to nodes {sorted(nodes)}, which no round drew together"
            audit.trail.note("blob", record, text)


def _readers(bundle: Bundle, digest: str, limit: int) -> frozenset[int]:
    return readers(bundle.blob(digest, limit))


def _result(trail: Trail, subject: Subject, *rest: object) -> AuditResult:
    return AuditResult(
        subject,
        dict(trail.counts),
        tuple(trail.findings),
        tuple(trail.notes),
        tuple(trail.unchecked),
        *rest,  # type: ignore[arg-type]
    )


def _subject(audit: _Audit, source: str, anchor: str | None) -> Subject:
    index, card = audit.index, audit.documents.card
    return Subject(
        source=source,
        name=None if card is None else card.name,
        chain_id=index.chain_id,
        federation=index.federation,
        vault=index.vault,
        disputes=index.disputes,
        token=index.token,
        first=index.first_block,
        head=index.head_number,
        head_hash="0x" + index.head_hash,
        anchor=anchor,
    )


def _hash(text: str) -> str:
    digits = text.lower().removeprefix("0x")
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise BadAnchor(
            expected="a block hash of 64 hexadecimal digits",
            found=repr(text[:100]),
            action="Copy the hash of a block from a source you trust.",
        )
    return "0x" + digits
