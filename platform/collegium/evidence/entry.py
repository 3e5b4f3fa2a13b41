"""Audit a bundle, the folder of a run, or a chain with its store."""

from pathlib import Path
from tempfile import TemporaryDirectory

from collegium.audit.index import INDEX
from collegium.audit.report import AuditResult
from collegium.audit.trail import Progress
from collegium.audit.verify import verify
from collegium.evidence.exporter import export
from collegium.evidence.sources import Source, from_run
from collegium.workspace.names import RUN


def audit(
    source: Source | str | Path, *, anchor: str | None = None, progress: Progress | None = None
) -> AuditResult:
    """Audit a bundle; anything else is exported to a temporary one first.

    Args:
        source: path of a bundle or of a run's folder, or a :class:`.Source`.
        anchor: hash of a block that the chain must contain, known from elsewhere.
        progress: called as the work goes on.

    Raises:
        BadBundle, BundleTooLarge, BadAnchor: see :func:`.verify.verify`.
        CollegiumError: a run or chain cannot be exported, see :func:`.exporter.export`.
    """
    if isinstance(source, Source) or _is_run(Path(source)):
        given = source if isinstance(source, Source) else from_run(source)
        with TemporaryDirectory(prefix="collegium-audit-") as folder:
            bundle = export(given, Path(folder) / "bundle", progress=progress)
            return verify(bundle, anchor=anchor, progress=progress)
    return verify(source, anchor=anchor, progress=progress)


def _is_run(path: Path) -> bool:
    return (path / RUN).is_file() and not (path / INDEX).exists()
