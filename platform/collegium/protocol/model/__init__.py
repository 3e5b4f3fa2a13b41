"""Reference model of the contracts: the same calls lead to the same events or the same revert.

The contracts are tested against this model, and the auditor replays a chain on it.
"""
