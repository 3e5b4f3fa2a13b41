"""The result of an audit as tables for the terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from collegium.audit.money import Money
from collegium.audit.report import AuditResult
from collegium.audit.trail import CODES
from collegium.queries import from_audit
from collegium.queries.rounds import ShownRound, ShownSlash

SHOWN = 20
"""Most findings shown; the JSON document and the page contain all of them."""


def render(result: AuditResult) -> RenderableType:
    """Verdict, rounds, penalties, money, findings, and what was not checked."""
    return Group(*_parts(result))


def _parts(result: AuditResult) -> Iterator[RenderableType]:
    yield _verdict(result)
    if result.rounds:
        yield _rounds(from_audit.rounds(result))
    if result.penalties:
        yield _slashes(from_audit.slashes(result))
    if result.money is not None:
        yield _money(result.money)
    if result.findings:
        yield _findings(result)
    lines = [f"[yellow]note[/] {escape(n.record)}: {escape(n.text)}" for n in result.notes]
    lines += [
        f"[dim]not checked: {escape(item.subject)}; {escape(item.reason)}[/]"
        for item in result.unchecked
    ]
    if lines:
        yield "\n".join(lines)


def _verdict(result: AuditResult) -> Panel:
    one, failed = result.subject, len(result.findings)
    if result.ok:
        verdict = f"[bold green]The evidence is valid.[/] {result.checks} checks, no violation."
    else:
        count = "1 violation" if failed == 1 else f"{failed} violations"
        verdict = f"[bold red]The evidence is invalid:[/] {count} in {result.checks} checks."
    lines = [verdict]
    if one.federation is not None:
        anchor = "anchored" if one.anchor else "not anchored"
        lines += [
            f"{escape(one.name or 'no readable task card')}, federation {one.federation}, "
            f"chain {one.chain_id}",
            f"blocks {one.first} to {one.head}, head {one.head_hash} ({anchor})",
        ]
    if result.state_root is not None:
        lines.append(f"final state {result.state_root}")
    style = "green" if result.ok else "red"
    return Panel("\n".join(lines), title="Audit", title_align="left", border_style=style)


def _rounds(rounds: Sequence[ShownRound]) -> Table:
    table = Table(title="Rounds", title_justify="left")
    for name in ("round", "updates", "accepted", "opened"):
        table.add_column(name, justify="right")
    for name in ("committee", "merge", "rejected", "phase", "final state"):
        table.add_column(name)
    for row in rounds:
        accepted = sum(bool(update.accepted) for update in row.updates)
        opened = sum(update.opened for update in row.updates)
        cells = (row.id, len(row.updates), accepted, opened)
        committee = ", ".join(map(str, row.committee))
        merge = f"[bold red]{row.merge}[/]" if row.merge == "wrong" else row.merge
        rejected = ", ".join(f"node {r.proposer}'s" for r in row.rejected)
        root = "" if row.root is None else row.root.hex()[:16] + "…"
        table.add_row(*map(str, cells), committee, merge, rejected, row.phase, root)
    return table


def _slashes(slashes: Sequence[ShownSlash]) -> Table:
    table = Table(title="Stake lost", title_justify="left")
    table.add_column("round", justify="right")
    table.add_column("node", justify="right")
    table.add_column("offence")
    table.add_column("amount", justify="right")
    table.add_column("proven by")
    for row in slashes:
        cells = (row.round, row.node, row.offence, f"{row.amount:,}", row.by or "the rules")
        table.add_row(*map(str, cells))
    return table


def _money(money: Money) -> Table:
    table = Table(title="Money, in token units", title_justify="left", show_header=False)
    table.add_column("what")
    table.add_column("amount", justify="right")
    for name, value in money.books().items():
        table.add_row(name, f"{value:,}")
    return table


def _findings(result: AuditResult) -> Table:
    table = Table(title="Violations", title_justify="left", style="red", show_lines=True)
    for name in ("check", "record", "expected", "found"):
        table.add_column(name, overflow="fold")
    for finding in result.findings[:SHOWN]:
        cells = (finding.record, finding.expected, finding.found)
        table.add_row(finding.code, *map(escape, cells))
    rest = len(result.findings) - SHOWN
    failed = "; ".join(f"{code} ({n}): {CODES[code]}" for code, n in result.failed().items())
    more = f"{rest} more with --json or --html. " if rest > 0 else ""
    table.caption = f"{more}Requirements: {failed}"
    return table
