"""Keys open with their passphrase and with no other."""

from pathlib import Path

import pytest

from collegium.errors import KeysExist, MissingKeys, WrongPassphrase
from collegium.workspace.keyring import Keyring, signers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "node"
    Keyring.generate(b"seed").save(folder, "correct horse", iterations=1000)
    return folder


def test_round_trip(folder: Path) -> None:
    made, loaded = Keyring.generate(b"seed"), Keyring.load(folder, "correct horse")
    assert loaded.account.address == made.account.address
    assert loaded.signer.address == made.signer.address
    assert loaded.encryption_public == made.encryption_public
    assert loaded.transport_digest == made.transport_digest


def test_four_different_keys() -> None:
    keys = Keyring.generate(b"seed")
    assert keys.account.address != keys.signer.address
    assert keys.transport_public.startswith(b"ecdsa-sha2-nistp384 ")
    assert Keyring.generate().account.address != Keyring.generate().account.address


def test_wrong_passphrase(folder: Path) -> None:
    with pytest.raises(WrongPassphrase, match="CG301"):
        Keyring.load(folder, "wrong")


def test_no_keys(tmp_path: Path) -> None:
    with pytest.raises(MissingKeys, match="CG305"):
        Keyring.load(tmp_path, "")


def test_keys_are_never_overwritten(folder: Path) -> None:
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(KeysExist, match="CG304"):
        Keyring.generate().save(folder, "other", iterations=1000)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


def test_only_the_owner_can_read(folder: Path) -> None:
    assert all(p.stat().st_mode & 0o077 == 0 for p in folder.glob("*.json"))
    assert all(b"PRIVATE KEY" not in p.read_bytes() for p in folder.glob("*.json"))
    assert b"ENCRYPTED" in (folder / "encryption.pem").read_bytes()


def test_generations_lie_side_by_side(folder: Path, tmp_path: Path) -> None:
    import shutil

    home = Path(shutil.copytree(folder, tmp_path / "keys"))
    first = Keyring.load(home, "correct horse")
    second = first.renewed()
    second.add(home, "correct horse", iterations=1000)
    assert signers(home) == [first.signer.address, second.signer.address]
    assert Keyring.load(home, "correct horse").signer.address == second.signer.address
    again = Keyring.load(home, "correct horse", first.signer.address)
    assert again.encryption_public == first.encryption_public != second.encryption_public
    assert again.account.address == second.account.address
    assert second.transport_digest == first.transport_digest
    assert all(p.stat().st_mode & 0o077 == 0 for p in home.rglob("*.*"))


def test_a_signer_that_is_not_there_is_named(folder: Path) -> None:
    with pytest.raises(MissingKeys, match="0x0000"):
        Keyring.load(folder, "correct horse", "0x" + "00" * 20)
