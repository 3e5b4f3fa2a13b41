"""The protocol itself: pure functions and values, no I/O, no clock, no model.

This package is the reference. The contracts are tested against it, the roles act on it and the
auditor replays the chain on it. Each module implements one part of ``docs/protocol.md``:

==============  ===================================================================
documents       canonical, fields, nesting, layout, manifest, card, terms
bytes           digest, tree, codec, state, container, safetensor, delivery, packed
one round       signing, draw, verdict, settlement, ledger, merge_proof
rules           rules/ (merge, pay and weight rules that a card chooses)
scoring         checks, similarity, coalitions
contracts       model/ (the contracts as a pure state machine)
money, nodes    amounts, membership
files           names
==============  ===================================================================
"""
