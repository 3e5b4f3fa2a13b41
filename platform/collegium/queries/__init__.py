"""What every screen shows: rounds, updates, members, money and the newest round.

A screen (a command, the report of a demonstration, the page of an audit) asks here and derives
nothing itself. Every record is frozen and has ``to_json``; :class:`.labels.Labels` says how nodes
and amounts are written in it.

A round has three shapes, because it is three different things (``chain.history`` only decodes what
single events say, such as ``Settled``):

- ``protocol.model.round.Round``: the state of the newest round by the rules, as the contract holds
  it. The audit replays it, and keeps what it derived on the way in ``audit.timeline.RoundRecord``.
- ``roles.view.RoundView``: what a role has to know before its next step, with keys and candidates.
  :mod:`.newest` puts it into words.
- :class:`.rounds.ShownRound`: what became of a round, for people. :mod:`.rounds` reads it from a
  chain's events, :mod:`.from_audit` from the result of an audit.

Derived once: what is accepted in ``protocol.settlement``; what was earned, is owed and was lost in
:mod:`.money` and :mod:`.rounds`.
"""
