"""Only a reader opens an envelope, and only as what it is."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from collegium.errors import BadContainer, CannotOpen, CollegiumError, Oversized
from collegium.store.sealed import open_sealed, seal

ALICE, BOB, EVE = (X25519PrivateKey.from_private_bytes(bytes([i]) * 32) for i in (1, 2, 3))
READERS = {1: ALICE.public_key().public_bytes_raw(), 2: BOB.public_key().public_bytes_raw()}
ENVELOPE = seal(b"update", READERS, b"round 1")


@pytest.mark.parametrize(("node", "key"), [(1, ALICE), (2, BOB)])
def test_every_reader_opens(node: int, key: X25519PrivateKey) -> None:
    assert open_sealed(ENVELOPE, node, key, b"round 1", limit=100) == b"update"


@pytest.mark.parametrize(
    ("node", "key", "context"),
    [(3, EVE, b"round 1"), (1, EVE, b"round 1"), (1, ALICE, b"round 2"), (2, ALICE, b"round 1")],
)
def test_nobody_else_does(node: int, key: X25519PrivateKey, context: bytes) -> None:
    with pytest.raises(CannotOpen, match="CG410"):
        open_sealed(ENVELOPE, node, key, context, limit=100)


def test_content_is_not_in_the_envelope() -> None:
    assert b"update" not in ENVELOPE


def test_oversized_envelope_is_refused_unread() -> None:
    with pytest.raises(Oversized):
        open_sealed(b"{" * 10**6, 1, ALICE, b"", limit=10)


@pytest.mark.parametrize(
    "bad", [b"", b"\n", b"[]\n", b"[" * 5000, b'{"keys":{"1":"zz"}}\n', b"\xff"]
)
def test_malformed_envelopes(bad: bytes) -> None:
    with pytest.raises(BadContainer):
        open_sealed(bad, 1, ALICE, b"", limit=100)


@settings(max_examples=100)
@given(st.integers(0, len(ENVELOPE) - 1), st.integers(1, 255))
def test_any_altered_byte_is_noticed(position: int, flip: int) -> None:
    altered = bytearray(ENVELOPE)
    altered[position] ^= flip
    try:
        assert open_sealed(bytes(altered), 1, ALICE, b"round 1", limit=100) == b"update"
        assert position < ENVELOPE.index(b"\n")  # only another reader's key or the version changed
    except CollegiumError:
        pass
