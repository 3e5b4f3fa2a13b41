"""The report of a demonstration: one HTML page that needs no network."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from collegium.lab import plots


def write(document: dict[str, Any], path: Path) -> None:
    """Render the document of a demonstration into a page."""
    names = sorted({u["node"] for entry in document["rounds"] for u in entry["updates"]})
    environment = Environment(
        loader=PackageLoader("collegium.lab"), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("report.html").render(
        **document,
        nodes=names,
        learning=plots.learning(document["quality"]),
        contributions=plots.contributions(document["rounds"], names),
        earnings=plots.earnings(document["rounds"], document["money"]["earned_by_node"], names),
    )
    path.write_text(page, encoding="utf-8")
