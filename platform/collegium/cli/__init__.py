"""The command line: one file per noun; each command parses, calls one function and prints.

Nothing heavy is imported before a command needs it, so that ``collegium --help`` and
``collegium node list`` answer at once; a test holds that.
"""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``collegium``: run one command and return its exit code.

    0 success, 1 an error with a number, 2 a command line that cannot be understood, 70 a fault of
    the program (EX_SOFTWARE of sysexits.h), 130 interrupted.
    """
    from collegium.cli.failure import guarded
    from collegium.cli.root import run

    given = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(given, run)
