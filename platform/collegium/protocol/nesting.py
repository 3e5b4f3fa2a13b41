"""A bound on nesting, checked before untrusted JSON is parsed.

The parser of the standard library recurses in C. It relies on the interpreter's recursion limit,
which py-evm raises to 100,000. The stack is too small for that, so deep nesting would crash the
process instead of raising an error.
"""

import re

MAX_DEPTH = 64
"""No document of the protocol nests deeper than ten."""

# Whole strings, so that brackets inside them are not counted; a string may lack its end. The
# repetitions are possessive (*+): others remember every escape, which takes 64 times its size.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]', re.DOTALL)


def check_depth(data: bytes) -> None:
    """Raise ValueError, as a JSON parser would, if a text nests deeper than ``MAX_DEPTH``."""
    depth = 0
    for token in _TOKEN.finditer(data):
        first = data[token.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ValueError(f"nested more than {MAX_DEPTH} levels deep")
        elif first in b"]}":
            depth -= 1
