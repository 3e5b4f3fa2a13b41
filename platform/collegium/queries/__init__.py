"""The data that every screen shows: rounds, updates, members, money and the newest round.

A screen (a command, the report of a demonstration, the page of an audit) gets its data here and
computes nothing itself. Every record is frozen and has ``to_json``; :class:`.labels.Labels` decides
how nodes and amounts are written.

A round has three classes, because three different things are meant (``chain.history`` only decodes
single events, such as ``Settled``):

- ``protocol.model.round.Round``: the state of the newest round by the rules, as the contract
  stores it. The audit replays it and keeps its own results in ``audit.timeline.RoundRecord``.
- ``roles.view.RoundView``: what a role needs to know before its next step, with keys and
  candidates. :mod:`.newest` describes it in words.
- :class:`.rounds.ShownRound`: the outcome of a round, for users. :mod:`.rounds` reads it from a
  chain's events, :mod:`.from_audit` from the result of an audit.

Each fact is computed in one place: acceptance in ``protocol.settlement``; what was earned, is owed
and was lost in :mod:`.money` and :mod:`.rounds`.
"""
