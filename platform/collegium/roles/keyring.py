"""A node's four keys, encrypted on disk under one passphrase.

``account`` owns the registration and receives pay; ``signer`` signs updates and votes;
``encryption`` opens what is sealed to the node; ``transport`` is the key of its Flower SuperNode.
The two secp256k1 keys are Web3 Secret Storage files (the format that Ethereum wallets read), the
others PKCS#8 PEM. A keyring is written once and never overwritten.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account import Account
from eth_account.signers.local import LocalAccount

from collegium.errors import KeysExist, MissingKeys, WrongPassphrase

_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
K = TypeVar("K")

_KDF_ITERATIONS = 262_144  # PBKDF2 rounds of the wallet files


@dataclass(frozen=True)
class Keyring:
    """The opened keys of one node."""

    account: LocalAccount
    signer: LocalAccount
    encryption: X25519PrivateKey
    transport: EllipticCurvePrivateKey

    @classmethod
    def generate(cls, seed: bytes | None = None) -> "Keyring":
        """Fresh keys from the operating system's randomness.

        Args:
            seed: for repeatable demonstrations only: whoever knows the seed has the keys.
        """
        seed = os.urandom(32) if seed is None else seed

        def derive(purpose: str) -> bytes:
            return hashlib.sha256(purpose.encode() + b"\0" + seed).digest()

        def scalar(purpose: str) -> int:
            return int.from_bytes(derive(purpose)) % (_SECP256K1_ORDER - 1) + 1

        return cls(
            account=Account.from_key(scalar("account").to_bytes(32)),
            signer=Account.from_key(scalar("signer").to_bytes(32)),
            encryption=X25519PrivateKey.from_private_bytes(derive("encryption")),
            transport=derive_private_key(scalar("transport"), SECP384R1()),
        )

    @cached_property
    def encryption_public(self) -> bytes:
        """X25519 public key, 32 bytes."""
        return self.encryption.public_key().public_bytes_raw()

    @cached_property
    def transport_public(self) -> bytes:
        """The SuperNode's public key as OpenSSH line, the form Flower registers."""
        return self.transport.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )

    @cached_property
    def transport_digest(self) -> bytes:
        """SHA-256 of the SuperNode's public key, as registered on chain."""
        return hashlib.sha256(self.transport_public).digest()

    def save(self, folder: Path, passphrase: str, *, iterations: int = _KDF_ITERATIONS) -> None:
        """Write the keys, readable by their owner only.

        Raises:
            KeysExist: the folder holds keys already; they are left as they are.
        """
        if (folder / "account.json").exists():
            raise KeysExist(
                expected=f"a folder without keys at {folder}",
                found="account.json",
                action="Use the keys that are there, or name another folder.",
            )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        encrypted = serialization.BestAvailableEncryption(passphrase.encode())
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encrypted
        files = {
            "encryption.pem": self.encryption.private_bytes(*pem),
            "transport.pem": self.transport.private_bytes(*pem),
            "transport.pub": self.transport_public,
            "signer.json": _wallet(self.signer, passphrase, iterations),
            "account.json": _wallet(self.account, passphrase, iterations),  # last: marks complete
        }
        for name, data in files.items():
            path = folder / name
            path.touch(mode=0o600)
            path.write_bytes(data)

    @classmethod
    def load(cls, folder: Path, passphrase: str) -> "Keyring":
        """Open the keys.

        Raises:
            MissingKeys: there are none in ``folder``.
            WrongPassphrase: the passphrase does not open them.
        """
        if not (folder / "account.json").exists():
            raise MissingKeys(
                expected=f"a keyring at {folder}",
                found="no account.json",
                action="Make one with `collegium node keygen`.",
            )
        try:
            return cls(
                account=_unlock(folder / "account.json", passphrase),
                signer=_unlock(folder / "signer.json", passphrase),
                encryption=_pem(folder / "encryption.pem", passphrase, X25519PrivateKey),
                transport=_pem(folder / "transport.pem", passphrase, EllipticCurvePrivateKey),
            )
        except ValueError as error:
            raise WrongPassphrase(
                expected=f"the passphrase of the keys at {folder}",
                found=f"one that does not open them ({error})",
                action="Give the right one in COLLEGIUM_PASSPHRASE or at the prompt.",
            ) from None


def _wallet(key: LocalAccount, passphrase: str, iterations: int) -> bytes:
    wallet = Account.encrypt(key.key, passphrase, kdf="pbkdf2", iterations=iterations)
    return json.dumps(wallet, sort_keys=True).encode()


def _unlock(path: Path, passphrase: str) -> LocalAccount:
    return Account.from_key(Account.decrypt(json.loads(path.read_bytes()), passphrase))


def _pem(path: Path, passphrase: str, kind: type[K]) -> K:
    key = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode())
    if not isinstance(key, kind):
        raise ValueError(f"{path.name} holds a {type(key).__name__}")
    return key
