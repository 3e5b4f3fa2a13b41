"""Figures of a report, as SVG text to be embedded in a page."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")  # draws without a display; must come before the imports below

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from collegium.lab.quality import metric_of

_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    "svg.fonttype": "none",  # text stays text: smaller, and it can be searched
    "svg.hashsalt": "collegium",  # ids are random otherwise: equal figures give equal files
}
_NO_METADATA: Any = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_GOOD, _BAD, _QUIET = "#1a7f5a", "#b3392f", "#8a94a6"
_CYCLE = ("#2f6db3", "#1a7f5a", "#c98a1b", "#7a4fa3", "#3f9fae", "#a8527d", "#6b7a2a", "#4d5666")


def learning(quality: Mapping[str, Any]) -> str:
    """Quality on the reference set after each round, against hospitals alone and pooled data."""
    figure, axes = _figure()
    curve, metric = quality["by_round"], metric_of(quality)
    for index, value in enumerate(quality["local"].values()):
        label = None if index else "each hospital alone"
        axes.axhline(value, color=_QUIET, lw=0.8, ls=":", label=label)
    axes.axhline(quality["centralised"], color=_BAD, lw=1, ls="--", label="pooled data")
    axes.plot(range(len(curve)), curve, "o-", color=_GOOD, label="federated")
    label = _plain(f"{metric.name} ({metric.better} is better)")
    axes.set(xlabel="round", ylabel=label, xticks=range(len(curve)))
    axes.yaxis.set_major_formatter(lambda value, _: metric.show(value))
    if metric.form.endswith("%"):
        axes.set_ylim(0, 1)
    axes.legend(frameon=False, loc="lower right" if metric.better == "higher" else "upper right")
    return _svg(figure)


def contributions(
    rounds: Sequence[Mapping[str, Any]], names: Sequence[str], score_unit: str
) -> str:
    """Contribution of every node in every round; rejected updates are hatched."""
    figure, axes = _figure()
    width, shown = 0.8 / len(names), set[str]()
    for place, name in enumerate(names):
        for index, entry in enumerate(rounds):
            update = next((u for u in entry["updates"] if u["node"] == name), None)
            if update is None or update["score"] is None:
                continue
            axes.bar(
                index + (place - len(names) / 2 + 0.5) * width,
                update["score"] / 1000,
                width,
                color=_CYCLE[place % len(_CYCLE)],
                alpha=1.0 if update["accepted"] else 0.35,
                hatch=None if update["accepted"] else "////",
                label=_plain(name) if name not in shown else None,
            )
            shown.add(name)
    axes.axhline(0, color="black", lw=0.6)
    labels = [f"round {entry['round']}" for entry in rounds]
    axes.set(ylabel=_plain(f"{score_unit} saved"), xticks=range(len(rounds)), xticklabels=labels)
    # Scores have both signs, and those of the last rounds are far smaller than the first ones.
    axes.set_yscale("symlog", linthresh=10)
    axes.legend(frameon=False, ncols=3, fontsize=7)
    return _svg(figure)


def earnings(
    rounds: Sequence[Mapping[str, Any]], earned: Mapping[str, float], names: Sequence[str]
) -> str:
    """Pay of each node in tokens: for updates, for validating, and for merging."""
    figure, axes = _figure()
    updates = [
        sum(u["paid"] for entry in rounds for u in entry["updates"] if u["node"] == name)
        for name in names
    ]
    fees = [sum(entry["fees"].get(name, 0.0) for entry in rounds) for name in names]
    # What remains of a node's earnings are its bonuses for merges.
    merging = [earned[name] - a - b for name, a, b in zip(names, updates, fees, strict=True)]
    start = [0.0] * len(names)
    for label, part, color in (
        ("updates", updates, _GOOD),
        ("validating", fees, _CYCLE[0]),
        ("merging", merging, _CYCLE[2]),
    ):
        axes.barh([_plain(name) for name in names], part, left=start, color=color, label=label)
        start = [a + b for a, b in zip(start, part, strict=True)]
    axes.set_xlabel("tokens")
    axes.invert_yaxis()
    axes.legend(frameon=False)
    return _svg(figure)


def _plain(text: str) -> str:
    """A text that matplotlib shows as it is: as no formula, and in a legend even after ``_``."""
    shown = text.replace("$", r"\$")
    return f"\u200b{shown}" if shown.startswith("_") else shown


def _figure() -> tuple[Figure, Axes]:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(6.2, 3.1), layout="constrained")
        return figure, figure.subplots()


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata=_NO_METADATA, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :]  # without the XML header, which HTML does not allow
