"""A small real federation on the embedded chain: four nodes, two rounds, and its evidence.

Round 1: all four commit (one in a transaction of its own, three relayed, one of them twice), the
update of node 4 makes the model worse and is rejected, the committee attests the merge.
Round 2: node 4 sends an update beyond the norm bound, node 2 a near-copy of that of node 1; the
merge becomes final by the passing of time. Nodes 1 and 3 claim. Some calls are refused.
"""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rlp
from eth_abi import encode
from eth_bloom import BloomFilter
from eth_utils import keccak
from trie import HexaryTrie

from collegium import audit
from collegium.audit.index import BLOCKS, INDEX
from collegium.audit.openers import envelope_context
from collegium.chain import engines, headers, history, transactions
from collegium.chain.bindings import artifact
from collegium.chain.connection import Chain
from collegium.chain.federation import Federation, deploy_federation, deploy_token
from collegium.chain.receipts import AbiBook
from collegium.chain.sender import Sender
from collegium.errors import TransactionReverted
from collegium.protocol import codec, merge, signing, state, verdict
from collegium.protocol.canonical import canonical_json
from collegium.protocol.card import Limits, TaskCard
from collegium.protocol.codec import Encoded
from collegium.protocol.container import Update, encode_state, encode_update
from collegium.protocol.layout import Layout, Tensor
from collegium.protocol.manifest import Manifest
from collegium.protocol.packed import pack_attestation, pack_commitment
from collegium.protocol.settlement import INVALID
from collegium.protocol.signing import Domain, compact
from collegium.protocol.terms import SCORE, Terms
from collegium.roles.home import NodeHome, NodeSettings
from collegium.roles.keyring import Keyring
from collegium.store import BlobStore
from collegium.store.sealed import seal

TERMS = Terms(
    reward=1_000_000, stake=500, node_share=8500, validator_share=1000, aggregator_share=500,
    committee=3, min_updates=2, min_score=0, weight_rule=SCORE,
    commit_window=100, score_window=100, reveal_window=100, merge_window=100, challenge_window=50,
)  # fmt: skip
LAYOUT = Layout(
    task="toy", base_model="aa" * 32, mode="ffa", rank=2, alpha=4, frozen="bb" * 32,
    tensors=(Tensor("a.lora_B", (10, 20)), Tensor("b.lora_B", (10, 10))),
)  # fmt: skip
CARD = TaskCard(
    name="Chest X-ray pilot", task="toy", layout=LAYOUT.digest.hex(), base_model="aa" * 32,
    challenge="cc" * 32, genesis=state.root(state.zeros(LAYOUT)).hex(), metric="accuracy",
    recipe={"steps": 3}, limits=Limits(norm=1.0, cosine=0.95), terms=TERMS,
)  # fmt: skip

PASSPHRASE = "open sesame"


@pytest.fixture(scope="session", autouse=True)
def passphrase() -> Iterator[None]:
    """What opens the nodes' keys."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLEGIUM_PASSPHRASE", PASSPHRASE)
        yield


@dataclass
class Hospital:
    """One node: its id, its keys and its clients."""

    id: int
    keys: Keyring
    own: Federation
    hot: Federation


@dataclass
class World:
    """The run's folder and what the tests want to know about it."""

    run: Path
    chain: Path
    federation: str
    head: str
    encryption_keys: dict[int, bytes]


class _Builder:
    """Plays the federation."""

    def __init__(self, chain: Chain, run: Path) -> None:
        self.chain, self.run, self.rng = chain, run, np.random.default_rng(7)
        self.store = BlobStore(run / "store")
        sender = Sender(chain, chain.dev_accounts[0], lock_directory=run)
        token = deploy_token(sender)
        self.sponsor, _ = deploy_federation(
            sender, TERMS, card=CARD.digest, genesis=bytes.fromhex(CARD.genesis),
            token=token.address, admin=sender.address,
        )  # fmt: skip
        self.sponsor.mint(sender.address, 10 * TERMS.reward)
        self.sponsor.deposit(3 * TERMS.reward)
        self.domain = Domain(chain.chain_id, self.sponsor.address)
        self.hospitals = [self._join(number) for number in range(1, 5)]
        self.state = state.zeros(LAYOUT)
        self.store.put(CARD.encode())
        self.store.put(LAYOUT.encode())

    def _join(self, number: int) -> Hospital:
        keys = Keyring.generate(bytes([number]) * 32)
        home = NodeHome(self.run / "nodes" / f"site{number}")
        settings = NodeSettings(f"site{number}", "chain.sqlite", self.sponsor.address, "", "")
        home.write_settings(settings, CARD.encode(), LAYOUT.encode())
        keys.save(home.keys, PASSPHRASE, iterations=2)
        for key in (keys.account, keys.signer):
            self.sponsor.sender.send(key.address, value=10**18)
        self.sponsor.admit(keys.account.address)
        self.sponsor.mint(keys.account.address, TERMS.stake)
        own = self.sponsor.using(keys.account, lock_directory=self.run)
        receipt = own.register(keys.signer.address, keys.encryption_public, keys.transport_digest)
        hot = self.sponsor.using(keys.signer, lock_directory=self.run)
        return Hospital(receipt.event("NodeRegistered")["id"], keys, own, hot)

    def delta(self, scale: float = 0.01) -> np.ndarray:
        values = np.zeros(LAYOUT.padded)
        values[: LAYOUT.lanes] = self.rng.normal(0, scale, LAYOUT.lanes)
        return state.to_units(values)

    def update(self, hospital: Hospital, wanted: np.ndarray, bits: int) -> Update:
        lanes, view = codec.quantise(wanted, bits), self.sponsor.round()
        manifest = Manifest(
            federation=self.sponsor.address, chain_id=self.chain.chain_id, round=view.id,
            node=hospital.keys.account.address, base=self.sponsor.state_root().hex(),
            layout=LAYOUT.digest.hex(), bits=bits, lane_root=codec.lane_root(lanes).hex(),
            samples=100,
        )  # fmt: skip
        message = self.domain.update_digest(
            view.id, manifest.node, self.sponsor.state_root(), manifest.update_digest
        )
        return Update(manifest, signing.sign(message, hospital.keys.signer.key), lanes)

    def odd_calls(self) -> None:
        """Calls that change nothing, most of them refused, and tokens that nobody asked for."""
        deposit = self.sponsor.vault.encode("deposit", 10**20)  # more than there is
        for target, data, gas in (
            (self.sponsor.federation, self.sponsor.federation.encode("stateRoot"), None),
            (self.sponsor.federation, bytes.fromhex("01020304"), 100_000),
            (self.sponsor.vault, self.sponsor.vault.encode("reserve", 5), 100_000),
            (self.sponsor.vault, deposit, 200_000),
            (self.sponsor.federation, self.sponsor.federation.encode("pause"), 24_000),
            (self.sponsor.federation, self.sponsor.federation.encode("pause"), None),
            (self.sponsor.federation, self.sponsor.federation.encode("unpause"), None),
            (self.sponsor.token, self.sponsor.token.encode("transfer", *self.gift), None),
        ):
            with suppress(TransactionReverted):
                self.sponsor.sender.send(target.address, data, gas=gas)

    @property
    def gift(self) -> tuple[str, int]:
        return self.sponsor.vault.address, 7

    def commit(self, updates: list[Update]) -> None:
        """Nodes 1, 2 and 4 by relay, node 1 twice; node 3 by itself, and then once more."""
        round_id, third = updates[0].manifest.round, self.hospitals[2]
        third.hot.commit_update(round_id, updates[2].manifest.update_digest)
        with pytest.raises(TransactionReverted):
            third.hot.federation.transact(
                third.hot.sender, "commitUpdate", round_id, bytes(32), gas=200_000
            )
        items = [
            pack_commitment(u.manifest.node, u.manifest.update_digest, compact(u.signature))
            for u in (updates[0], updates[0], updates[1], updates[3])
        ]
        self.sponsor.commit_updates(round_id, items)
        self.chain.increase_time(1)
        self.sponsor.advance(round_id)

    def deliver(self, updates: list[Update]) -> None:
        view, committee = self.sponsor.round(), self.sponsor.committee()
        by_id = {one.id: one for one in self.hospitals}
        keys = {n: by_id[n].keys.encryption_public for n in {*committee, view.aggregator}}
        for update in updates:
            digest = update.manifest.update_digest
            context = envelope_context(self.domain, view.id, digest)
            self.store.put(seal(encode_update(update), keys, context))

    def judge(self, scores: dict[int, int], order: list[int]) -> None:
        """Committee members vote with a little noise, reveal, and somebody settles."""
        round_id, by_id = self.sponsor.round().id, {one.id: one for one in self.hospitals}
        openings = []
        for slot, member in enumerate(self.sponsor.committee()):
            votes = [
                0 if n == member else scores[n] if scores[n] == INVALID else scores[n] + 10 * slot
                for n in order
            ]
            packed, salt = verdict.encode_scores(votes), self.rng.bytes(32)
            account = by_id[member].keys.account.address
            sealed = verdict.seal(
                self.chain.chain_id, self.sponsor.address, round_id, account, packed, salt
            )
            by_id[member].hot.commit_verdict(round_id, slot, sealed)
            openings.append((member, slot, packed, salt))
        for member, slot, packed, salt in openings:
            by_id[member].hot.reveal_verdict(round_id, slot, packed, salt)
        self.sponsor.settle(round_id)

    def merge(self, lanes: dict[int, Encoded]) -> bytes:
        """Propose the exact merge and keep the state."""
        view = self.sponsor.round()
        settled = next(e for e in self.sponsor.events("RoundSettled") if e["round"] == view.id)
        weights = history.settled([settled], view.id).weights
        order = [node for node, _ in history.updates(self.sponsor.events(), view.id)]
        rows = zip(order, weights, strict=True)
        weighted = [(weight, lanes[node]) for node, weight in rows if weight]
        self.state = merge.merge(self.state, weighted)
        root = state.root(self.state)
        by_id = {one.id: one for one in self.hospitals}
        by_id[view.aggregator].hot.propose_merge(view.id, root)
        self.store.put(encode_state(self.state))
        return root

    def attest(self, root: bytes) -> None:
        round_id, by_id = self.sponsor.round().id, {one.id: one for one in self.hospitals}
        message = self.domain.merge_digest(round_id, root)
        items = [
            pack_attestation(slot, compact(signing.sign(message, by_id[node].keys.signer.key)))
            for slot, node in enumerate(self.sponsor.committee())
        ]
        self.sponsor.attest_merge(round_id, items[:2])

    def round(self, wanted: list[np.ndarray], bits: list[int], scores: dict[int, int]) -> bytes:
        self.sponsor.open_round()
        rows = zip(self.hospitals, wanted, bits, strict=True)
        updates = [self.update(*row) for row in rows]
        self.commit(updates)
        self.deliver(updates)
        self.judge(scores, [3, 1, 2, 4])
        return self.merge({i: u.encoded for i, u in enumerate(updates, start=1)})


def _play(chain: Chain, run: Path) -> World:
    world = _Builder(chain, run)
    first = world.round(
        [world.delta() for _ in range(4)], [8, 4, 2, 8], {1: 900, 2: 500, 3: 700, 4: -9000}
    )
    world.attest(first)
    alike = world.delta()
    second = [alike, alike + world.delta(0.0005), world.delta(), world.delta(10.0)]
    world.round(second, [8, 8, 4, 8], {1: 300, 2: 310, 3: 800, 4: INVALID})
    chain.increase_time(TERMS.challenge_window)
    world.sponsor.advance(2)
    world.hospitals[0].own.claim(1)
    world.sponsor.claim(3)
    world.sponsor.withdraw(1000)
    world.odd_calls()
    head = chain.rpc("eth_getBlockByNumber", "latest", False)["hash"]
    keys = {one.id: one.keys.encryption_public for one in world.hospitals}
    return World(run, run / "chain.sqlite", world.sponsor.address, head, keys)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The federation's folder, made once."""
    run = tmp_path_factory.mktemp("run")
    with engines.connect(str(run / "chain.sqlite"), clock="virtual") as chain:
        played = _play(chain, run)
    (run / "card.json").write_bytes(CARD.encode())
    (run / "layout.json").write_bytes(LAYOUT.encode())
    description = {
        "version": 1, "chain": "chain.sqlite", "federation": played.federation,
        "card": "card.json", "layout": "layout.json", "store": "store",
        "nodes": [f"nodes/site{number}" for number in range(1, 5)],
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(description))
    return played


@pytest.fixture(scope="session")
def bundle(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its evidence, with every update opened."""
    return audit.export(world.run, tmp_path_factory.mktemp("evidence") / "bundle")


# -- forging evidence ---------------------------------------------------------------------------


class Forger:
    """A copy of a bundle, changed by somebody who knows the format and has no keys.

    Attributes:
        entries: block and receipts of every line of the chain file.
        index: ``bundle.json`` as an object.
    """

    def __init__(self, bundle: Path, folder: Path) -> None:
        self.folder = Path(shutil.copytree(bundle, folder))
        lines = (self.folder / BLOCKS).read_bytes().splitlines()
        self.entries: list[dict[str, Any]] = [json.loads(line) for line in lines]
        self.index: dict[str, Any] = json.loads((self.folder / INDEX).read_bytes())
        addresses = {"Federation": "federation", "Vault": "vault", "DemoToken": "token"}
        self.book = AbiBook({self.index[a]: artifact(name).abi for name, a in addresses.items()})

    # -- finding things --------------------------------------------------------------------------

    def transactions(self) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """Every entry with a transaction of it and its receipt."""
        for entry in self.entries:
            for tx, receipt in zip(entry["block"]["transactions"], entry["receipts"], strict=True):
                yield entry, tx, receipt

    def call(self, name: str, nth: int = 0) -> tuple[dict[str, Any], dict[str, Any], int]:
        """Entry, transaction and position of the n-th accepted call of this name."""
        found = []
        for entry, tx, receipt in self.transactions():
            abi = self.book.abi(tx["to"] or "")
            call = abi and abi.decode_call(bytes.fromhex(tx["input"][2:]))
            if call and call.name == name and receipt["status"] == "0x1":
                found.append((entry, tx, entry["block"]["transactions"].index(tx)))
        return found[nth]

    def log(self, name: str, nth: int = 0) -> dict[str, Any]:
        """The n-th event of this name."""
        logs = (log for _, _, receipt in self.transactions() for log in receipt["logs"])
        return [log for log in logs if (e := self.book.decode_log(log)) and e.name == name][nth]

    # -- changing things -------------------------------------------------------------------------

    def edit_event(self, name: str, nth: int = 0, **changes: Any) -> None:
        """Give fields of an event (not its indexed ones) other values."""
        log = self.log(name, nth)
        abi, event = self.book.abi(log["address"]), self.book.decode_log(log)
        entry = next(e for e in abi.entries if e.get("name") == name and e["type"] == "event")
        fields = [field for field in entry["inputs"] if not field["indexed"]]
        assert set(changes) <= {field["name"] for field in fields}
        values = {**event.args, **changes}
        kinds = [field["type"] for field in fields]
        log["data"] = "0x" + encode(kinds, [values[field["name"]] for field in fields]).hex()

    def blob(self, digest: str, data: bytes) -> str:
        """Replace a blob wherever it is mentioned."""
        made = hashlib.sha256(data).hexdigest()
        (self.folder / "blobs" / digest).unlink()
        (self.folder / "blobs" / made).write_bytes(data)
        self.index = json.loads(json.dumps(self.index).replace(digest, made))
        return made

    # -- making it look right again --------------------------------------------------------------

    def rebuild(self) -> None:
        """Recompute every place, bloom, root and hash of the chain, as a lying server would."""
        parent, height = None, int(self.entries[0]["block"]["number"], 16)
        for position, entry in enumerate(self.entries):
            block = entry["block"]
            block["number"] = hex(height + position)
            if parent is not None:
                block["parentHash"] = parent
            _renumber(block, entry["receipts"])
            txs, receipts = block["transactions"], entry["receipts"]
            block["transactionsRoot"] = _root([transactions.raw_transaction(t) for t in txs])
            block["receiptsRoot"] = _root([headers.receipt_bytes(r) for r in receipts])
            parent = block["hash"] = "0x" + keccak(headers.header_rlp(block)).hex()
            logs = [log for receipt in receipts for log in receipt["logs"]]
            for item in (*txs, *receipts, *logs):
                item["blockHash"] = parent
        head = self.entries[-1]["block"]
        self.index |= {"head_number": int(head["number"], 16), "head_hash": head["hash"][2:]}

    def seal(self) -> Path:
        """Write everything, with the right size and SHA-256 of every file."""
        lines = [json.dumps(entry, separators=(",", ":")).encode() for entry in self.entries]
        (self.folder / BLOCKS).write_bytes(b"\n".join(lines) + b"\n")
        files = []
        for path in sorted(p for p in self.folder.rglob("*") if p.is_file() and p.name != INDEX):
            data, name = path.read_bytes(), path.relative_to(self.folder).as_posix()
            digest = hashlib.sha256(data).hexdigest()
            files.append({"path": name, "sha256": digest, "size": len(data)})
        self.index["files"] = sorted(files, key=lambda file: file["path"])
        (self.folder / INDEX).write_bytes(canonical_json(self.index))
        return self.folder


def _renumber(block: dict[str, Any], receipts: list[dict[str, Any]]) -> None:
    gas, index = 0, 0
    block_bloom = BloomFilter()
    for position, (tx, receipt) in enumerate(zip(block["transactions"], receipts, strict=True)):
        gas += int(receipt["gasUsed"], 16)
        bloom = BloomFilter()
        for log in receipt["logs"]:
            bloom.extend(bytes.fromhex(part[2:]) for part in (log["address"], *log["topics"]))
            log["logIndex"] = hex(index)
            index += 1
        block_bloom |= bloom
        receipt["logsBloom"] = "0x" + int(bloom).to_bytes(256, "big").hex()
        receipt["cumulativeGasUsed"] = hex(gas)
        tx["hash"] = "0x" + keccak(transactions.raw_transaction(tx)).hex()
        for item in (tx, receipt, *receipt["logs"]):
            item["blockNumber"] = block["number"]
            item["transactionIndex"] = hex(position)
        for item in (receipt, *receipt["logs"]):
            item["transactionHash"] = tx["hash"]
    block["logsBloom"] = "0x" + int(block_bloom).to_bytes(256, "big").hex()
    block["gasUsed"] = hex(gas)


def _root(items: list[bytes]) -> str:
    trie = HexaryTrie({})
    for position, item in enumerate(items):
        trie[rlp.encode(position)] = item
    return "0x" + trie.root_hash.hex()


@pytest.fixture
def forger(bundle: Path, tmp_path: Path) -> Forger:
    """A copy of the evidence to tamper with."""
    return Forger(bundle, tmp_path / "forged")
