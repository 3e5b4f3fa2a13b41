"""Quality of the models of a demonstration: the part ``quality`` of its document."""

from collections.abc import Mapping, Sequence
from typing import Any

from collegium.tasks.task import Metric, Quality

_DIGITS = 4  # significant digits; more would be noise


def document(
    metric: Metric,
    *,
    base: Quality,
    local: Mapping[str, Quality],
    curve: Sequence[Quality],
    centralised: Quality,
) -> dict[str, Any]:
    """Quality of every model that was measured, as JSON.

    Args:
        local: quality of every hospital alone, by name.
        curve: quality of the federation, before the first round and after each.
    """
    models = {"base": base, **local, "federated": curve[-1], "centralised": centralised}
    return {
        "metric": metric.name,
        "better": metric.better,
        "form": metric.form,
        "forms": dict(metric.parts),
        "base": _rounded(base.value),
        "local": {name: _rounded(quality.value) for name, quality in local.items()},
        "federated": _rounded(curve[-1].value),
        "centralised": _rounded(centralised.value),
        "by_round": [_rounded(quality.value) for quality in curve],
        "parts": {
            name: {part: _rounded(value) for part, value in quality.parts.items()}
            for name, quality in models.items()
        },
        "interval": {
            name: [_rounded(value) for value in quality.interval]
            for name, quality in models.items()
            if quality.interval is not None
        },
        "rows": base.rows,
    }


def metric_of(quality: Mapping[str, Any]) -> Metric:
    """The metric of a quality document."""
    return Metric(quality["metric"], quality["better"], quality["form"], quality["forms"])


def table(quality: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Column titles, and for every model its key and its formatted cells."""
    metric = metric_of(quality)
    parts = list(quality["parts"]["base"])
    rows = []
    for key in ("base", *quality["local"], "federated", "centralised"):
        value = quality["local"].get(key, quality.get(key))
        measured = quality["parts"][key]
        cells = [metric.show(measured[part], part) if part in measured else "–" for part in parts]
        rows.append((key, [*cells, metric.show(value)]))
    return [*parts, "all"], rows


def interval(quality: Mapping[str, Any], key: str) -> str | None:
    """The formatted 95 % interval of a model; None if the task gave none."""
    if key not in quality["interval"]:
        return None
    low, high = (metric_of(quality).show(value) for value in quality["interval"][key])
    return f"{low} to {high}"


def title(key: str) -> str:
    """The name of a model in tables, from its key in the document."""
    named = {"base": "base, untrained", "centralised": "all data in one place"}
    return named.get(key, key if key == "federated" else f"{key} alone")


def headline(quality: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The main figures: each with its value, its meaning, and whether it is good (or None)."""
    metric = metric_of(quality)
    federated, base = quality["federated"], quality["base"]
    best = metric.best(quality["local"].values())
    return [
        {
            "figure": metric.show(federated),
            "says": f"{metric.name} on {quality['rows']} examples that no one trained on"
            f"; {metric.better} is better",
            "good": None,
        },
        _against(metric, federated, base, "the untrained base"),
        _against(metric, federated, best, "the best hospital alone"),
    ]


def _against(metric: Metric, value: float, other: float, whom: str) -> dict[str, Any]:
    gain = metric.gain(value, other)
    verdict = "better than" if gain > 0 else "worse than" if gain < 0 else "the same as"
    says = f"{verdict} {whom}"
    return {"figure": metric.change(value, other), "says": says, "good": gain > 0}


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
