"""Measure what the protocol costs in gas, and hold the contracts to it.

The figures are those of whole transactions on the embedded chain (Shanghai rules; Hardhat, anvil
and Ganache agree to the unit)::

    python tools/gas.py            # measure and write gas.json
    python tools/gas.py --check    # measure and compare; exit status 1 if gas.json differs

Keys of ``gas.json``:

- ``deploy``: the federation with its vault, its judge of disputes, its settler and its steps.
- ``register``, ``rotate``, ``exit``, ``withdraw_stake``: a node's own transactions; the stake is
  all that its account holds, and the key it rotates to is new.
- ``commit``: one update by its own node, neither first nor last of the round.
- ``batch100_per_update``: 100 signed updates relayed in one transaction, divided by 100.
- ``settle_per_update``: what one update more costs, between 50 and 100 of them, with five
  validators and the same ledger. ``settle_equal_per_update``: under the pay rule ``equal``.
  ``settle_per_node``: what one node more in the ledger costs.
- ``claim128``: the first claim of a node, ledger of 128 nodes; its account holds some tokens
  already. ``claim128_new_holder``: it holds none, and the token opens a slot for it.
- ``dispute10``: one wrong lane among 4,194,304 (depth 14), ten accepted updates at 8 bits, the
  first dispute of the federation; a quorum of validators is slashed, the proposer among them.
  ``dispute10_unattested``: the proposer alone. ``dispute10_trimmed``: the rule is ``trimmed`` and
  leaves out the two lowest and the two highest values of each lane.
- ``round16``: 16 nodes, five validators, everything from opening to the final state; each node
  sends its own commitment; claims are not counted. ``round16_batched``: commitments relayed.

Beside ``dispute10`` stands what its calldata alone costs under EIP-7623 (Prague): the greater of
the two is paid there.
"""

import argparse
import json
import sys
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any

from eth_abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_utils import keccak
from web3 import Web3
from web3.logs import DISCARD

from collegium.chain.embedded.chain import EmbeddedChain
from collegium.chain.embedded.genesis import dev_accounts
from collegium.chain.embedded.provider import EmbeddedProvider
from collegium.chain.parts import PARTS, plan
from collegium.chain.shipped import artifact
from collegium.protocol import draw, ledger
from collegium.protocol.digest import update_digest
from collegium.protocol.merge_proof import Leaf, MergeProof
from collegium.protocol.rules.merging import Trimmed
from collegium.protocol.rules.shares import EQUAL, SCORE
from collegium.protocol.terms import Terms

ROOT = Path(__file__).resolve().parent.parent
SNAPSHOT = ROOT / "gas.json"
COMMITTEE, REWARD, STAKE, WINDOW, GAS = 5, 1000 * 10**18, 10**18, 3600, 29_000_000
TERMS = Terms.usual(
    reward=REWARD, stake=STAKE, node_share=8500, validator_share=1000, aggregator_share=500,
    committee=COMMITTEE, min_updates=1, min_score=0, weight_rule=SCORE, unbonding=11 * WINDOW,
    commit_window=WINDOW, score_window=WINDOW, reveal_window=WINDOW, merge_window=WINDOW,
    challenge_window=WINDOW,
)  # fmt: skip
SALT = keccak(b"salt")
DEPTH, PLACE = 14, 5000  # tree over 4,194,304 lanes, and the leaf in dispute


@dataclass
class Bench:
    """A federation on a fresh chain, and the gas of each transaction on it."""

    genesis: bytes = b"\x02" * 32
    terms: Terms = TERMS
    nodes: list[LocalAccount] = field(default_factory=list)
    spent: int = 0
    totals: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chain = EmbeddedChain(clock="virtual")
        self.w3 = Web3(EmbeddedProvider(self.chain))
        self.admin = dev_accounts()[-1]
        self.token = self.deploy("DemoToken", self.admin.address)
        terms = self.terms.to_struct(b"\x01" * 32, self.genesis)
        planned = plan(self.admin.address, 1, terms, self.token.address, self.admin.address)
        self.spent = 0
        parts = {part: self.deploy(PARTS[part], *planned.arguments(part)) for part in PARTS}
        self.federation = self.deploy("Federation", *planned.own_arguments())
        self.deployment, self.spent = self.spent, 0
        self.vault, self.disputes = parts["vault"], parts["disputes"]
        calls = self.token.functions
        self.send(calls.mint(self.admin.address, 100 * REWARD))
        self.send(calls.approve(self.vault.address, 100 * REWARD))
        self.send(self.vault.functions.deposit(100 * REWARD))

    def deploy(self, name: str, *args: Any) -> Any:
        """Create a shipped contract. Counts its gas."""
        made = artifact(name)
        data = made.bytecode + made.abi.encode_constructor(*args)
        fields: Any = {"data": data, "gas": GAS, "gasPrice": 2 * 10**9, "value": 0}
        fields["nonce"] = self.w3.eth.get_transaction_count(self.admin.address)
        receipt = self._mine(self.admin, fields | {"chainId": 31337})
        return self.w3.eth.contract(address=receipt["contractAddress"], abi=made.abi.entries)

    def send(self, call: Any, sender: LocalAccount | None = None) -> Any:
        """Mine ``call``; its receipt. Counts its gas.

        Raises:
            RuntimeError: it was reverted.
        """
        account = sender or self.admin
        fields: Any = {"from": account.address, "gas": GAS, "gasPrice": 2 * 10**9}
        fields["nonce"] = self.w3.eth.get_transaction_count(account.address)
        return self._mine(account, call.build_transaction(fields))

    def pay(self, to: str, wei: int) -> None:
        fields: Any = {"to": to, "value": wei, "gas": 21_000, "gasPrice": 2 * 10**9}
        fields |= {"nonce": self.w3.eth.get_transaction_count(self.admin.address), "chainId": 31337}
        self._mine(self.admin, fields)

    def _mine(self, account: LocalAccount, fields: Any) -> Any:
        raw = account.sign_transaction(fields).raw_transaction
        receipt = self.w3.eth.get_transaction_receipt(self.w3.eth.send_raw_transaction(raw))
        if receipt["status"] != 1:
            self.w3.eth.call(fields | {"from": account.address})  # says why
            raise RuntimeError("a measured transaction was reverted")
        self.spent += receipt["gasUsed"]
        return receipt

    def grow(self, count: int) -> int:
        """Register nodes until there are ``count``; account and signer are one key.

        Returns:
            Gas of the last registration.
        """
        gas = 0
        for i in range(len(self.nodes), count):
            key = Account.from_key(keccak(text=f"node {i}"))
            self.pay(key.address, 10**18)
            self.send(self.federation.functions.admit(key.address, True))
            self.send(self.token.functions.mint(key.address, STAKE))
            self.send(self.token.functions.approve(self.vault.address, STAKE), key)
            register = self.federation.functions.register
            receipt = self.send(register(key.address, keccak(b"e"), keccak(b"t"), []), key)
            gas = receipt["gasUsed"]
            self.nodes.append(key)
        return gas

    def wait(self, seconds: int = WINDOW) -> None:
        self.w3.provider.make_request("evm_increaseTime", [seconds])  # type: ignore[arg-type]

    def play(self, batched: bool, updates: int | None = None) -> dict[str, int]:
        """One round of all nodes (or of the first ``updates``); gas by step, and in ``total``."""
        start, round_id = self.spent, self.federation.functions.round().call()[0] + 1
        digests = [keccak(text=f"{round_id}/{n.address}") for n in self.nodes[:updates]]
        gas = self.settle(batched, digests)
        self.propose(round_id, keccak(text=f"state {round_id}"))
        self.attest(round_id)
        self.wait(WINDOW // 10)
        self.send(self.federation.functions.advance(round_id))
        return gas | {"total": self.spent - start}

    def settle(
        self, batched: bool, digests: list[bytes], *, merger_votes: bool = False
    ) -> dict[str, int]:
        """A round of the first nodes with these digests up to its settlement; gas by step.

        Args:
            merger_votes: wait for a block whose draw has the aggregator among the first validators.
        """
        calls, gas = self.federation.functions, {}
        self.send(calls.openRound(calls.stateRoot().call()))
        round_id = calls.round().call()[0]
        authors = self.nodes[: len(digests)]
        if batched:
            items = b"".join(map(self._item, authors, digests, [round_id] * len(authors)))
            gas["batch"] = self.send(calls.commitUpdates(round_id, items))["gasUsed"]
        else:
            costs = [
                self.send(calls.commitUpdate(round_id, digest), node)["gasUsed"]
                for node, digest in zip(authors, digests, strict=True)
            ]
            gas["commit"] = costs[len(costs) // 2]
        self.wait()
        if merger_votes:
            self._await_draw(round_id)
        self.send(calls.advance(round_id))
        scores = self._verdicts(round_id, len(authors))
        packed = b"".join(
            (self.nodes.index(node) + 1).to_bytes(2) + digest
            for node, digest in zip(authors, digests, strict=True)
        )
        receipt = self.send(calls.settle(round_id, packed, scores, self.totals))
        gas["settle"] = receipt["gasUsed"]
        event = self.federation.events.RoundSettled().process_receipt(receipt, errors=DISCARD)
        self.totals = event[0]["args"]["totals"]
        return gas

    def _await_draw(self, round_id: int) -> None:
        seats, quorum = range(len(self.nodes)), self.federation.functions.quorum().call()
        merger = draw.aggregator(round_id, seats)
        while True:
            randomness = int.from_bytes(self.chain.next_header().mix_hash, "big")
            seed = draw.seed(randomness, self.federation.address, round_id)
            if merger in draw.committee(seed, seats, COMMITTEE)[:quorum]:
                return
            self.w3.provider.make_request("evm_mine", [])  # type: ignore[arg-type]

    def claim(self, node: int, holds: int = 0) -> int:
        """Gas of the claim of node id ``node``, which holds that many token units."""
        if holds:
            self.send(self.token.functions.mint(self.nodes[node - 1].address, holds))
        proof = ledger.proof(self.totals, node)
        call = self.vault.functions.claim(node, self.totals[node - 1], proof)
        return int(self.send(call)["gasUsed"])

    def _item(self, node: LocalAccount, digest: bytes, round_id: int) -> bytes:
        fields = {"round": "uint64", "node": "address", "base": "bytes32", "digest": "bytes32"}
        base = self.federation.functions.stateRoot().call()
        values = {"round": round_id, "node": node.address, "base": base, "digest": digest}
        return bytes.fromhex(node.address[2:]) + digest + self._sign(node, "Update", fields, values)

    def _sign(self, node: LocalAccount, kind: str, fields: dict[str, str], values: Any) -> bytes:
        domain = {"name": "Collegium", "version": "1", "chainId": 31337}
        domain["verifyingContract"] = self.federation.address
        types = {kind: [{"name": name, "type": of} for name, of in fields.items()]}
        signed = node.sign_message(encode_typed_data(domain, types, values))
        return signed.r.to_bytes(32) + (signed.s | (signed.v - 27) << 255).to_bytes(32)

    def _verdicts(self, round_id: int, updates: int) -> list[bytes]:
        """Seal and reveal; every validator is a little off a contribution of 1000 and more."""
        calls = self.federation.functions
        members = [self.nodes[id - 1] for id in calls.committee().call()]
        scores = [
            b"".join((1000 + 7 * i + 3 * (slot * i % 5)).to_bytes(4) for i in range(updates))
            for slot in range(COMMITTEE)
        ]
        shape = ["uint256", "address", "uint64", "address", "bytes", "bytes32"]
        for slot, node in enumerate(members):
            values = [31337, self.federation.address, round_id, node.address, scores[slot], SALT]
            self.send(calls.commitVerdict(round_id, slot, keccak(encode(shape, values))), node)
        for slot, node in enumerate(members):
            self.send(calls.revealVerdict(round_id, slot, scores[slot], SALT), node)
        return scores

    def propose(self, round_id: int, root: bytes) -> None:
        calls = self.federation.functions
        drawn = self.federation.events.CommitteeDrawn()
        aggregator = drawn.get_logs(from_block=0)[-1]["args"]["aggregator"]
        self.send(calls.proposeMerge(round_id, root), self.nodes[aggregator - 1])

    def attest(self, round_id: int) -> None:
        """A quorum attests what is proposed."""
        calls = self.federation.functions
        root = calls.proposal(round_id).call()[1]
        members = calls.committee().call()[: calls.quorum().call()]
        fields, values = {"round": "uint64", "root": "bytes32"}, {"round": round_id, "root": root}
        signatures = b"".join(
            bytes([slot]) + self._sign(self.nodes[id - 1], "Merge", fields, values)
            for slot, id in enumerate(members)
        )
        self.send(calls.attestMerge(round_id, signatures))


def _random_leaf(name: str, size: int) -> Leaf:
    data = b"".join(keccak(text=f"{name}/{i}") for i in range(-(-size // 32)))[:size]
    return Leaf(data, tuple(keccak(text=f"{name}/path/{i}") for i in range(DEPTH)))


def _lanes(node: int) -> Leaf:
    """Random codes of 8 bits with exponents up to 7, in a random place of a random tree."""
    leaf = _random_leaf(f"update {node}", 264)
    codes = leaf.data[8:].replace(b"\x80", b"\x81")  # the lowest code is not valid
    return Leaf(bytes(byte & 7 for byte in leaf.data[:8]) + codes, leaf.path)


def dispute(attested: bool = True, terms: Terms = TERMS) -> tuple[int, int]:
    """Gas of the dispute of a merge of ten updates, and its floor under EIP-7623."""
    base, merged = _random_leaf("base", 1024), _random_leaf("merged", 1024)
    leaves, manifests = [_lanes(i) for i in range(10)], [keccak(bytes([i])) for i in range(10)]
    bench = Bench(base.root(PLACE), terms)
    bench.grow(16)
    roots = [leaf.root(PLACE) for leaf in leaves]
    digests = [update_digest(*parts) for parts in zip(manifests, roots, strict=True)]
    bench.settle(False, digests, merger_votes=True)
    bench.propose(1, merged.root(PLACE))
    if attested:
        bench.attest(1)
    settled = bench.federation.events.RoundSettled().get_logs(from_block=0)[-1]["args"]["results"]
    accepted = b"".join(
        (i + 1).to_bytes(2) + digest + settled[18 * i + 4 : 18 * i + 6]
        for i, digest in enumerate(digests)
    )
    sent = MergeProof(1, PLACE, 7, base, merged, accepted, tuple(manifests), tuple(leaves))
    receipt = bench.send(bench.disputes.functions.disputeMerge(astuple(sent)))
    data = bench.w3.eth.get_transaction(receipt["transactionHash"])["input"]
    floor = 21_000 + 10 * (4 * len(data) - 3 * data.count(0))
    return receipt["gasUsed"], floor


def _settled(bench: Bench) -> tuple[int, dict[str, int]]:
    """What one update more costs to settle, and the gas of a round of 100 updates by step."""
    bench.grow(100)
    bench.play(batched=True)
    fifty, hundred = bench.play(batched=True, updates=50), bench.play(batched=True)
    return (hundred["settle"] - fifty["settle"]) // 50, hundred


def measure() -> dict[str, int]:
    """All figures of ``gas.json``; the first round of each federation only warms its slots."""
    small, large = Bench(), Bench()
    register = small.grow(16)
    small.play(batched=False)
    alone, relayed = small.play(batched=False), small.play(batched=True)
    members, last = small.federation.functions, small.nodes[-1]
    new = Account.from_key(keccak(text="new signer")).address
    rotate = small.send(members.rotate(new, keccak(b"new"), keccak(b"t")), last)
    leave = small.send(members.exit(), last)
    small.wait(11 * WINDOW)
    withdrawn = small.send(small.vault.functions.withdrawStake(16))
    per_update, hundred = _settled(large)
    large.grow(128)
    wider = large.play(batched=True, updates=100)
    trimmed = replace(TERMS, merge_rule=Trimmed.id, merge_parameter=2)
    return {
        "deploy": small.deployment,
        "register": register,
        "rotate": rotate["gasUsed"],
        "exit": leave["gasUsed"],
        "withdraw_stake": withdrawn["gasUsed"],
        "commit": alone["commit"],
        "batch100_per_update": hundred["batch"] // 100,
        "settle_per_update": per_update,
        "settle_equal_per_update": _settled(Bench(terms=replace(TERMS, pay_rule=EQUAL)))[0],
        "settle_per_node": (wider["settle"] - hundred["settle"]) // 28,
        "claim128": large.claim(33, holds=1),
        "claim128_new_holder": large.claim(77),
        "dispute10": dispute()[0],
        "dispute10_unattested": dispute(attested=False)[0],
        "dispute10_trimmed": dispute(terms=trimmed)[0],
        "round16": alone["total"],
        "round16_batched": relayed["total"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the gas of the protocol.")
    parser.add_argument("--check", action="store_true", help="compare with gas.json, write nothing")
    check = parser.parse_args().check
    found, floor = measure(), dispute()[1]
    known = json.loads(SNAPSHOT.read_text()) if SNAPSHOT.exists() else {}
    for key, value in found.items():
        print(f"{key:23} {value:>9,}  {value - known.get(key, 0):+,}")
    print(f"{'floor of dispute10':23} {floor:>9,}  EIP-7623")
    if not check:
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n")
        return 0
    if found != known:
        print("gas.json differs: run tools/gas.py and commit it with the reason.")
    return 1 if found != known else 0


if __name__ == "__main__":
    sys.exit(main())
