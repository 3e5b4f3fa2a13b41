"""Progress of a demonstration on the terminal, and the tables at its end.

Progress goes to stderr, so that with ``--json`` stdout contains only the document.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from collegium.flower.round_report import RoundReport
from collegium.lab import quality

PHASES = {
    "Open": "opening the round, reserving the reward",
    "Train": "hospitals train on their own data",
    "Commit": "committing signed updates",
    "Draw": "the chain draws a committee",
    "Deliver": "sealing updates to the committee",
    "Score": "the committee checks and scores",
    "Reveal": "revealing sealed votes",
    "Settle": "the contract settles and pays",
    "Merge": "exact merge of the accepted updates",
    "Proposed": "the committee computes the merge again and attests it",
}


class Display:
    """One line per step with its time: live on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.fields[note]}", style="dim", markup=False),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._round: TaskID | None = None
        self._rounds = 0

    def __enter__(self) -> "Display":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    @contextmanager
    def step(self, description: str, total: int | None = None) -> Iterator["Step"]:
        """Show a line with a spinner until the block ends; ``total`` is the number of advances."""
        self._plain(description)
        task = self._progress.add_task(escape(description), total=total, note="")
        yield Step(self._progress, task)
        self._progress.update(task, total=1, completed=1)

    def expect_rounds(self, count: int) -> None:
        """Set the number of rounds to show."""
        self._rounds = count

    def phase(self, round_id: int, phase: str) -> None:
        """Show that a round entered a phase."""
        if self._round is None:
            title = f"[bold]Round {round_id}[/] of {self._rounds}"
            self._round = self._progress.add_task(title, total=len(PHASES), note="")
        if phase in PHASES:
            self._plain(f"round {round_id}: {PHASES[phase]}")
            done = list(PHASES).index(phase)
            self._progress.update(self._round, completed=done, note=PHASES[phase])

    def round_over(self, report: RoundReport) -> None:
        """Show that a round ended, and its final state."""
        root = report.state_root
        note = f"final, state {root.hex()[:12]}…" if root else "cancelled, reward returned"
        self._plain(f"round {report.round}: {note}")
        if self._round is not None:
            self._progress.update(self._round, completed=len(PHASES), note=note)
        self._round = None

    def disputed(self, round_id: int, dispute: Mapping[str, Any]) -> None:
        """Show that a proposed merge was proven wrong."""
        for line in story(dispute):
            self.console.print(f"[yellow]round {round_id}:[/] {line}", highlight=False)

    def say(self, sentence: str) -> None:
        """Show one sentence of the coordinator."""
        self.console.print(sentence, style="dim", markup=False, highlight=False)

    def _plain(self, line: str) -> None:
        if not self.console.is_terminal:
            self.console.print(line, markup=False, highlight=False)


class Step:
    """One line of the display while its step runs."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, note: str = "") -> None:
        """Count one part of the step as done."""
        self._progress.update(self._task, advance=1, note=note)


def story(dispute: Mapping[str, Any]) -> list[str]:
    """A dispute in sentences, with markup of rich."""
    where = "part of it is"
    if dispute["leaf"] is not None:
        # A leaf of the state has 256 lanes, a block 32.
        first = 256 * dispute["leaf"] + 32 * dispute["block"]
        where = f"something in lanes {first:,} to {first + 31:,} is"
    slashed = [{**s, "node": escape(s["node"])} for s in dispute["slashed"]]
    cheat = next((s["node"] for s in slashed if s["offence"] == "merge"), "the proposer")
    by = escape(dispute["by"])
    losses = [f"{s['node']} {s['amount']:,.0f} ({s['offence']})" for s in slashed]
    return [
        f"[bold red]{cheat}[/] proposes a model that is not the merge of the accepted updates",
        f"[bold green]{by}[/] computes the merge again: {where} wrong; the contract "
        f"computes those 32 numbers, too, and agrees ({dispute['gas']:,} gas)",
        f"tokens slashed: {', '.join(losses) or 'none'}, half of them to {by}; "
        "the proposal is rejected",
    ]


def summary(result: dict[str, Any]) -> RenderableType:
    """The tables at the end of a demonstration."""
    parts: list[RenderableType] = [_contributions(result), _quality(result)]
    parts += [_money(result), _audit(result)]
    if any(entry["slashed"] for entry in result["rounds"]):
        parts.insert(1, _slashed(result))
    return Group(*parts, _closing(result))


def _contributions(result: dict[str, Any]) -> Table:
    """A row for each node and a column for each round: score in thousandths of the loss."""
    table = Table(title="Contributions, as the committee scored and the contract paid them")
    table.add_column("node")
    for entry in result["rounds"]:
        table.add_column(f"round {entry['round']}", justify="right")
    table.add_column("earned", justify="right")
    names = {u["node"]: None for entry in result["rounds"] for u in entry["updates"]}
    earned = result["money"]["earned_by_node"]
    for name in names:
        cells = [_cell(entry, name) for entry in result["rounds"]]
        table.add_row(escape(name), *cells, f"{earned.get(name, 0.0):,.2f}")
    table.caption = f"{result['task']['score_unit']} saved; ✓ accepted and paid, ✗ rejected"
    return table


def _cell(entry: dict[str, Any], name: str) -> str:
    for update in entry["updates"]:
        if update["node"] == name:
            if update["score"] is None:
                return f"[red]✗ {', '.join(update['codes']) or 'invalid'}[/]"
            mark = "[green]✓[/]" if update["accepted"] else "[red]✗[/]"
            return f"{update['score'] / 1000:+.1f} {mark}"
    return "[dim]—[/]"


def _quality(result: dict[str, Any]) -> Table:
    measured = result["quality"]
    metric = f"{measured['metric']}, {measured['better']} is better"
    table = Table(title=f"Model quality on the reference set ({metric})")
    columns, models = quality.table(measured)
    table.add_column("model")
    for column in columns:
        table.add_column(escape(column), justify="right", style="bold" if column == "all" else None)
    for key, cells in models:
        style = "green" if key == "federated" else None
        table.add_row(escape(quality.title(key)), *cells, style=style)
    return table


def _slashed(result: dict[str, Any]) -> Table:
    """Lost stakes: node, offence, amount, and who proved it."""
    table = Table(title="Stakes lost")
    for name in ("round", "node", "offence", "tokens", "proven by"):
        table.add_column(name, justify="right" if name in ("round", "tokens") else "left")
    for entry in result["rounds"]:
        for slash in entry["slashed"]:
            by = slash["by"] or "the contract's rules"
            cells = (str(entry["round"]), escape(slash["node"]), slash["offence"])
            table.add_row(*cells, f"{slash['amount']:,.2f}", escape(by))
    return table


def _money(result: dict[str, Any]) -> Table:
    money = result["money"]
    names = ["deposited", "paid", "free", "staked", "slashed"]
    names += [n for n in ("rewarded", "owed", "forfeited") if money[n]]
    table = Table(title="Money, in tokens")
    for name in names:
        table.add_column(name, justify="right")
    table.add_row(*(f"{money[name]:,.2f}" for name in names))
    return table


def _audit(result: dict[str, Any]) -> Panel:
    audit = result["audit"]
    verdict = "[bold green]The evidence is valid.[/]" if audit["ok"] else "[bold red]VIOLATION[/]"
    lines = [f"{verdict} {audit['checks']} checks repeated offline from the exported bundle."]
    lines += [
        f"[red]{f['code']}[/] "
        + escape(f"{f['record']}: expected {f['expected']}, found {f['found']}")
        for f in audit["findings"][:8]  # the report contains all of them
    ]
    left = [escape(f"not checked: {u['subject']} – {u['reason']}") for u in audit["unchecked"]]
    lines += [f"[dim]{line}[/]" for line in left]
    return Panel("\n".join(lines), title="Audit")


def _closing(result: dict[str, Any]) -> Panel:
    timing, files = result["timing_s"], result["files"]
    lines = [
        f"report    {files['report']}",
        f"adapter   {files['adapter']}  (a plain PEFT folder)",
        f"evidence  {files['evidence']}  – try: collegium audit {files['evidence']}",
        f"took {timing['total']:.0f} s; evidence cost {timing['trust_share']:.1%} "
        "on top of training and scoring",
    ]
    return Panel(escape("\n".join(lines)), title="Files, and what to do next")
