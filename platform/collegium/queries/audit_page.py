"""The result of an audit as one HTML page that needs no network and no script."""

from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from collegium.audit.report import AuditResult
from collegium.audit.trail import CODES
from collegium.queries import from_audit

_MERGES = {
    "exact": "recomputed, equal to the last bit",
    "wrong": "recomputed, and different",
    "unchecked": "could not be recomputed",
    "abandoned": "none that stood; the round ended on the state it began with",
    "none": "none",
}


def write(result: AuditResult, path: str | Path) -> None:
    """Write the page to ``path``, in one step."""
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    partial.write_text(html(result), encoding="utf-8")
    partial.replace(target)


def html(result: AuditResult) -> str:
    """The page. Everything that comes from the evidence is escaped."""
    environment = Environment(
        loader=PackageLoader("collegium.queries"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["when"] = _when
    environment.filters["grouped"] = _grouped
    template = environment.get_template("audit.html")
    return template.render(
        result=result,
        rounds=from_audit.rounds(result),
        slashes=from_audit.slashes(result),
        codes=CODES,
        failed=result.failed(),
        merges=_MERGES,
    )


def _when(seconds: int) -> str:
    """Unix time for a person."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s"


def _grouped(value: int) -> str:
    """Token units, in groups of three digits."""
    return f"{value:,}".replace(",", "\u202f")
