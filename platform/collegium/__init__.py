"""Collegium: verified, paid and audited federated fine-tuning of medical models."""

import os

# Read by OpenMP once, when torch loads: two spinning threads on a busy machine cost 20x the CPU.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"
