"""What each update of a round is worth to a validator: the game that its data and the card make."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from collegium.protocol import state
from collegium.protocol.card import Scoring
from collegium.protocol.coalitions import Coalitions
from collegium.protocol.container import Update
from collegium.protocol.rules.merging import MergeRule
from collegium.protocol.state import State
from collegium_incentives import Amounts, estimate, share, to_micro

Loss = Callable[[npt.NDArray[np.float32]], float]
"""Mean loss of an adapter (float32 ``[padded]``) on the validator's own data."""

_LARGEST = 1_000.0  # nats; micro-nats in int32 end at 2147


def contributions(
    rule: MergeRule,
    base: State,
    updates: Mapping[int, Update],
    groups: Sequence[Sequence[int]],
    loss: Loss,
    scoring: Scoring,
    seed: int,
) -> dict[int, int]:
    """Value of each update in micro-units of the loss, by node id.

    Players are put in the order of their node ids, so that the order of commitments changes
    nothing. A state after which the loss is not finite is worth the least that a score can
    say: one such update must not keep a committee from voting.

    Args:
        rule: the merge rule of the card.
        base: the state the round builds on.
        updates: the usable ones by node id.
        groups: node ids of near-duplicates, which are one player and share its credit.
        scoring: the estimator that the card names.
        seed: what its random choices start from; see :func:`.draw.scoring_seed`.
    """
    if not updates:
        return {}
    order = sorted(updates)
    place = {number: i for i, number in enumerate(order)}
    players = sorted(sorted(place[number] for number in group) for group in groups)
    game = Coalitions(rule, base, [updates[number].encoded for number in order], players)

    def utility(amounts: Amounts) -> float:
        found = loss(state.to_float(game.merged(amounts)))
        return -_LARGEST if math.isnan(found) else -min(max(found, -_LARGEST), _LARGEST)

    values = estimate(
        scoring.estimator,
        utility,
        game.players,
        samples=scoring.samples,
        seed=seed,
        fractions=game.fractions,
    )
    return dict(zip(order, to_micro(share(values, players)), strict=True))
