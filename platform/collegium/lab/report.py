"""The report of a demonstration: one HTML page that opens offline."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from collegium.lab import plots, quality


def write(document: dict[str, Any], path: Path) -> None:
    """Render the document of a demonstration as a page and write it to ``path``."""
    names = sorted({u["node"] for entry in document["rounds"] for u in entry["updates"]})
    environment = Environment(
        loader=PackageLoader("collegium.lab"), autoescape=True, undefined=StrictUndefined
    )
    unit = document["task"]["score_unit"]
    columns, models = quality.table(document["quality"])
    page = environment.get_template("report.html").render(
        **document,
        headline=quality.headline(document["quality"]),
        columns=columns,
        interval=quality.interval(document["quality"], "federated"),
        models=[(quality.title(key), cells) for key, cells in models],
        nodes=names,
        learning=plots.learning(document["quality"]),
        contributions=plots.contributions(document["rounds"], names, unit),
        earnings=plots.earnings(document["rounds"], document["money"]["earned_by_node"], names),
    )
    path.write_text(page, encoding="utf-8")
