"""The contracts' twin: the same calls lead to the same events, or to the same refusal.

The contracts are tested against this model and the auditor replays a chain on it.
"""
