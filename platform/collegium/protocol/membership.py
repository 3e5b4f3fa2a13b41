"""In which rounds a node takes part. Nothing is imported: listings of nodes start at once."""

FOREVER = 2**32 - 1
"""``active_until`` of a node that has not left."""
