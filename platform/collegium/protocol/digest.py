"""The two hash functions and the digest that a node commits to.

SHA-256 identifies files and lanes (fast off chain, a precompile on chain). Keccak-256 is Ethereum's
own hash: signatures, the draw, seals and ledger proofs use it.
"""

import hashlib

from eth_utils.crypto import keccak as _keccak

UPDATE_PREFIX = b"\x02"
"""First byte of what update digests hash; the leaves and nodes of trees use 0x00 and 0x01."""


def sha256(*parts: bytes | memoryview) -> bytes:
    """SHA-256 of the parts in sequence, 32 bytes."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
    return state.digest()


def keccak(data: bytes) -> bytes:
    """Keccak-256 as in Ethereum (not NIST SHA-3), 32 bytes."""
    return _keccak(data)


def update_digest(manifest_digest: bytes, lane_root: bytes) -> bytes:
    """What a node commits to: ``SHA256(0x02 ‖ SHA256(manifest) ‖ lane root)``."""
    return sha256(UPDATE_PREFIX, manifest_digest, lane_root)
