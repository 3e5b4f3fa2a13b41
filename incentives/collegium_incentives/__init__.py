"""What each contribution is worth: a utility function in, values and shares out.

Knows numbers only, neither chain nor model, and can be used on its own.
"""

from collegium_incentives.estimators import AUTO, ESTIMATORS, NAMES, Estimator, estimate, pick
from collegium_incentives.games import Amounts, Utility, Values, coalition
from collegium_incentives.groups import Groups, InvalidGroups, share, spread, weights
from collegium_incentives.micro import to_micro
from collegium_incentives.owen import mean_field, sampled
from collegium_incentives.shapley import MAX_PLAYERS, TooManyPlayers, exact

__all__ = [
    "AUTO",
    "ESTIMATORS",
    "MAX_PLAYERS",
    "NAMES",
    "Amounts",
    "Estimator",
    "Groups",
    "InvalidGroups",
    "TooManyPlayers",
    "Utility",
    "Values",
    "coalition",
    "estimate",
    "exact",
    "mean_field",
    "pick",
    "sampled",
    "share",
    "spread",
    "to_micro",
    "weights",
]
