"""Hostile bytes that a node delivers in place of the update that it committed to.

Every case is sealed properly and delivered. The validator must report it, reject it and go on. No
case can cost more memory or time than the layout allows: sizes are checked before parsing.
"""

import json
import pickle
import time
from collections.abc import Callable

import numpy as np
import pytest
from tests.support.by_hand import ByHand
from tests.support.world import LAYOUT

from collegium.errors import BlobCorrupt, BlobMissing
from collegium.protocol import state
from collegium.protocol.container import encode_state
from collegium.protocol.delivery import update_limit
from collegium.protocol.settlement import INVALID
from collegium.roles import aggregator
from collegium.store.states import find_state

ATTACKER = 5


@pytest.fixture
def drawn(played: Callable[..., ByHand]) -> ByHand:
    """All have committed and delivered honestly; the attacker then delivers something else."""
    return played("deliver")


def file_of(hand: ByHand) -> bytes:
    """The attacker's file before it is altered."""
    data = hand.nodes[ATTACKER].home.journal(1).read("update.safetensors")
    assert data is not None
    return data


def member(hand: ByHand) -> int:
    """A committee member other than the attacker."""
    return next(n for n in hand.view.committee if n != ATTACKER)


def judge(hand: ByHand) -> tuple[int, list[str]]:
    """Score and findings of the attacker's update by a member of the committee."""
    made = hand.score(member(hand))
    scores = dict(zip((u.node for u in hand.view.updates), made.scores, strict=True))
    others = [s for n, s in scores.items() if n not in (ATTACKER, member(hand))]
    assert all(score > 10_000 for score in others)  # honest updates are scored as usual
    return scores[ATTACKER], [f.code for f in made.findings[ATTACKER]]


def parts(file: bytes) -> tuple[dict, bytes]:
    """Header and body of a safetensors file."""
    length = int.from_bytes(file[:8], "little")
    return json.loads(file[8 : 8 + length]), file[8 + length :]


def build(header: dict | bytes, body: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def with_header(change: Callable[[dict], object]) -> Callable[[bytes], bytes]:
    """Builds a file with a changed header."""

    def forge(file: bytes) -> bytes:
        header, body = parts(file)
        change(header)
        return build(header, body)

    return forge


def floats(file: bytes) -> bytes:
    """Float lanes with a NaN, which a careless implementation would average."""
    header, _ = parts(file)
    lanes = np.full(LAYOUT.padded, np.nan, "<f4").tobytes()
    header["codes"] = {"dtype": "F32", "shape": [LAYOUT.padded], "data_offsets": [0, len(lanes)]}
    del header["exponents"]
    return build(header, lanes)


def exponents(value: int) -> Callable[[bytes], bytes]:
    def forge(file: bytes) -> bytes:
        header, body = parts(file)
        start, end = header["exponents"]["data_offsets"]
        return build(header, body[:start] + bytes([value]) * (end - start) + body[end:])

    return forge


def code_at(index: int, value: int) -> Callable[[bytes], bytes]:
    def forge(file: bytes) -> bytes:
        header, body = parts(file)
        at = header["codes"]["data_offsets"][0] + index
        return build(header, body[:at] + bytes([value]) + body[at + 1 :])

    return forge


def manifest(change: Callable[[str], str]) -> Callable[[bytes], bytes]:
    def edit(header: dict) -> None:
        header["__metadata__"]["manifest"] = change(header["__metadata__"]["manifest"])

    return with_header(edit)


def duplicate_key(file: bytes) -> bytes:
    header, body = parts(file)
    text = json.dumps(header)[:-1] + ',"codes":' + json.dumps(header["codes"]) + "}"
    return build(text.encode(), body)


class _Exploit:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        return (raise_alarm, ())


def raise_alarm() -> None:
    raise AssertionError("a delivered file was executed")


MALFORMED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda f: b"", "container"),
    "rubbish": (lambda f: b"\xff" * 900, "container"),
    "a pickle that runs code": (lambda f: pickle.dumps(_Exploit()), "container"),
    "truncated header": (lambda f: f[:100], "container"),
    "truncated tensors": (lambda f: f[:-1], "container"),
    "bytes behind the end": (lambda f: f + b"\x00", "container"),
    "header length beyond memory": (lambda f: b"\xff" * 8 + f[8:], "container"),
    "header length of zero": (lambda f: bytes(8) + f[8:], "container"),
    "header of deep nesting": (lambda f: build(b"[" * 30_000, b""), "container"),
    "header is no object": (lambda f: build(b"[1, 2]", b""), "container"),
    "a key twice": (duplicate_key, "container"),
    "another tensor": (with_header(lambda h: h.update(x=h["codes"])), "container"),
    "overlapping tensors": (
        with_header(lambda h: h["exponents"].update(data_offsets=[0, 16])),
        "container",
    ),
    "negative offsets": (
        with_header(lambda h: h["codes"].update(data_offsets=[-512, 0])),
        "container",
    ),
    "a shape beyond memory": (with_header(lambda h: h["codes"].update(shape=[2**62])), "container"),
    "floats with NaN": (floats, "container"),
    "no signature": (with_header(lambda h: h["__metadata__"].pop("signature")), "container"),
    "larger than any update": (lambda f: f + bytes(update_limit(LAYOUT) - len(f)), "oversized"),
    "an exponent beyond the format": (exponents(25), "codes"),
    "the forbidden code": (code_at(3, 0x80), "codes"),
    "a value in the padding": (code_at(LAYOUT.lanes, 1), "codes"),
    "manifest with a space": (manifest(lambda m: m.replace(":", ": ", 1)), "manifest-form"),
    "manifest with NaN": (manifest(lambda m: m.replace("60", "NaN")), "manifest-form"),
    "manifest of deep nesting": (manifest(lambda m: "[" * 6_000), "manifest-form"),
    "manifest without a field": (
        manifest(lambda m: m.replace('"bits":8,', "")),
        "manifest-form",
    ),
    "one lane altered": (code_at(0, 0x55), "lane-root"),
    "other samples declared": (manifest(lambda m: m.replace("60", "61")), "digest"),
    "other bits declared": (manifest(lambda m: m.replace('"bits":8', '"bits":4')), "bits"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_file(drawn: ByHand, what: str) -> None:
    """A malformed, truncated or oversized file, or one with NaN, is reported and INVALID."""
    forge, code = MALFORMED[what]
    drawn.smuggle(ATTACKER, forge(file_of(drawn)))
    started = time.process_time()
    score, found = judge(drawn)
    assert score == INVALID and code in found
    assert time.process_time() - started < 2.0


@pytest.mark.parametrize("size", [100_000, 5_000_000])
def test_oversized_envelope(drawn: ByHand, size: int) -> None:
    """Oversized: rejected by its length, before anything is decrypted or parsed."""
    drawn.envelopes[ATTACKER] = drawn.envelopes[ATTACKER] + bytes(size)
    assert judge(drawn) == (INVALID, ["missing"])


ENVELOPES: dict[str, Callable[[ByHand], bytes]] = {
    "rubbish": lambda hand: b"\x00" * 500,
    "no JSON": lambda hand: b"{" * 5_000 + b"\n",
    "an envelope of another node": lambda hand: hand.envelopes[1],
    "ciphertext altered": lambda hand: hand.envelopes[ATTACKER][:-1] + b"\x00",
    "cut off": lambda hand: hand.envelopes[ATTACKER][: len(hand.envelopes[ATTACKER]) // 2],
}


@pytest.mark.parametrize("what", ENVELOPES)
def test_an_envelope_that_does_not_open_was_not_delivered(drawn: ByHand, what: str) -> None:
    """A malformed envelope counts as not delivered."""
    drawn.envelopes[ATTACKER] = ENVELOPES[what](drawn)
    assert judge(drawn) == (INVALID, ["missing"])


def test_withheld_bytes(drawn: ByHand) -> None:
    """Withheld bytes: the node commits, waits for the others, and never delivers."""
    world = drawn.world
    del drawn.envelopes[ATTACKER]
    for number in (n for n in drawn.view.committee if n != ATTACKER):
        drawn.vote(number)
    if ATTACKER in drawn.view.committee:
        drawn.world.pass_deadline()
    for number in (n for n in drawn.view.committee if n != ATTACKER):
        drawn.reveal(number)
    if drawn.view.phase == "Reveal":
        drawn.world.pass_deadline()
    drawn.settle()
    assert world.scores(1)[ATTACKER] == INVALID and world.pays(1)[ATTACKER] == 0
    assert all(pay > 0 for node, pay in world.pays(1).items() if node != ATTACKER)


def partly_delivered(hand: ByHand, count: int) -> tuple[int, list[int]]:
    """A settled round in which only ``count`` members, not the aggregator, can read one update.

    Returns:
        The node that withholds, and the members that can read its update.
    """
    view = hand.view
    attacker = next(n for n in hand.nodes if n not in view.readers())
    friends = [n for n in view.committee if n != view.aggregator][:count]
    data = hand.nodes[attacker].home.journal(1).read("update.safetensors")
    assert data is not None
    hand.smuggle(attacker, data, friends)
    hand.play("settle", "deliver")
    return attacker, friends


def test_bytes_for_one_member_only(played: Callable[..., ByHand]) -> None:
    """Withheld bytes: delivered only to an accomplice in the committee."""
    hand = played("draw")
    attacker, _ = partly_delivered(hand, 1)
    assert hand.world.scores(1)[attacker] == INVALID


def test_bytes_for_all_but_the_aggregator_do_not_stop_the_merge(
    played: Callable[..., ByHand],
) -> None:
    """Withheld bytes: accepted by a majority, but the aggregator cannot read them.

    After the aggregator's deadline a node that can read them merges, and the round continues.
    """
    hand = played("draw")
    attacker, friends = partly_delivered(hand, 2)
    assert hand.world.weights(1)[attacker] > 0
    with pytest.raises(BlobMissing, match=f"node {attacker},"):
        hand.propose()
    view, friend = hand.world.pass_deadline(), hand.nodes[friends[0]]
    hand.merged = aggregator.merged(friend, view, hand.file, hand.envelopes)
    aggregator.propose(friend, view, hand.merged)
    hand.attest(*friends)
    hand.finish()
    assert hand.view.phase == "Final"


# -- the store -----------------------------------------------------------------------------------


def test_store_serving_wrong_bytes(played: Callable[..., ByHand]) -> None:
    """Store serving wrong bytes: a state with one altered lane is rejected."""
    hand = played("finish")
    world = hand.world
    root = world.federation.state_root()
    name = world.store.put(encode_state(hand.merged))
    path = world.folder / "store" / name[:2] / name
    altered = hand.merged.copy()
    altered[0] += 1
    path.write_bytes(encode_state(altered))
    with pytest.raises(BlobCorrupt):
        world.store.get(name)
    with pytest.raises(BlobMissing):
        find_state(world.store, LAYOUT, root)
    path.write_bytes(encode_state(hand.merged))
    assert state.root(find_state(world.store, LAYOUT, root)) == root
