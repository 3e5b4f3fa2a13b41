"""Every wrong merge is found and proven, no right one is, and no altered proof is valid."""

from dataclasses import replace
from random import Random
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.tampering import tampered

from collegium.errors import BadDispute
from collegium.protocol import codec, merge_proof, packed, state, tree
from collegium.protocol.codec import Encoded
from collegium.protocol.digest import keccak, update_digest
from collegium.protocol.layout import LEAF
from collegium.protocol.merge_proof import Accepted, Leaf, MergeProof
from collegium.protocol.rules.merging import MEAN, MergeRule, Trimmed, merge
from collegium.protocol.rules.shares import EQUAL, SCORE, WEIGHT_RULES
from collegium.protocol.rules.table import numbered

RULES = (MEAN, Trimmed(1), Trimmed(3))
LOWEST, HIGHEST = -(2**31), 2**31 - 1


class Case(NamedTuple):
    """A settled round: the base, the accepted updates, and the merge."""

    rule: MergeRule
    base: state.State
    accepted: list[Accepted]
    merged: state.State

    @property
    def outcome(self) -> bytes:
        return keccak(merge_proof.build(1, (0, 0), self.base, self.merged, self.accepted).accepted)

    def proof(self, proposed: state.State, place: merge_proof.Place | None = None) -> MergeProof:
        place = place or merge_proof.find(self.merged, proposed)
        assert place is not None
        return merge_proof.build(1, place, self.base, proposed, self.accepted)

    def verify(self, proof: MergeProof, proposed: state.State) -> None:
        merge_proof.verify(
            self.rule, proof, state.root(self.base), state.root(proposed), self.outcome
        )


def encoded(rng: np.random.Generator, bits: int, lanes: int, exponent: int) -> Encoded:
    limit = codec.max_code(bits)
    exponents = rng.integers(0, exponent + 1, lanes // 32).astype(np.uint8)
    return Encoded(bits, exponents, rng.integers(-limit, limit + 1, lanes).astype(np.int8))


def make(
    seed: int,
    widths: list[int],
    leaves: int,
    rule: int,
    edge: int,
    exponent: int,
    merging: MergeRule = MEAN,
) -> Case:
    """A round whose weights follow one of the two rules."""
    rng, lanes = np.random.default_rng(seed), leaves * LEAF
    base = rng.integers(-edge, edge, lanes).astype(np.int32)
    credit = [int(value) for value in rng.integers(0, 1000, len(widths))]
    weights = numbered("weight_rule", WEIGHT_RULES, rule)().weights(credit, [True] * len(widths))
    accepted = []
    for i, (bits, weight) in enumerate(zip(widths, weights, strict=True)):
        update, manifest = encoded(rng, bits, lanes, exponent), rng.bytes(32)
        digest = update_digest(manifest, codec.lane_root(update))
        accepted.append(Accepted(i + 1, digest, weight, manifest, update))
    weighty = [(each.weight, each.lanes) for each in accepted if each.weight]
    return Case(merging, base, accepted, merge(merging, base, weighty))


@st.composite
def cases(draw):
    """States in the middle and at the limits of int32, any mixture of widths, both rules."""
    widths = draw(st.lists(st.sampled_from(codec.BITS), min_size=1, max_size=5))
    return make(
        draw(st.integers(0, 2**32)),
        widths,
        leaves=draw(st.integers(1, 5)),
        rule=draw(st.sampled_from([EQUAL, SCORE])),
        edge=draw(st.sampled_from([1000, 2**31])),
        exponent=draw(st.sampled_from([0, 12, 24])),
        merging=draw(st.sampled_from(RULES)),
    )


@given(cases(), st.data())
def test_any_altered_lane_is_found_and_proven(case, data):
    lane = data.draw(st.integers(0, case.base.size - 1))
    proposed = case.merged.copy()
    other = data.draw(st.integers(LOWEST, HIGHEST) | st.sampled_from([LOWEST, 0, HIGHEST]))
    proposed[lane] = other if other != proposed[lane] else proposed[lane] ^ 1
    assert merge_proof.find(case.merged, proposed) == (lane // LEAF, lane % LEAF // 32)
    case.verify(case.proof(proposed), proposed)


@given(cases(), st.data())
def test_a_right_merge_is_never_disproved(case, data):
    assert merge_proof.find(case.merged, case.merged.copy()) is None
    place = data.draw(st.integers(0, case.base.size // LEAF - 1)), data.draw(st.integers(0, 7))
    with pytest.raises(BadDispute) as caught:
        case.verify(case.proof(case.merged, place), case.merged)
    assert (caught.value.refusal, caught.value.values) == ("MergeCorrect", {})


@pytest.mark.parametrize("bits", codec.BITS)
@pytest.mark.parametrize("rule", [EQUAL, SCORE])
def test_every_lane_of_a_leaf_in_every_width_and_rule(bits, rule):
    """With lanes at both ends of int32, so that some of the merge is clamped."""
    case = make(7, [bits, bits, bits], 1, rule, 2**31, 24)
    case.base[::5], case.base[1::5] = HIGHEST, LOWEST
    weighty = [(each.weight, each.lanes) for each in case.accepted]
    case = case._replace(merged=merge(MEAN, case.base, weighty))
    assert {LOWEST, HIGHEST} <= set(case.merged.tolist())
    for lane in range(LEAF):
        proposed = case.merged.copy()
        proposed[lane] ^= 1 << lane % 32 if lane % 32 < 31 else 1
        case.verify(case.proof(proposed), proposed)


def test_the_first_of_several_wrong_blocks_is_found():
    case = make(1, [8], 3, EQUAL, 1000, 3)
    proposed = case.merged.copy()
    proposed[[300, 400, 700]] += 1
    assert merge_proof.find(case.merged, proposed) == (1, 1)


# -- invalid proofs --------------------------------------------------------------------------------


@settings(max_examples=300)
@given(cases(), st.integers(0, 2**32))
def test_no_altered_proof_is_valid(case, seed):
    rng, proposed = Random(seed), case.merged.copy()
    proposed[rng.randrange(proposed.size)] ^= 4
    proof = case.proof(proposed)
    case.verify(proof, proposed)
    with pytest.raises(BadDispute) as caught:
        case.verify(tampered(rng, proof), proposed)
    assert caught.value.refusal in ("WrongOutcome", "WrongBlock", "WrongLeaf", "MergeCorrect")


@given(
    st.builds(
        MergeProof,
        round=st.integers(0, 2**64 - 1),
        leaf=st.integers(0, 2**32 - 1),
        block=st.integers(0, 255),
        base=st.builds(Leaf, st.binary(max_size=1100), st.lists(st.binary(), max_size=40)),
        merged=st.builds(Leaf, st.binary(max_size=1100), st.lists(st.binary(), max_size=40)),
        accepted=st.binary(max_size=80) | st.binary(min_size=36, max_size=36),
        manifests=st.lists(st.binary(), max_size=2),
        updates=st.lists(st.builds(Leaf, st.binary(max_size=300), st.just(())), max_size=2),
    )
)
def test_any_garbage_is_refused_with_a_typed_error(proof):
    for outcome in (bytes(32), keccak(proof.accepted)):
        with pytest.raises(BadDispute):
            merge_proof.verify(MEAN, proof, bytes(32), bytes(32), outcome)


def refusal(case: Case, proof: MergeProof, proposed: state.State) -> tuple[str, int | None]:
    with pytest.raises(BadDispute) as caught:
        case.verify(proof, proposed)
    assert caught.value.code == "CG417"
    return caught.value.refusal, caught.value.values.get("index")


def test_each_error_says_what_is_wrong():
    case = make(3, [8, 4, 2], 3, SCORE, 2**31, 24)
    proposed = case.merged.copy()
    proposed[600] ^= 1
    proof = case.proof(proposed)
    base, updates = proof.base, proof.updates
    for changes, expected in (
        ({"accepted": proof.accepted[:-2] + b"\xff\xff"}, ("WrongOutcome", None)),
        ({"accepted": b""}, ("WrongOutcome", None)),
        ({"manifests": proof.manifests[1:]}, ("WrongOutcome", None)),
        ({"updates": updates[1:]}, ("WrongOutcome", None)),
        ({"block": 8}, ("WrongBlock", None)),
        ({"block": 3}, ("MergeCorrect", None)),
        ({"leaf": 4}, ("WrongLeaf", 0)),
        ({"leaf": 1}, ("WrongLeaf", 0)),
        ({"base": proof.merged}, ("WrongLeaf", 0)),
        ({"base": replace(base, path=base.path * 20)}, ("WrongLeaf", 0)),
        ({"merged": base}, ("WrongLeaf", 1)),
        ({"merged": replace(base, path=())}, ("WrongLeaf", 1)),
        ({"updates": (updates[1], updates[0], updates[2])}, ("WrongLeaf", 2)),
        ({"updates": (*updates[:2], base)}, ("WrongLeaf", 4)),
        ({"manifests": proof.manifests[::-1]}, ("WrongLeaf", 2)),
    ):
        assert refusal(case, replace(proof, **changes), proposed) == expected, changes


def test_an_outcome_without_any_weight_is_refused():
    case = make(3, [8, 4], 1, EQUAL, 1000, 2)
    proposed = case.merged + 1
    case = case._replace(accepted=[replace(each, weight=0) for each in case.accepted])
    assert refusal(case, case.proof(proposed), proposed) == ("WrongOutcome", None)


def test_an_inner_node_is_no_leaf():
    """64 bytes of two hashes in place of a leaf; prefixes and sizes tell them apart."""
    case = make(4, [8], 2, EQUAL, 1000, 2)
    proposed = case.merged.copy()
    proposed[0] += 1
    proof = case.proof(proposed)
    pair = tree.leaf_hash(proof.base.data) + proof.base.path[0]
    fake = replace(proof, base=Leaf(pair, ()), merged=replace(proof.merged, path=()))
    assert refusal(case, fake, proposed) == ("WrongLeaf", 0)


@pytest.mark.parametrize(
    ("bits", "at", "value"),
    [(8, 0, 25), (8, 8, 0x80), (4, 0, 255), (4, 8, 0x8F), (2, 0, 25), (2, 15, 0b00_01_10_11)],
)
def test_an_update_outside_its_format_proves_nothing(bits, at, value):
    """Otherwise a node could commit such codes and get honest nodes slashed for omitting them."""
    case = make(5, [bits], 1, EQUAL, 1000, 2)
    proposed = case.merged.copy()
    proposed[0] += 1
    data = bytearray(case.proof(proposed).updates[0].data)
    data[at] = value
    (update,) = case.accepted
    digest = update_digest(update.manifest, tree.leaf_hash(bytes(data)))
    case = case._replace(accepted=[replace(update, digest=digest)])
    proof = replace(case.proof(proposed), updates=(Leaf(bytes(data), ()),))
    assert proof.accepted == packed.pack_updates([(1, digest)]) + b"\0\1"
    assert refusal(case, proof, proposed) == ("WrongLeaf", 2)


def test_a_proof_survives_its_call():
    case = make(6, [8, 2], 2, EQUAL, 1000, 2)
    proof = case.proof(case.merged, (1, 5))
    assert MergeProof.from_call(proof.to_call()) == proof
    assert list(proof.to_call()) == list(MergeProof.__dataclass_fields__)
