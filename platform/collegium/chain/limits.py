"""What servers mean by their errors: too many requests, or too large a range of logs.

Servers agree on neither numbers nor words, and -32005 stands for both (EIP-1474 says "limit
exceeded"). The words decide first, then the number. If neither does, a request for the logs of
several blocks counts as too large, because a smaller range helps then; any other as too many.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

# -32005: EIP-1474; the others are those of large providers for too many requests.
_RATE_CODES = frozenset({429, -32005, -32007, -32016, -32029})
_RATE = re.compile(
    r"rate.?limit|too many requests|requests? per|per.second|throttl|try again in|quota"
    r"|compute units|request (?:rate|count|limit)|capacity|back.?off|slow down",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"range|query returned|too many (?:results|logs|blocks)|more than \d+ (?:results|logs|blocks)"
    r"|response size|too large|too big|max(?:imum)? .*(?:blocks|results|logs)|time.?d? ?out"
    r"|limited to|up to a [\d,]+",
    re.IGNORECASE,
)
_AGAIN = re.compile(
    r"(?:try again|retry|back.?off)\D{0,20}?(\d+(?:\.\d+)?) ?(ms|s)?", re.IGNORECASE
)


def message(error: Any) -> str:
    """The words of a JSON-RPC error, which some servers send as a plain text."""
    return str(error.get("message", "")) if isinstance(error, dict) else str(error)


def wait(method: str, params: Sequence[Any], error: Any) -> float | None:
    """Seconds after which to repeat a request; None if the error is not about the rate.

    0 means that the server did not say when.
    """
    words = message(error)
    code = error.get("code") if isinstance(error, dict) else None
    if method == "eth_getLogs" and _several_blocks(params):
        if too_large(words) or not _RATE.search(words):
            return None
    elif not _RATE.search(words) and code not in _RATE_CODES:
        return None
    data = error.get("data") if isinstance(error, dict) else None
    rate = data.get("rate") if isinstance(data, dict) else None
    for place in (data, rate):
        if isinstance(place, dict) and "backoff_seconds" in place:
            return seconds(place["backoff_seconds"])
    named = _AGAIN.search(words)
    return seconds(named[1]) / (1000 if named[2] == "ms" else 1) if named else 0.0


def too_large(words: str) -> bool:
    """Whether these words of an error speak of a range or an answer that is too large."""
    return _RANGE.search(words) is not None and not re.search("rate.?limit", words, re.IGNORECASE)


def seconds(text: Any) -> float:
    """A number of seconds that a server names; 0 for a date or anything else."""
    try:
        value = float(text)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0


def _several_blocks(params: Sequence[Any]) -> bool:
    query = params[0] if params and isinstance(params[0], dict) else {}
    return "blockHash" not in query and query.get("fromBlock") != query.get("toBlock")
