"""Greeting: a node proves that it has the key that it is registered with.

Without this, the first to reply as "node 3" would receive what is meant for node 3, and could
prevent it from voting or being paid.
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
    """32 random bytes, so that no earlier signature can be replayed."""
    return secrets.token_bytes(CHALLENGE)


def introduce(node: Node, asked: bytes, peer: int) -> bytes:
    """The node's signature (65 bytes) over a challenge and its own Flower node id.

    Raises:
        BadSignature: the challenge is not 32 bytes long.
    """
    return signing.sign(_message(node.domain, asked, peer), node.keys.signer.key)


def verify(
    domain: Domain, view: RoundView, number: int, asked: bytes, peer: int, signature: bytes
) -> None:
    """Raise BadSignature unless the registered node ``number`` signed as Flower node ``peer``."""
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
    # A prefix of its own, so that no other signature of the node can be taken for a greeting.
    return keccak(b"collegium-hello/1" + domain.separator + asked + peer.to_bytes(8))
