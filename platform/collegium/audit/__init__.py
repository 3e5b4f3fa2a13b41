"""The auditor: judges an evidence bundle offline, without keys and without a chain client.

:func:`verify` computes again everything that a federation did. :mod:`collegium.evidence` collects
and exports the bundles; only that needs a chain.
"""

from collegium.audit.report import AuditResult
from collegium.audit.verify import verify

__all__ = ["AuditResult", "verify"]
