"""The document that ``collegium demo --json`` prints, read from the chain and the run."""

from typing import Any

from collegium.chain.history import Rejection
from collegium.chain.reader import Reader
from collegium.flower.round_report import RoundReport
from collegium.lab.setup import Founded
from collegium.protocol.amounts import TOKEN
from collegium.queries.disputes import with_place, with_places
from collegium.queries.labels import Labels
from collegium.queries.money import read_accounts, read_treasury
from collegium.queries.rounds import Content, ShownRejection, ShownRound, read_round

Json = dict[str, Any]


def rounds(run: Founded, reports: list[RoundReport]) -> list[Json]:
    """Each round with its updates and their outcome. Amounts in tokens."""
    return [_round(run, report) for report in reports]


def money(run: Founded) -> Json:
    """The vault's books in tokens, and earnings and stake of each node.

    ``paid`` is the part of the earnings that nodes claimed. ``slashed`` is all lost stake:
    ``rewarded`` was paid to those who proved the offence, ``owed`` is still owed to them, and
    ``forfeited`` goes to no one.
    """
    books = read_treasury(run.federation).to_json(labels(run))
    accounts = {one.node: one for one in read_accounts(run.federation)}
    return books | {
        "paid": books["claimed"],
        "stake_by_node": {name: accounts[n].stake / TOKEN for n, name in run.names.items()},
        "earned_by_node": {name: accounts[n].earned / TOKEN for n, name in run.names.items()},
    }


def dispute(run: Founded, round_id: int, rejection: Rejection) -> Json:
    """A proposed merge that was proven wrong: place, prover, gas, and lost stakes in tokens."""
    shown = ShownRejection.of(round_id, rejection)
    return with_place(run.federation, shown).to_json(labels(run))


def labels(run: Founded) -> Labels:
    """Nodes by their names in the demonstration, amounts in tokens (float)."""
    return Labels(
        node=lambda node: run.names[node],
        account=lambda account: run.names.get(run.federation.node_of(account), account),
        amount=lambda units: units / TOKEN,
    )


def sizes(reports: list[RoundReport], lanes: int) -> dict[str, Any]:
    """Bytes of all updates as sent and as float32, and bytes delivered sealed."""
    updates = [a for report in reports for a in report.attestations.values()]
    return {
        "updates": sum(a.size for a in updates),
        "updates_float32": 4 * lanes * len(updates),
        "delivered_sealed": sum(report.bytes_up for report in reports),
    }


def _round(run: Founded, report: RoundReport) -> Json:
    events = run.federation.events()
    shown = read_round(events, report.round, run.card.terms.min_score)
    shown = with_places(run.federation, shown).with_contents(_contents(report))
    document = shown.to_json(labels(run))
    document["updates"].sort(key=lambda update: update["node"])
    return document | {
        "gas": _gas(run, shown),
        "errors": report.errors,
        "phase_s": {name: round(seconds, 3) for name, seconds in report.phase_s.items()},
    }


def _contents(report: RoundReport) -> dict[int, Content]:
    """What the nodes reported about their updates, and the committee's findings, by node id."""
    return {
        node: Content(sent.bits, sent.size, tuple(sorted(report.findings.get(node, ()))))
        for node, sent in report.attestations.items()
    }


def _gas(run: Founded, shown: ShownRound) -> int:
    """Gas of every transaction that left an event of this round."""
    reader = Reader(run.chain, run.federation.known)
    events = run.federation.events()
    hashes = {event.tx for event in events if event.args.get("round") == shown.id}
    return sum(reader.receipt(tx).gas_used for tx in sorted(hashes))
