"""The protocol itself: pure functions and values, no I/O, no clock, no model.

This package is the reference. The contracts are tested against it, the roles act on it and the
auditor replays the chain on it. A module holds one rule of ``docs/protocol.md``:

==============  ===================================================================
documents       canonical, layout, manifest, card, terms
bytes           digest, tree, codec, state, container, safetensor
one round       signing, draw, verdict, settlement, ledger, merge
judgement       checks, similarity
the whole       federation (contracts as a pure state machine)
==============  ===================================================================
"""
