"""Passphrases come from the environment or the terminal, never from the command line."""

import os
import sys
from getpass import getpass

from collegium.errors import NoPassphrase, WrongPassphrase
from collegium.workspace.names import PASSPHRASE


def ask(what: str, *, twice: bool = False) -> str:
    """The passphrase in COLLEGIUM_PASSPHRASE, or else the one typed at the terminal.

    Args:
        what: what the passphrase opens, for the prompt.
        twice: the passphrase is new: it must be typed twice and must not be empty.

    Raises:
        NoPassphrase: there is neither the variable nor a terminal, or a new passphrase is empty.
        WrongPassphrase: the two typed passphrases differ.
    """
    given = os.environ.get(PASSPHRASE)
    if given is None and sys.stdin.isatty():
        given = getpass(f"Passphrase for {what}: ")
        if twice and given != getpass("Again: "):
            raise WrongPassphrase(
                expected="the same passphrase twice",
                found="two that differ",
                action="Run the command again.",
            )
    if given is None or (twice and not given):
        raise NoPassphrase(
            expected=f"a passphrase for {what}",
            found="an empty one" if given == "" else f"no {PASSPHRASE} and no terminal to ask at",
            action=f"Set {PASSPHRASE}, or run the command at a terminal.",
        )
    return given
