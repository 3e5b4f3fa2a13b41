"""The auditor: everything that a federation did, derived again from its evidence.

:func:`export` writes a bundle, :func:`run` audits one, or a run or a chain directly.
"""

from collegium.audit.entry import run
from collegium.audit.exporter import export
from collegium.audit.report import AuditResult
from collegium.audit.sources import Source, from_chain, from_run

__all__ = ["AuditResult", "Source", "export", "from_chain", "from_run", "run"]
