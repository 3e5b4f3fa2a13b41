"""The result of an audit as one HTML page without scripts, which opens offline."""

import os
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from collegium.audit.report import AuditResult
from collegium.audit.trail import CODES
from collegium.errors import RunExists
from collegium.queries import from_audit

_MERGES = {
    "exact": "recomputed, equal to the last bit",
    "wrong": "recomputed, and different",
    "unchecked": "could not be recomputed",
    "abandoned": "none valid; the round ended on the state it began with",
    "none": "none",
}


_GENERATOR = b'<meta name="generator" content="Collegium">'


def require_replaceable(path: Path) -> None:
    """Raise RunExists if ``path`` is anything but a page that an audit wrote, or nothing."""
    if not path.exists():
        return
    if path.is_file():
        with path.open("rb") as file:
            if _GENERATOR in file.read(1_000):
                return
    raise RunExists(
        expected=f"no file, or the page of an earlier audit, at {path}",
        found="another file" if path.is_file() else "a folder or a device",
        action="Pass another path with --html.",
    )


def write(result: AuditResult, path: Path) -> None:
    """Write the page to ``path``. An interrupted write leaves an older page as it was.

    Raises:
        RunExists: something else is there.
    """
    require_replaceable(path)
    page = html(result).encode()
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("xb") as file:
            file.write(page)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def html(result: AuditResult) -> str:
    """The page as text. Everything that comes from the evidence is escaped."""
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
    """Unix time in seconds, as a date in UTC."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):  # evidence can contain any 64-bit number
        return f"{seconds} s"


def _grouped(value: int) -> str:
    """Token units, in groups of three digits."""
    return f"{value:,}".replace(",", "\u202f")  # narrow space, which does not break a line
