"""Envelopes that only the committee of a round can open.

The content is encrypted once under a fresh key; that key is wrapped for every reader with HPKE
(RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305). ``context``
names the federation, round and update. It is bound to both layers, so that an envelope cannot be
presented as that of another round or node.
"""

import json
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from collegium.errors import BadContainer, CannotOpen, Oversized
from collegium.protocol.delivery import MAX_HEADER, split_envelope

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
_NONCE = bytes(12)  # a constant is safe: every content key encrypts one message


def seal(content: bytes, readers: Mapping[int, bytes], context: bytes) -> bytes:
    """Encrypt ``content`` for ``readers``.

    Args:
        content: the bytes to protect.
        readers: node id to X25519 public key (32 bytes).
        context: names the update in the envelope; opening needs the same bytes.

    Returns:
        One JSON line with the wrapped keys (hex, by node id), then the ciphertext.
    """
    key = secrets.token_bytes(32)
    wrapped = {
        str(node): _SUITE.encrypt(key, X25519PublicKey.from_public_bytes(public), context).hex()
        for node, public in sorted(readers.items())
    }
    header = json.dumps({"version": 1, "keys": wrapped}, sort_keys=True, separators=(",", ":"))
    return header.encode() + b"\n" + ChaCha20Poly1305(key).encrypt(_NONCE, content, context)


def open_sealed(
    envelope: bytes, node: int, private: X25519PrivateKey, context: bytes, limit: int
) -> bytes:
    """Decrypt an envelope as reader ``node``.

    Args:
        limit: largest number of content bytes; a longer envelope is rejected before it is parsed.

    Raises:
        Oversized: the envelope is longer than ``limit`` allows.
        BadContainer: it is not an envelope.
        CannotOpen: it is not sealed to this key, was altered, or has another context.
    """
    if len(envelope) > limit + MAX_HEADER:
        raise Oversized(
            expected=f"at most {limit} bytes in an envelope",
            found=f"{len(envelope)} bytes",
            action="Score the update as invalid.",
        )
    keys, body = split_envelope(envelope)
    try:
        wrapped = bytes.fromhex(keys[str(node)])
    except KeyError:
        raise CannotOpen(
            expected=f"a content key wrapped for node {node}",
            found="none in the envelope",
            action="Score the update as invalid: its sender left this reader out.",
        ) from None
    except (ValueError, TypeError) as error:
        raise BadContainer(
            expected="a JSON line with the wrapped keys, then the ciphertext",
            found=f"{type(error).__name__}: {error}",
            action="Score the update as invalid.",
        ) from None
    try:
        key = _SUITE.decrypt(wrapped, private, context)
        return ChaCha20Poly1305(key).decrypt(_NONCE, body, context)
    except (InvalidTag, ValueError):
        raise CannotOpen(
            expected="an envelope for this key, round and update",
            found="bytes that do not decrypt",
            action="Check that the key is the one registered for this round; "
            "otherwise score the update as invalid.",
        ) from None
