"""The one document that ``collegium demo --json`` prints, gathered from the chain and the run."""

from typing import Any

from collegium.chain import history
from collegium.chain.disputes import Dispute
from collegium.chain.history import Slash
from collegium.chain.reader import Reader
from collegium.chain.receipts import Event
from collegium.flower.report import RoundReport
from collegium.lab.setup import Founded
from collegium.protocol.amounts import TOKEN
from collegium.protocol.settlement import INVALID


def rounds(run: Founded, reports: list[RoundReport]) -> list[dict[str, Any]]:
    """Per round: what each node sent, and what became of it. Amounts in whole tokens."""
    events = run.federation.events()
    return [_round(run, report, events) for report in reports]


def money(run: Founded) -> dict[str, Any]:
    """The vault's books in whole tokens.

    ``slashed`` is what nodes lost of their stakes: ``rewarded`` to those who proved it, ``owed`` to
    them still, or ``forfeited``.
    """
    books = run.federation.escrow()
    events = run.federation.events()
    totals = dict(enumerate(history.totals(events), start=1))
    for event in events:
        if event.name == "Credited":
            totals[event["id"]] = totals.get(event["id"], 0) + event["amount"]
    stakes = history.stakes(events)
    return {
        "deposited": books.deposited / TOKEN,
        "paid": books.claimed / TOKEN,
        "slashed": _sum(events, "Slashed") / TOKEN,
        "rewarded": _sum(events, "Collected") / TOKEN,
        "owed": books.owed / TOKEN,
        "forfeited": books.forfeited / TOKEN,
        "free": books.free / TOKEN,
        "reserved": books.reserved / TOKEN,
        "staked": books.staked / TOKEN,
        "stake_by_node": {name: stakes.get(n, 0) / TOKEN for n, name in run.names.items()},
        "earned_by_node": {name: totals.get(n, 0) / TOKEN for n, name in run.names.items()},
        "ledger_root": "0x" + books.ledger_root.hex(),
    }


def dispute(run: Founded, found: Dispute) -> dict[str, Any]:
    """A proposal that was disproved: where, by whom, and what it cost. Amounts in whole tokens."""
    return {
        "leaf": found.leaf,
        "block": found.block,
        "gas": found.gas,
        "slashed": [_slash(run, slash) for slash in found.slashed],
        "by": _name(run, found.by),
        "root": "0x" + found.root.hex(),
        "tx": found.tx,
    }


def sizes(reports: list[RoundReport], lanes: int) -> dict[str, Any]:
    """Bytes on the wire, and what float32 would have taken."""
    updates = [a for report in reports for a in report.attestations.values()]
    return {
        "updates": sum(a.size for a in updates),
        "updates_float32": 4 * lanes * len(updates),
        "delivered_sealed": sum(report.bytes_up for report in reports),
    }


def _round(run: Founded, report: RoundReport, events: list[Event]) -> dict[str, Any]:
    committed = history.updates(events, report.round)
    drawn = history.drawn(events, report.round)
    settled = history.settled(events, report.round)
    updates: list[dict[str, Any]] = []
    for index, (node, digest) in enumerate(committed):
        sent = report.attestations.get(node)
        score = settled.medians[index] if settled else INVALID
        weight = settled.weights[index] if settled else 0
        updates.append(
            {
                "node": run.names[node],
                "digest": "0x" + digest.hex(),
                "bits": sent.bits if sent else None,
                "bytes": sent.size if sent else None,
                "accepted": score != INVALID and score >= run.card.terms.min_score,
                "codes": sorted(report.findings.get(node, ())),
                "score": None if score == INVALID else score,
                "weight": weight,
                "paid": settled.pays[index] / TOKEN if settled else 0.0,
            }
        )
    updates.sort(key=lambda update: update["node"])
    committee = drawn.committee if drawn else ()
    fees = settled.fees if settled else (0,) * len(committee)
    return {
        "round": report.round,
        "updates": updates,
        "committee": [run.names[node] for node in committee],
        "fees": {run.names[n]: fee / TOKEN for n, fee in zip(committee, fees, strict=True)},
        "aggregator": run.names[drawn.aggregator] if drawn else None,
        "state_root": "0x" + report.state_root.hex() if report.state_root else None,
        "gas": _gas(run, report.round, events),
        "disputes": [dispute(run, found) for found in report.disputes],
        "rejected": [
            {
                "proposer": run.names[found.proposer],
                "root": "0x" + found.root.hex(),
                "by": None if found.challenger is None else _name(run, found.challenger),
            }
            for found in history.rejections(events, report.round)
        ],
        "slashed": [_slash(run, slash) for slash in history.slashes(events, report.round)],
        "errors": report.errors,
        "phase_s": {name: round(seconds, 3) for name, seconds in report.phase_s.items()},
    }


def _slash(run: Founded, found: Slash) -> dict[str, Any]:
    return {
        "node": run.names[found.node],
        "offence": found.offence.name.lower(),
        "amount": found.amount / TOKEN,
        "by": None if found.reporter is None else _name(run, found.reporter),
    }


def _name(run: Founded, account: str) -> str:
    """How the demonstration calls an account: by its node, if it has one."""
    return run.names.get(run.federation.node_of(account), account)


def _sum(events: list[Event], name: str) -> int:
    return sum(event["amount"] for event in events if event.name == name)


def _gas(run: Founded, round_id: int, events: list[Event]) -> int:
    """Gas of every transaction that left an event of this round."""
    reader = Reader(run.chain, run.federation.known)
    hashes = {event.tx for event in history.of_round(events, round_id)}
    return sum(reader.receipt(tx).gas_used for tx in sorted(hashes))
