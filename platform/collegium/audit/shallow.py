"""A bound on nesting, to be checked before a stranger's JSON is parsed.

The parser of the standard library recurses in C. It relies on the interpreter's recursion limit,
which py-evm raises to 100,000: beyond what the stack holds, so that deep nesting would end the
process instead of raising an error.
"""

import re

from collegium.errors import BadBundle

MAX_DEPTH = 64
"""Deepest nesting that evidence needs is below ten."""

_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{]|[\]}]', re.DOTALL)


def check_depth(data: bytes) -> None:
    """Raise BadBundle if a JSON text nests deeper than ``MAX_DEPTH``."""
    depth = 0
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BadBundle(
                    expected=f"JSON that nests at most {MAX_DEPTH} levels deep",
                    found="more",
                    action="Ask for the evidence again.",
                )
        elif first in b"]}":
            depth -= 1
