"""Evidence: collected from a chain and an artifact store, and exported as one bundle.

:func:`export` writes a bundle, :func:`audit` audits one, or a run or a chain directly.
"""

from collegium.evidence.entry import audit
from collegium.evidence.exporter import export
from collegium.evidence.sources import Source, from_chain, from_run

__all__ = ["Source", "audit", "export", "from_chain", "from_run"]
