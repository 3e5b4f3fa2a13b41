"""What the updates of past rounds would have earned under another pay rule.

The scores are those that the committees gave. A node that is paid by another rule may behave in
another way, so this is no forecast.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from collegium.protocol.rules.shares import PAY_RULES
from collegium.protocol.rules.table import named
from collegium.protocol.settlement import INVALID, pay_nodes
from collegium.protocol.terms import Terms
from collegium.queries.labels import PLAIN, Labels
from collegium.queries.rounds import Json, ShownRound


@dataclass(frozen=True)
class Replayed:
    """One update of one round.

    Attributes:
        round, node: numbers.
        score: median of the votes in micro-nats; None if it is invalid.
        paid: token units that it earned.
        replayed: token units under the other rule.
    """

    round: int
    node: int
    score: int | None
    paid: int
    replayed: int

    def to_json(self, labels: Labels = PLAIN) -> Json:
        return {
            "round": self.round,
            "node": labels.node(self.node),
            "score": self.score,
            "paid": labels.amount(self.paid),
            "replayed": labels.amount(self.replayed),
        }


def replay(terms: Terms, rounds: Sequence[ShownRound], rule: str) -> list[Replayed]:
    """Every update of the settled rounds, in order.

    Args:
        terms: of the federation.
        rounds: any; those that are not settled are left out.
        rule: name of a pay rule.

    Raises:
        BadCard: there is no such rule.
    """
    other = replace(terms, pay_rule=named("pay rule", PAY_RULES, rule).id)
    found = []
    for one in rounds:
        if not one.settled:
            continue
        phi = [INVALID if update.score is None else update.score for update in one.updates]
        for update, pay in zip(one.updates, pay_nodes(other, phi), strict=True):
            found.append(Replayed(one.id, update.node, update.score, update.paid, pay))
    return found
