"""What each update of a round is worth to a validator, by its own data and the card's estimator."""

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

    Players are sorted by node id, so that the order of commitments changes nothing. A loss of NaN
    or infinity counts as the largest loss: one such update must not keep a committee from voting.

    Args:
        rule: the merge rule of the card.
        base: the state the round builds on.
        updates: the usable ones by node id.
        groups: node ids of near-duplicates, which are one player and share its credit.
        loss: mean loss of an adapter on the validator's own data.
        scoring: the estimator that the card chooses.
        seed: of the estimator's random choices; see :func:`.draw.scoring_seed`.
    """
    if not updates:
        return {}
    order = sorted(updates)
    place = {number: i for i, number in enumerate(order)}
    players = sorted(sorted(place[number] for number in group) for group in groups)
    game = Coalitions(rule, base, [updates[number].encoded for number in order], players)

    def utility(amounts: Amounts) -> float:
        # The negative loss, so that a larger value is better.
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
