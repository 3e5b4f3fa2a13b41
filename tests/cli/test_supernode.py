"""``collegium node start``: what Flower's SuperNode is given, and what keeps it from starting."""

import datetime
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.support.passphrase import PASSPHRASE

from collegium.errors import LeftNode, WrongPassphrase
from collegium.flower.supernode import prepare
from collegium.workspace.keyring import Keyring

from .conftest import Run


@pytest.fixture
def home(folder: Path, run: Run) -> Path:
    """A node of the copied run: its settings name the chain of the copy."""
    home = folder / "nodes" / "trauma"
    done = run(
        "node", "register", "--home", home, "--data", folder / "data" / "trauma",
        "--challenge", folder / "data" / "challenge", "--dir", folder,
    )  # fmt: skip
    assert done.code == 0
    return home


def test_the_key_is_handed_over_in_memory(home: Path) -> None:
    launch = prepare(home, PASSPHRASE, "127.0.0.1:9092", ["--port", "9100"])
    assert launch.node == 2 and launch.arguments[-2:] == ["--port", "9100"]
    assert f'collegium-home="{home}"' in launch.arguments
    assert PASSPHRASE not in " ".join(launch.arguments)
    handed = Path(launch.arguments[launch.arguments.index("--auth-supernode-private-key") + 1])
    key = serialization.load_ssh_private_key(handed.read_bytes(), None)
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    assert public == Keyring.load(home / "keys", PASSPHRASE).transport_public
    assert not any(b"OPENSSH PRIVATE" in p.read_bytes() for p in home.rglob("*") if p.is_file())


def test_without_tls_flower_takes_no_key(home: Path) -> None:
    launch = prepare(home, PASSPHRASE, "127.0.0.1:9092", ["--insecure"])
    assert "--auth-supernode-private-key" not in launch.arguments


def test_a_node_that_cannot_take_part(folder: Path, home: Path, run: Run) -> None:
    with pytest.raises(WrongPassphrase):
        prepare(home, "wrong", "127.0.0.1:9092", [])
    assert run("node", "revoke", "2", "--dir", folder).code == 0
    with pytest.raises(LeftNode):
        prepare(home, PASSPHRASE, "127.0.0.1:9092", [])
    done = run("node", "start", "--home", home, "--superlink", "127.0.0.1:9092", "--json")
    assert done.code == 1 and done.json["error"]["code"] == "CG303"


def test_flower_starts_with_it(home: Path, tmp_path: Path) -> None:
    """The real SuperNode takes key and options, and tries to reach its SuperLink."""
    authority, log = tmp_path / "ca.crt", tmp_path / "log"
    authority.write_bytes(_certificate())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [
        sys.executable, "-m", "collegium.cli", "node", "start", "--home", str(home),
        "--superlink", "127.0.0.1:1", "--root-certificates", str(authority), "--port", port,
    ]  # fmt: skip
    quiet = {"FLWR_HOME": str(tmp_path), "FLWR_TELEMETRY_ENABLED": "0"}
    environment = os.environ | quiet
    with log.open("wb") as output:
        started = subprocess.Popen(
            command, stdout=output, stderr=output, env=environment, start_new_session=True
        )
        try:
            deadline = time.monotonic() + 40
            while started.poll() is None and time.monotonic() < deadline:
                if "Uvicorn running" in log.read_text():
                    break
                time.sleep(0.1)
            assert started.poll() is None, log.read_text()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()
    said = log.read_text()
    assert "node 2 starts" in said and f"127.0.0.1:{port}" in said
    assert "Unable to parse" not in said and "usage:" not in said


def _certificate() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)
