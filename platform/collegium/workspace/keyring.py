"""A node's four keys, encrypted on disk under one passphrase.

``account`` owns the registration and receives pay; ``signer`` signs updates and votes;
``encryption`` opens what is sealed to the node; ``transport`` is the key of its Flower SuperNode.
The two secp256k1 keys are Web3 Secret Storage files (the format that Ethereum wallets read), the
others PKCS#8 PEM. A file is written once and never overwritten: a rotation adds a folder ``2``,
``3``, … with the new hot keys. The chain says which signer is valid in a round, and the signer
identifies the folder, so no crash between disk and chain can lose a key or use the wrong one.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    derive_private_key,
)
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from collegium.errors import KeysExist, MissingKeys, WrongPassphrase
from collegium.workspace.names import ACCOUNT, PASSPHRASE

_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_ENCRYPTION, _SIGNER, _TRANSPORT = "encryption.pem", "signer.json", "transport.pem"
_KDF_ITERATIONS = 262_144  # PBKDF2 rounds of the wallet files, as in the format's examples


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
            seed: for repeatable demonstrations only: anyone who knows the seed has the keys.
        """
        seed = os.urandom(32) if seed is None else seed

        # One seed, and an independent key for each purpose.
        def derive(purpose: str) -> bytes:
            return hashlib.sha256(purpose.encode() + b"\0" + seed).digest()

        # A private key is a number from 1 to the order - 1; such a number is valid for P-384, too.
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
        """The SuperNode's public key as an OpenSSH line, the form that Flower registers."""
        return self.transport.public_key().public_bytes(
            serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
        )

    @cached_property
    def transport_digest(self) -> bytes:
        """SHA-256 of the SuperNode's public key, 32 bytes, as registered on chain."""
        return hashlib.sha256(self.transport_public).digest()

    def save(self, folder: Path, passphrase: str, *, iterations: int = _KDF_ITERATIONS) -> None:
        """Write the keys, readable by their owner only.

        Raises:
            KeysExist: the folder already has keys; they are not changed.
        """
        if (folder / ACCOUNT).exists():
            raise KeysExist(
                expected=f"a folder without keys at {folder}",
                found=ACCOUNT,
                action="Use these keys, or pass another folder.",
            )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(folder, self._hot_files(passphrase, iterations, transport=True))
        account = _wallet(self.account, passphrase, iterations)
        _write(folder, {ACCOUNT: account})  # last: marks the folder as complete

    def renewed(self, *, transport: bool = False) -> "Keyring":
        """The same account with a new signer and encryption key, and transport key if asked for."""
        fresh = Keyring.generate()
        kept = self.transport if not transport else fresh.transport
        return replace(fresh, account=self.account, transport=kept)

    def add(
        self,
        folder: Path,
        passphrase: str,
        *,
        transport: bool = False,
        iterations: int = _KDF_ITERATIONS,
    ) -> None:
        """Write the hot keys as a new generation below ``folder``, in one step.

        Args:
            transport: whether the transport key is new, too.
        """
        target = folder / str(len(_generations(folder)) + 1)
        partial = target.with_name(f"{target.name}.partial")
        # A rotation that was interrupted before its keys were complete; nothing uses them.
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        _write(partial, self._hot_files(passphrase, iterations, transport=transport))
        partial.rename(target)

    @classmethod
    def load(cls, folder: Path, passphrase: str, signer: str | None = None) -> "Keyring":
        """Open the keys.

        Args:
            signer: address of the signer to open, with the keys of its generation; by default the
                newest on disk.

        Raises:
            MissingKeys: there are none in ``folder``, or none with this signer.
            WrongPassphrase: the passphrase does not open them.
        """
        if not (folder / ACCOUNT).exists():
            raise MissingKeys(
                expected=f"a keyring at {folder}",
                found=f"no {ACCOUNT}",
                action="Create one with `collegium node keygen`.",
            )
        known = _generations(folder)
        addresses = signers(folder)
        if signer is not None and signer not in addresses:
            raise MissingKeys(
                expected=f"the keys of signer {signer}, as on the chain, at {folder}",
                found=f"those of {', '.join(addresses)}",
                action="Run the node from the folder in which its keys were rotated.",
            )
        last = len(known) - 1 if signer is None else addresses.index(signer)
        # A generation has a transport key only if that was renewed, too.
        transport = next(p for p in reversed(known[: last + 1]) if (p / _TRANSPORT).exists())
        try:
            account = _unlock(folder / ACCOUNT, passphrase)
            hot = _unlock(known[last] / _SIGNER, passphrase)
            opener = _pem(known[last] / _ENCRYPTION, passphrase)
            carrier = _pem(transport / _TRANSPORT, passphrase)
            if not isinstance(opener, X25519PrivateKey):
                raise ValueError(f"{_ENCRYPTION} contains a {type(opener).__name__}")
            if not isinstance(carrier, EllipticCurvePrivateKey):
                raise ValueError(f"{_TRANSPORT} contains a {type(carrier).__name__}")
            return cls(account, hot, opener, carrier)
        except ValueError as error:
            raise WrongPassphrase(
                expected=f"the passphrase of the keys at {folder}",
                found=f"one that does not open them ({error})",
                action=f"Give the right one in {PASSPHRASE} or at the prompt.",
            ) from None

    def _hot_files(self, passphrase: str, iterations: int, *, transport: bool) -> dict[str, bytes]:
        encrypted = serialization.BestAvailableEncryption(passphrase.encode())
        pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encrypted
        files = {
            _ENCRYPTION: self.encryption.private_bytes(*pem),
            _SIGNER: _wallet(self.signer, passphrase, iterations),
        }
        if transport:
            files[_TRANSPORT] = self.transport.private_bytes(*pem)
            files["transport.pub"] = self.transport_public
        return files


def signers(folder: Path) -> list[str]:
    """Addresses of all signers in a folder, oldest first; no passphrase is needed."""
    wallets = [json.loads((p / _SIGNER).read_bytes()) for p in _generations(folder)]
    return [to_checksum_address(wallet["address"]) for wallet in wallets]


def _generations(folder: Path) -> list[Path]:
    """Folders of the hot keys, oldest first: the folder itself, then ``2``, ``3``, …"""
    found, number = [folder], 2
    while (folder / str(number)).is_dir():
        found.append(folder / str(number))
        number += 1
    return found


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files that only their owner can read, and flush them to the disk."""
    for name, data in files.items():
        path = folder / name
        path.touch(mode=0o600)  # before there is anything to read
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _wallet(key: LocalAccount, passphrase: str, iterations: int) -> bytes:
    wallet = Account.encrypt(key.key, passphrase, kdf="pbkdf2", iterations=iterations)
    return json.dumps(wallet, sort_keys=True).encode()


def _unlock(path: Path, passphrase: str) -> LocalAccount:
    key = Account.decrypt(json.loads(path.read_bytes()), passphrase)
    account: LocalAccount = Account.from_key(key)
    return account


def _pem(path: Path, passphrase: str) -> PrivateKeyTypes:
    return serialization.load_pem_private_key(path.read_bytes(), passphrase.encode())
