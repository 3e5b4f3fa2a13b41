"""Passphrases come from the environment or the terminal, never from the command line."""

import os
import sys
from getpass import getpass

from collegium.errors import NoPassphrase, WrongPassphrase
from collegium.workspace.names import PASSPHRASE


def ask(what: str, *, twice: bool = False) -> str:
    """The passphrase in COLLEGIUM_PASSPHRASE, or what is typed at the terminal.

    Args:
        what: whose passphrase, for the prompt.
        twice: it is a new one: have it typed twice, and refuse an empty one.

    Raises:
        NoPassphrase: neither is there, or a new one is empty.
        WrongPassphrase: what was typed twice differs.
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
