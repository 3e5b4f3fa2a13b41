"""Signatures: standard EIP-712, bound to one contract, in one form."""

import pytest
from eth_account import Account
from eth_account.messages import SignableMessage, encode_typed_data
from hypothesis import given
from hypothesis import strategies as st

from collegium.errors import BadSignature
from collegium.protocol import signing
from collegium.protocol.signing import Domain

KEY = b"\x11" * 32
ACCOUNT = Account.from_key(KEY)
DOMAIN = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
UPDATE = {"round": "uint64", "node": "address", "base": "bytes32", "digest": "bytes32"}
MERGE = {"round": "uint64", "root": "bytes32"}
words = st.binary(min_size=32, max_size=32)


def typed(name: str, fields: dict[str, str], message: dict[str, object]) -> SignableMessage:
    """A message in the form that wallets take (EIP-712)."""
    domain = {
        "name": "Collegium",
        "version": "1",
        "chainId": DOMAIN.chain_id,
        "verifyingContract": DOMAIN.federation,
    }
    types = {name: [{"name": field, "type": kind} for field, kind in fields.items()]}
    return encode_typed_data(domain, types, message)


@given(st.integers(1, 2**64 - 1), words, words)
def test_an_update_is_signed_as_wallets_sign_it(round_id, base, digest):
    message = {"round": round_id, "node": ACCOUNT.address, "base": base, "digest": digest}
    theirs = ACCOUNT.sign_message(typed("Update", UPDATE, message))
    ours = DOMAIN.update_digest(round_id, ACCOUNT.address, base, digest)
    assert ours == bytes(theirs.message_hash)
    assert signing.sign(ours, KEY) == bytes(theirs.signature)


@given(st.integers(1, 2**64 - 1), words)
def test_a_merge_is_signed_as_wallets_sign_it(round_id, root):
    theirs = ACCOUNT.sign_message(typed("Merge", MERGE, {"round": round_id, "root": root}))
    assert DOMAIN.merge_digest(round_id, root) == bytes(theirs.message_hash)


def test_a_signature_is_invalid_elsewhere():
    arguments = (7, ACCOUNT.address, b"b" * 32, b"d" * 32)
    other = "0x" + "11" * 20
    digests = {
        DOMAIN.update_digest(*arguments),
        Domain(1, DOMAIN.federation).update_digest(*arguments),
        Domain(31337, other).update_digest(*arguments),
        DOMAIN.update_digest(8, *arguments[1:]),
        DOMAIN.update_digest(7, other, *arguments[2:]),
        DOMAIN.update_digest(7, ACCOUNT.address, b"x" * 32, b"d" * 32),
        DOMAIN.update_digest(7, ACCOUNT.address, b"b" * 32, b"x" * 32),
        DOMAIN.merge_digest(7, b"b" * 32),
    }
    assert len(digests) == 8


@given(words)
def test_only_the_signer_is_recovered(digest):
    signature = signing.sign(digest, KEY)
    assert signing.recover(digest, signature) == ACCOUNT.address
    signing.verify(digest, signature, ACCOUNT.address)
    with pytest.raises(BadSignature):
        signing.verify(digest, signature, "0x" + "11" * 20)
    with pytest.raises(BadSignature):
        signing.verify(bytes(31) + b"\1", signature, ACCOUNT.address)


@given(words)
def test_the_compact_form_loses_nothing(digest):
    signature = signing.sign(digest, KEY)
    assert len(signing.compact(signature)) == 64
    assert signing.expand(signing.compact(signature)) == signature


def test_the_compact_form_is_that_of_eip_2098():
    """Both parities of v, from the test cases of the EIP."""
    r = "68a020a209d3d56c46f38cc50a33f704f4a9a10a59377f8dd762ac66910e9b90"
    s = "7e865ad05c4035ab5792787d4a0297a43617ae897930a6fe4d822b8faea52064"
    assert signing.compact(bytes.fromhex(r + s + "1b")).hex() == r + s
    r = "9328da16089fcba9bececa81663203989f2df5fe1faa6291a45381c81bd17f76"
    s = "139c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793"
    vs = "939c6d6b623b42da56557e5e734a43dc83345ddfadec52cbe24d0cc64f550793"
    assert signing.compact(bytes.fromhex(r + s + "1c")).hex() == r + vs
    assert signing.expand(bytes.fromhex(r + vs)).hex() == r + s + "1c"


def test_the_second_form_of_a_signature_is_refused():
    """(r, n - s) with the other v is valid on the curve; accepting it would give two signatures."""
    digest = b"\7" * 32
    signature = signing.sign(digest, KEY)
    high = ORDER - int.from_bytes(signature[32:64], "big")
    twin = signature[:32] + high.to_bytes(32, "big") + bytes([55 - signature[64]])
    assert Account._recover_hash(digest, signature=twin) == ACCOUNT.address
    with pytest.raises(BadSignature, match="lower half"):
        signing.recover(digest, twin)


@pytest.mark.parametrize(
    "mangle",
    [
        lambda signature: signature[:-1],
        lambda signature: signature + b"\0",
        lambda signature: b"",
        lambda signature: signature[:64] + bytes([signature[64] - 27]),
        lambda signature: signature[:64] + b"\x1d",
        lambda signature: bytes(32) + signature[32:],
        lambda signature: signature[:32] + bytes(32) + signature[64:],
        lambda signature: b"\xff" * 32 + signature[32:],
    ],
)
def test_mangled_signatures_are_refused(mangle):
    digest = b"\7" * 32
    with pytest.raises(BadSignature):
        signing.recover(digest, mangle(signing.sign(digest, KEY)))
