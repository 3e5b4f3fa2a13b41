"""What each contribution is worth: a utility function in, values and shares out.

Knows numbers only, neither chain nor model, and can be used on its own.
"""

from collegium_incentives.groups import InvalidGroups, present, share, weights
from collegium_incentives.micro import to_micro
from collegium_incentives.shapley import MAX_PLAYERS, TooManyPlayers, exact, leave_one_out

__all__ = [
    "MAX_PLAYERS",
    "InvalidGroups",
    "TooManyPlayers",
    "exact",
    "leave_one_out",
    "present",
    "share",
    "to_micro",
    "weights",
]
