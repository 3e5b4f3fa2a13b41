"""The current state of the newest round: what it waits for, in words and as a document."""

import time
from dataclasses import dataclass
from typing import Any

from collegium.queries.labels import hexadecimal
from collegium.roles.view import RoundView


@dataclass(frozen=True)
class Newest:
    """The newest round, described from the view that a role acts on."""

    view: RoundView

    def to_json(self) -> dict[str, Any]:
        """The state of the round; nodes by id, ``deadline`` in Unix seconds."""
        view = self.view
        return {
            "round": view.id,
            "phase": view.phase,
            "live": view.live,
            "cancellable": view.cancellable,
            "deadline": view.deadline or None,
            "base": hexadecimal(view.base),
            "members": list(view.members),
            "updates": [
                {"node": update.node, "digest": hexadecimal(update.digest)}
                for update in view.updates
            ],
            "committee": list(view.committee),
            "aggregator": view.aggregator or None,
            "sealed": sorted(view.sealed),
            "revealed": sorted(view.revealed),
            "attested": sorted(view.attested),
            "barred": sorted(view.barred),
            "proposer": view.proposer or None,
            "proposal": hexadecimal(view.proposal) if any(view.proposal) else None,
        }

    def facts(self) -> dict[str, object]:
        """The same for the terminal: no empty values, and the deadline in local time."""
        view, document = self.view, self.to_json()
        document["updates"] = ", ".join(f"node {u.node}" for u in view.updates) or "none"
        if view.deadline:
            left = view.deadline - int(time.time())
            moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(view.deadline))
            document["deadline"] = f"{moment} ({f'in {left} s' if left > 0 else 'passed'})"
        return {name: value for name, value in document.items() if value not in (None, [], "")}

    def sentence(self) -> str:
        """The state of the round in one sentence."""
        view = self.view
        members = len(view.committee)
        waits = {
            "Idle": "no round has been opened yet",
            "Commit": f"{len(view.updates)} of {len(view.members)} updates are committed",
            "Draw": "the committee can be drawn now (collegium round advance)",
            "Score": f"{len(view.sealed)} of {members} votes are sealed",
            "Reveal": f"{len(view.revealed)} of {len(view.sealed)} votes are revealed",
            "Settle": "it can be settled now (collegium round advance)",
            "Merge": self._proposers(),
            "Proposed": f"{len(view.attested)} of {members} attest the merge that node "
            f"{view.proposer} proposed",
            "Final": "finished: the merge is final",
            "Cancelled": "cancelled; reward refunded",
        }
        if view.cancellable:
            return f"round {view.id}, {view.phase}: too few arrived; it can be cancelled now"
        return f"round {view.id}, {view.phase}: {waits[view.phase]}"

    def _proposers(self) -> str:
        view = self.view
        if not view.barred:
            return (
                f"node {view.aggregator} should propose the merge; after its deadline, others may"
            )
        others = ", ".join(map(str, view.candidates())) or "none"
        return (
            f"a proposal was rejected; another node should propose the merge (possible: {others})"
        )
