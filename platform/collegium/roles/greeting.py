"""Who is at the other end: a node shows that it holds the key it is registered with.

Without this, whoever replies first as "node 3" would receive what is meant for node 3, and could
keep it from voting or being paid.
"""

import secrets

from collegium.errors import BadSignature
from collegium.protocol import signing
from collegium.protocol.digest import keccak
from collegium.protocol.signing import Domain
from collegium.roles.node import Node
from collegium.roles.view import RoundView

CHALLENGE = 32
"""Bytes of a challenge."""


def challenge() -> bytes:
    """Random bytes that nobody has signed before."""
    return secrets.token_bytes(CHALLENGE)


def introduce(node: Node, asked: bytes, peer: int) -> bytes:
    """The node's signature (65 bytes) over a challenge and its own Flower node id."""
    return signing.sign(_message(node.domain, asked, peer), node.keys.signer.key)


def verify(
    domain: Domain, view: RoundView, number: int, asked: bytes, peer: int, signature: bytes
) -> None:
    """Raise BadSignature unless the registered node ``number`` speaks as ``peer``."""
    if number not in view.nodes:
        raise BadSignature(
            expected="the id of a registered node",
            found=str(number),
            action="Register the node, or remove it from the Flower grid.",
        )
    signing.verify(_message(domain, asked, peer), signature, view.nodes[number].signer)


def _message(domain: Domain, asked: bytes, peer: int) -> bytes:
    if len(asked) != CHALLENGE:
        raise BadSignature(
            expected=f"a challenge of {CHALLENGE} bytes",
            found=f"{len(asked)} bytes",
            action="Do not sign it; the server does not follow the protocol.",
        )
    return keccak(b"collegium-hello/1" + domain.separator + asked + peer.to_bytes(8))
