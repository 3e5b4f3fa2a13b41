"""Amounts of money: whole numbers of the smallest unit, and how people write them."""

import re
from typing import Final

DECIMALS: Final = 18
"""Decimals of the token that rewards and stakes are paid in, and of the chain's currency."""
TOKEN: Final = 10**DECIMALS
"""Units in one token."""
ETHER: Final = 10**DECIMALS
"""Wei in one ether."""

# Bounded, so that no long text is parsed; a 19th decimal would be less than one unit.
_WRITTEN = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,18}))?")


def parse(text: str) -> int:
    """Token units of an amount such as ``12.5``; raises ValueError if it is written differently."""
    written = _WRITTEN.fullmatch(text)
    if written is None:
        raise ValueError(f"{text!r} is not an amount")
    whole, rest = written.groups("")
    return int(whole) * TOKEN + int(rest.ljust(DECIMALS, "0"))


def tokens(units: int) -> str:
    """Units as a decimal number of tokens, exactly."""
    whole, rest = divmod(abs(units), TOKEN)
    digits = f"{rest:0{DECIMALS}d}".rstrip("0")
    return ("-" if units < 0 else "") + f"{whole}" + (f".{digits}" if digits else "")
