"""In which rounds a node takes part. Imports nothing, so that listing nodes starts fast."""

FOREVER = 2**32 - 1
"""``active_until`` of a node that has not left."""
