"""The command line: one file per noun; each command parses, calls one function and prints.

Nothing heavy is imported before a command needs it, so that ``collegium --help`` and
``collegium node list`` return at once; a test checks this.
"""

import os
import sys
import warnings
from collections.abc import Sequence

_QUIET = {
    "TRANSFORMERS_VERBOSITY": "error",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_WAIT_POLICY": "PASSIVE",  # idle OpenMP threads must not spin
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
}
"""Settings of libraries, made before they load; the caller's environment takes precedence."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of ``collegium``: run one command and return its exit code.

    0 success, 1 an error with a number, 2 a command line that cannot be understood, 70 a fault of
    the program (EX_SOFTWARE of sysexits.h), 130 interrupted by
    Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.
    """
    from collegium.cli.failure import guarded
    from collegium.cli.root import run

    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore", FutureWarning)  # users cannot act on those of libraries
    given = list(sys.argv[1:] if arguments is None else arguments)
    return guarded(given, run)
