"""A node as a Flower SuperNode: the command to run it, without an unencrypted key on disk.

Flower reads the transport key from an unencrypted file. Here that file exists in memory only, and
Flower gets its descriptor. The passphrase in the environment, which the ClientApp's process
inherits, opens the node's other keys.
"""

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from collegium.consortium.joining import require_active
from collegium.errors import MissingKeys
from collegium.roles.node import Node
from collegium.workspace.home import opening_keys
from collegium.workspace.keyring import Keyring
from collegium.workspace.names import PASSPHRASE

_PROGRAM = "flower-supernode"


@dataclass(frozen=True)
class Launch:
    """A process to start: the arguments of :func:`os.execve`.

    Attributes:
        node: id of the node.
        program: path of Flower's SuperNode.
        arguments: its command line, the program's name first.
        environment: its environment variables.
    """

    node: int
    program: str
    arguments: list[str]
    environment: dict[str, str]


def prepare(home: Path, passphrase: str, superlink: str, more: list[str]) -> Launch:
    """Check that a node can take part, and return the command that starts it.

    Args:
        home: folder of the node.
        passphrase: of the node's keys.
        superlink: HOST:PORT of the SuperLink.
        more: further arguments of ``flower-supernode``.

    Raises:
        MissingKeys, WrongPassphrase, ChainUnreachable, ModelMismatch, UnregisteredNode: see
            :meth:`.node.Node.open`.
        LeftNode: the node has left the federation.
    """
    with opening_keys(passphrase):
        node = Node.open(home)
    require_active(node.federation, node.id)
    arguments = [
        _PROGRAM,
        "--superlink",
        superlink,
        *_identity(node.keys, more),
        "--node-config",
        f'collegium-home="{home.resolve()}"',
        *more,
    ]
    folder = str(Path(sys.executable).parent)
    path = folder + os.pathsep + os.environ.get("PATH", "")  # Flower starts other programs by name
    program = shutil.which(_PROGRAM, path=path)
    if program is None:
        raise MissingKeys(
            expected=f"{_PROGRAM} beside {sys.executable} or on the PATH",
            found="no such program",
            action="Install Flower (flwr) into the environment of this command.",
        )
    return Launch(node.id, program, arguments, {**os.environ, PASSPHRASE: passphrase, "PATH": path})


def _identity(keys: Keyring, more: list[str]) -> list[str]:
    """Options that authenticate the node to the SuperLink; Flower does that over TLS only."""
    if "--insecure" in more:
        return []
    return ["--auth-supernode-private-key", _in_memory(keys)]


def _in_memory(keys: Keyring) -> str:
    """Path of a file in memory with the transport key, for a process that inherits it."""
    data = keys.transport.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("transport", 0)
    else:  # not on Linux: a temporary file without a name
        descriptor = os.dup(tempfile.TemporaryFile().fileno())  # noqa: SIM115
    os.write(descriptor, data)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.set_inheritable(descriptor, True)
    return f"/dev/fd/{descriptor}"
