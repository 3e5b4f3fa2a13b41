"""Write the test vectors that Python and Solidity both answer to.

``python -m tests.vectors.make`` rewrites the JSON files beside it from the reference model; a test
fails when they are out of date. Bytes are 0x-hexadecimal, integers beyond 2^53 decimal strings.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from tests.support.terms import WINDOWS, terms

from collegium.protocol import (
    codec,
    draw,
    ledger,
    merge_proof,
    packed,
    settlement,
    signing,
    state,
    tree,
    verdict,
)
from collegium.protocol.codec import Encoded
from collegium.protocol.digest import keccak, sha256, update_digest
from collegium.protocol.merge_proof import Accepted, Leaf, MergeProof
from collegium.protocol.rules.merging import MEAN, MergeRule, Trimmed, merge
from collegium.protocol.rules.shares import EQUAL, SCORE
from collegium.protocol.settlement import INVALID

FOLDER = Path(__file__).parent
FEDERATION = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
EXTREMES = [INVALID, INVALID + 1, -1, 0, 1, 2**31 - 1]


class Stream:
    """Numbers that look random and are the same with every version of every library."""

    def __init__(self) -> None:
        self.count = 0

    def bytes(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            self.count += 1
            data += sha256(self.count.to_bytes(8, "big"))
        return data[:size]

    def integer(self, low: int, high: int) -> int:
        """From ``low`` up to, but without, ``high``."""
        return low + int.from_bytes(self.bytes(16), "big") % (high - low)

    def integers(self, low: int, high: int, count: int) -> np.ndarray:
        return np.array([self.integer(low, high) for _ in range(count)])

    def sample(self, items: Sequence[Any], count: int) -> list[Any]:
        left = list(items)
        return [left.pop(self.integer(0, len(left))) for _ in range(count)]


def build() -> dict[str, list[dict[str, Any]]]:
    """Every vector file by name."""
    stream = Stream()
    files: dict[str, list[dict[str, Any]]] = {
        "settlement": [settlement_case(stream, number) for number in range(40)],
        "draw": [draw_case(stream, number) for number in range(30)],
        "ledger": [ledger_case(stream, count) for count in (0, 1, 2, 3, 4, 5, 8, 13, 100)],
        "tree": [tree_case(stream, count) for count in (1, 2, 3, 4, 7)],
        "signing": [signing_case(stream) for _ in range(10)],
        "merge": [merge_case(MEAN, stream, number) for number in range(12)],
        "dispute": [
            *(dispute_case(MEAN, stream, number) for number in range(12)),
            *refused_cases(stream),
        ],
    }
    for number in range(12):
        rule = Trimmed(number // 4 + 1)
        files["merge"].append(merge_case(rule, stream, number))
        files["dispute"].append(dispute_case(rule, stream, number))
        files["dispute"].append(right_case(rule, stream, number))
    for number in range(20):
        files["settlement"].append(settlement_case(stream, number, pay_rule=EQUAL))
    return files


def settlement_case(stream: Stream, number: int, **rules: int) -> dict[str, Any]:
    updates, slots = stream.integer(1, 12), stream.integer(1, 8)
    owners = stream.sample(range(1, 16), updates)
    members = stream.sample(range(1, 16), slots)
    true = stream.integers(-200, 1000, updates)
    votes = [
        None if number and stream.integer(0, 100) < 15 else _votes(stream, true, number)
        for _ in range(slots)
    ]
    node, validator = ((8500, 1000), (10_000, 0), (0, 10_000), (3333, 3333))[number % 4]
    agreed = terms(
        reward=[10**21, 2**96 - 1, 7, 0, 10**6][number % 5],
        stake=0,
        node_share=node,
        validator_share=validator,
        aggregator_share=10_000 - node - validator,
        committee=slots,
        min_updates=1,
        min_score=[-50, 0, 100, INVALID + 1][(number + number // 4) % 4],  # meets every split
        weight_rule=SCORE if number % 2 else EQUAL,
        **dict.fromkeys(WINDOWS, 1),
        **rules,
    )
    result = settlement.settle(agreed, owners, members, votes)
    committed = [(id, stream.bytes(32)) for id in owners]
    before = [int(total) for total in stream.integers(0, 2**40, 15)]
    after = list(before)
    for id, pay in zip(owners + members, result.node_pays + result.validator_pays, strict=True):
        after[id - 1] += pay
    return {
        "terms": agreed.to_json(),
        "owners": owners,
        "members": members,
        "updates": _hex(packed.pack_updates(committed)),
        "scores": [_hex(b"" if vote is None else verdict.encode_scores(vote)) for vote in votes],
        "revealed": [vote is not None for vote in votes],
        "ledger": [str(total) for total in before],
        "phi": list(result.phi),
        "accepted": list(result.accepted),
        "invalid": list(result.invalid),
        "weights": list(result.weights),
        "nodePays": [str(pay) for pay in result.node_pays],
        "validatorPays": [str(pay) for pay in result.validator_pays],
        "earned": str(result.earned),
        "released": str(result.returned),
        "results": _hex(packed.pack_results(result)),
        "fees": _hex(packed.pack_fees(result.validator_pays)),
        "outcome": _hex(keccak(packed.pack_accepted(committed, result))),
        "totals": [str(total) for total in after],
        "ledgerRoot": _hex(ledger.root(after)),
    }


def draw_case(stream: Stream, number: int) -> dict[str, Any]:
    width = [1, 5, 40, 256][number % 4]
    count = width if number % 3 else stream.integer(1, width + 1)
    active = sorted(stream.sample(range(width), count))
    prevrandao, round_id = int.from_bytes(stream.bytes(32), "big"), stream.integer(1, 2**40)
    seed, size = draw.seed(prevrandao, FEDERATION, round_id), min(len(active), 15)
    return {
        "prevrandao": str(prevrandao),
        "federation": FEDERATION,
        "round": round_id,
        "seed": _hex(seed),
        "members": str(packed.bitmap(active)),
        "size": size,
        "committee": draw.committee(seed, active, size),
        "aggregator": draw.aggregator(round_id, active),
    }


def ledger_case(stream: Stream, count: int) -> dict[str, Any]:
    totals = [int.from_bytes(stream.bytes(12), "big") for _ in range(count)]
    ids = range(1, count + 1)
    return {
        "totals": [str(total) for total in totals],
        "root": _hex(ledger.root(totals)),
        "proofs": [[_hex(sibling) for sibling in ledger.proof(totals, id)] for id in ids],
    }


def tree_case(stream: Stream, count: int) -> dict[str, Any]:
    lanes = stream.integers(-(2**31), 2**31, 256 * count).astype(np.int32)
    leaves = [bytes(leaf) for leaf in state.to_leaves(lanes)]
    return {
        "leaves": [_hex(leaf) for leaf in leaves],
        "depth": tree.depth(count),
        "root": _hex(state.root(lanes)),
        "proofs": [[_hex(node) for node in state.proof(lanes, i)] for i in range(count)],
    }


def signing_case(stream: Stream) -> dict[str, Any]:
    domain = signing.Domain(31337, FEDERATION)
    key, base, digest, salt = (stream.bytes(32) for _ in range(4))
    round_id, scores = stream.integer(1, 2**50), stream.bytes(4 * stream.integer(0, 9))
    account = signing.recover(salt, signing.sign(salt, key))
    update = domain.update_digest(round_id, account, base, digest)
    attestation = domain.merge_digest(round_id, base)
    seal = verdict.seal(domain.chain_id, domain.federation, round_id, account, scores, salt)
    return {
        "chainId": domain.chain_id,
        "federation": domain.federation,
        "separator": _hex(domain.separator),
        "key": _hex(key),
        "account": account,
        "round": round_id,
        "base": _hex(base),
        "digest": _hex(digest),
        "update": _hex(update),
        "updateSignature": _hex(signing.compact(signing.sign(update, key))),
        "merge": _hex(attestation),
        "mergeSignature": _hex(signing.compact(signing.sign(attestation, key))),
        "scores": _hex(scores),
        "salt": _hex(salt),
        "seal": _hex(seal),
    }


def merge_case(rule: MergeRule, stream: Stream, number: int) -> dict[str, Any]:
    """One leaf of 256 lanes: what a dispute over one block needs, and its result."""
    edge = 2**31 if number % 2 else 5000
    old = stream.integers(-edge, edge, 256).astype(np.int32)
    updates = [_update(stream, number) for _ in range(stream.integer(1, 6))]
    new = merge(rule, old, updates)
    return {
        **_rule(rule),
        "weights": [weight for weight, _ in updates],
        "bits": [encoded.bits for _, encoded in updates],
        "leaves": [_hex(bytes(codec.to_leaves(encoded)[0])) for _, encoded in updates],
        "laneRoots": [_hex(codec.lane_root(encoded)) for _, encoded in updates],
        "updateDigests": [
            _hex(update_digest(bytes(32), codec.lane_root(encoded))) for _, encoded in updates
        ],
        "oldLeaf": _hex(state.encode(old)),
        "newLeaf": _hex(state.encode(new)),
        "oldRoot": _hex(state.root(old)),
        "newRoot": _hex(state.root(new)),
    }


def dispute_case(rule: MergeRule, stream: Stream, number: int) -> dict[str, Any]:
    """A merge with one altered lane, and the proof of it; an empty ``refusal``."""
    return _dispute(rule, *_disputed(rule, stream, number), "")


def right_case(rule: MergeRule, stream: Stream, number: int) -> dict[str, Any]:
    """A proof about a block that is merged as the rule says."""
    proof, base, proposal = _disputed(rule, stream, number)
    return _dispute(rule, replace(proof, block=proof.block ^ 1), base, proposal, "MergeCorrect")


def refused_cases(stream: Stream) -> list[dict[str, Any]]:
    """Proofs that do not hold, with what the contract says of them."""
    proof, base, proposal = _disputed(MEAN, stream, 2)
    first, *others = proof.updates
    right = proof.block ^ 1
    bad = [
        ("WrongOutcome", {"accepted": proof.accepted[:-1] + b"\xff"}),
        ("WrongOutcome", {"accepted": proof.accepted + bytes(36)}),
        ("WrongOutcome", {"manifests": proof.manifests[1:]}),
        ("WrongOutcome", {"updates": proof.updates[1:]}),
        ("WrongBlock", {"block": 8}),
        ("WrongLeaf 0", {"leaf": 1 << len(proof.base.path)}),
        ("WrongLeaf 0", {"leaf": proof.leaf ^ 1}),
        ("WrongLeaf 0", {"base": proof.merged}),
        ("WrongLeaf 0", {"base": replace(proof.base, data=proof.base.data[:-1])}),
        ("WrongLeaf 1", {"merged": proof.base}),
        ("WrongLeaf 1", {"merged": replace(proof.merged, path=proof.merged.path[1:])}),
        ("WrongLeaf 2", {"updates": (replace(first, data=first.data + bytes(1)), *others)}),
        ("WrongLeaf 2", {"updates": (replace(first, path=(*first.path, bytes(32))), *others)}),
        ("WrongLeaf 3", {"updates": (first, replace(first), *others[1:])}),
        ("WrongLeaf 2", {"manifests": (bytes(32), *proof.manifests[1:])}),
        ("MergeCorrect", {"block": right}),
    ]
    cases = [
        _dispute(MEAN, replace(proof, **changes), base, proposal, said) for said, changes in bad
    ]
    for case in cases:  # the outcome stays that of the round
        case["outcome"] = _hex(keccak(proof.accepted))
    return [*cases, *(_malformed(stream, *fault) for fault in FAULTS)]


def _disputed(rule: MergeRule, stream: Stream, number: int) -> tuple[MergeProof, bytes, bytes]:
    """A proof, and the two roots that it is about."""
    leaves, edge = number % 4 + 1, 2**31 if number % 2 else 5000
    base = stream.integers(-edge, edge, 256 * leaves).astype(np.int32)
    widths = [codec.BITS[(number + i) % 3] for i in range(number % 4 + 2)]
    accepted = []
    for i, bits in enumerate(widths):
        lanes, manifest = _lanes(stream, number, bits, leaves), stream.bytes(32)
        digest = update_digest(manifest, codec.lane_root(lanes))
        weight = stream.integer(1, 13_000) * min(i, 1) if number % 2 else 1
        accepted.append(Accepted(i + 1, digest, weight, manifest, lanes))
    merged = merge(rule, base, [(each.weight, each.lanes) for each in accepted if each.weight])
    clamped = np.flatnonzero(np.abs(merged.astype(np.int64)) >= 2**31 - 1).tolist()
    proposed, lane = merged.copy(), stream.sample(clamped or range(merged.size), 1)[0]
    proposed[lane] = proposed[lane] - 1 if proposed[lane] > 0 else proposed[lane] + 1
    place = merge_proof.find(merged, proposed)
    assert place is not None
    proof = merge_proof.build(1, place, base, proposed, accepted)
    return proof, state.root(base), state.root(proposed)


FAULTS = ((8, 0, 25), (8, 8, 0x80), (4, 0, 255), (4, 8, 0x8F), (2, 0, 25), (2, 15, 0b00_01_10_11))
"""(width, byte of the leaf, value) that no codec writes, in block 0."""


def _malformed(stream: Stream, bits: int, at: int, value: int) -> dict[str, Any]:
    """A committed update with an exponent or a code outside the format proves nothing."""
    data = bytearray(codec.to_leaves(_lanes(stream, 1, bits, 1))[0])
    data[at] = value
    manifest = stream.bytes(32)
    digest = update_digest(manifest, tree.leaf_hash(bytes(data)))
    leaf, root = Leaf(bytes(1024), ()), tree.leaf_hash(bytes(1024))
    item = packed.pack_updates([(1, digest)]) + (1).to_bytes(2, "big")
    update = Leaf(bytes(data), ())
    proof = MergeProof(1, 0, 0, leaf, leaf, item, (manifest,), (update,))
    return _dispute(MEAN, proof, root, root, "WrongLeaf 2")


def _dispute(
    rule: MergeRule, proof: MergeProof, base: bytes, proposal: bytes, refusal: str
) -> dict[str, Any]:
    return {
        **_rule(rule),
        "refusal": refusal,
        "base": _hex(base),
        "proposal": _hex(proposal),
        "outcome": _hex(keccak(proof.accepted)),
        "proof": _hexed(proof.to_call()),
    }


def _rule(rule: MergeRule) -> dict[str, int]:
    return {"mergeRule": rule.id, "mergeParameter": rule.parameter}


def _hexed(value: Any) -> Any:
    match value:
        case bytes():
            return _hex(value)
        case dict():
            return {key: _hexed(item) for key, item in value.items()}
        case list():
            return [_hexed(item) for item in value]
    return value


def write(folder: Path = FOLDER) -> None:
    """Write all files to ``folder``, one case a line: a change shows the cases it touches."""
    for name, cases in build().items():
        lines = ",\n".join(json.dumps(case) for case in cases)
        (folder / f"{name}.json").write_text(f"[\n{lines}\n]\n")


def _votes(stream: Stream, true: np.ndarray, number: int) -> list[int]:
    if number % 7 == 6:
        return [stream.sample(EXTREMES, 1)[0] for _ in true]
    noisy = true + stream.integers(-60, 60, true.size)
    return [INVALID if stream.integer(0, 10) == 0 else int(score) for score in noisy]


def _update(stream: Stream, number: int) -> tuple[int, Encoded]:
    lanes = _lanes(stream, number, stream.sample(codec.BITS, 1)[0], 1)
    return stream.integer(1, 13_000 if number % 2 else 3), lanes


def _lanes(stream: Stream, number: int, bits: int, leaves: int) -> Encoded:
    limit = codec.max_code(bits)
    exponents = stream.integers(0, 25 if number % 3 else 4, 8 * leaves).astype(np.uint8)
    codes = stream.integers(-limit, limit + 1, 256 * leaves).astype(np.int8)
    return Encoded(bits, exponents, codes)


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


if __name__ == "__main__":
    write()
