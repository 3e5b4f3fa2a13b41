"""The contracts compute the frozen vectors of the protocol.

Both Python and Solidity are tested against ``tests/vectors``; ``tests/protocol/test_vectors.py``
tests that the Python protocol still gives these results.
"""

from typing import Any

import pytest
from eth_utils import decode_hex, keccak
from tests.vectors.reading import unhexed, vectors

from collegium.chain.embedded.chain import RpcError
from collegium.protocol.layout import BLOCK

ZERO = bytes(32)


def test_settlement_vectors(libraries):
    for case in vectors("settlement"):
        terms = {name: int(value) for name, value in case["terms"].items()}
        answer = libraries(
            "settle",
            {
                "nodePool": terms["reward"] * terms["node_share"] // 10_000,
                "validatorPool": terms["reward"] * terms["validator_share"] // 10_000,
                "minScore": terms["min_score"],
                "payRule": terms["pay_rule"],
                "weightRule": terms["weight_rule"],
            },
            decode_hex(case["updates"]),
            case["members"],
            [decode_hex(text) for text in case["scores"]],
            sum(1 << slot for slot, opened in enumerate(case["revealed"]) if opened),
            [int(total) for total in case["ledger"]],
        )
        assert answer["results"] == decode_hex(case["results"])
        assert answer["fees"] == decode_hex(case["fees"])
        assert keccak(answer["accepted"]) == decode_hex(case["outcome"])
        assert answer["earned"] == int(case["earned"])
        assert answer["totals"] == [int(total) for total in case["totals"]]
        assert libraries("ledgerRoot", answer["totals"]) == decode_hex(case["ledgerRoot"])


def test_draw_vectors(libraries):
    for case in vectors("draw"):
        members, seed = int(case["members"]), decode_hex(case["seed"])
        assert libraries("committee", seed, members, case["size"]) == case["committee"]
        assert libraries("aggregator", members, case["round"]) == case["aggregator"]


def test_ledger_vectors(libraries):
    for case in vectors("ledger"):
        totals = [int(total) for total in case["totals"]]
        assert libraries("ledgerRoot", totals) == decode_hex(case["root"])


def test_tree_vectors(libraries):
    for case in map(unhexed, vectors("tree")):
        for index, (leaf, path) in enumerate(zip(case["leaves"], case["proofs"], strict=True)):
            assert libraries("treeRoot", leaf, index, path) == case["root"]


def test_signing_vectors(libraries):
    for case in vectors("signing"):
        data = unhexed(case)
        federation, account = case["federation"], case["account"]
        update = (federation, case["round"], data["base"], account, data["digest"])
        assert libraries("updateHash", *update) == data["update"]
        assert libraries("mergeHash", federation, case["round"], data["base"]) == data["merge"]
        for name in ("update", "merge"):
            signature = data[f"{name}Signature"]
            assert libraries("signer", data[name], signature[:32], signature[32:]) == account


def matter(case: dict[str, Any], base: str, proposal: str, outcome: bytes) -> dict[str, Any]:
    rule = {name: case[name] for name in ("mergeRule", "mergeParameter")}
    return {"base": case[base], "root": case[proposal], "outcome": outcome, **rule}


def test_dispute_vectors(libraries):
    for case in map(unhexed, vectors("dispute")):
        asked = matter(case, "base", "proposal", case["outcome"])
        if not case["refusal"]:
            assert libraries("judge", asked, case["proof"]) is True
        else:
            assert refusal(libraries, asked, case["proof"]) == case["refusal"]


def refusal(libraries, asked: dict[str, Any], proof: dict[str, Any]) -> str:
    """The custom error that the judge reverts with, and its arguments."""
    with pytest.raises(RpcError) as caught:
        libraries("judge", asked, proof)
    error = libraries.errors.decode_error(decode_hex(caught.value.data))
    return " ".join([error.name, *map(str, error.args.values())])


def test_merge_vectors(libraries):
    """No block of a right merge can be disproved, and every wrong lane can."""
    for case in map(unhexed, vectors("merge")):
        items = zip(case["updateDigests"], case["weights"], strict=True)
        accepted = b"".join(bytes(2) + digest + weight.to_bytes(2) for digest, weight in items)
        right = case["newLeaf"]
        proof = {
            **{"round": 1, "leaf": 0, "accepted": accepted},
            "base": {"data": case["oldLeaf"], "path": []},
            "manifests": [ZERO] * len(case["weights"]),
            "updates": [{"data": leaf, "path": []} for leaf in case["leaves"]],
        }
        for block in range(8):
            asked = matter(case, "oldRoot", "newRoot", keccak(accepted))
            call = proof | {"block": block, "merged": {"data": right, "path": []}}
            assert refusal(libraries, asked, call) == "MergeCorrect"
            at = 4 * (BLOCK * block + 5 * block % BLOCK) + 3
            wrong = right[:at] + bytes([right[at] ^ 1]) + right[at + 1 :]
            asked["root"] = libraries("treeRoot", wrong, 0, [])
            call["merged"] = {"data": wrong, "path": []}
            assert libraries("judge", asked, call) is True
