"""Keys in a wallet file: Web3 Secret Storage, version 3, the format of Ethereum wallets."""

import json
from pathlib import Path

from eth_account import Account
from eth_account.signers.local import LocalAccount

from collegium.errors import MissingKeys, WrongPassphrase
from collegium.workspace.names import PASSPHRASE


def open_wallet(path: Path, passphrase: str) -> LocalAccount:
    """The account in a wallet file.

    Raises:
        MissingKeys: there is no such file, or it is not a wallet.
        WrongPassphrase: the passphrase does not open it.
    """
    try:
        wallet = json.loads(path.read_bytes())
        wallet["crypto"]["mac"]  # every wallet has it; other JSON files do not
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise MissingKeys(
            expected=f"a wallet file (Web3 Secret Storage) at {path}",
            found=f"{type(error).__name__}: {error}",
            action="Pass the file with --wallet, such as keys/account.json of a node.",
        ) from None
    try:
        account: LocalAccount = Account.from_key(Account.decrypt(wallet, passphrase))
    except ValueError as error:
        raise WrongPassphrase(
            expected=f"the passphrase of {path}",
            found=f"one that does not open it ({error})",
            action=f"Give the right one in {PASSPHRASE} or at the prompt.",
        ) from None
    return account
