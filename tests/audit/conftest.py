"""A small real federation on the embedded chain: four nodes, two rounds, and its evidence.

Round 1: all four commit (one in a transaction of its own, three relayed, one of them twice), the
update of node 4 makes the model worse and is rejected, the committee attests the merge.
Round 2: node 4 sends an update beyond the norm bound, node 2 a near-copy of that of node 1; the
merge becomes final by the passing of time. Nodes 1 and 3 claim. Some calls are refused.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from tests.audit.forging import Forger

from collegium import audit
from collegium.chain import engines, history
from collegium.chain.connection import Chain
from collegium.chain.federation import Federation, deploy_federation, deploy_token
from collegium.chain.sender import Sender
from collegium.errors import TransactionReverted
from collegium.protocol import codec, merge, signing, state, verdict
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
            context = self.domain.envelope_context(view.id, digest)
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


def play(chain: Chain, run: Path) -> World:
    """Two rounds on this chain; what they leave is in the folder ``run``."""
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
        played = play(chain, run)
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


@pytest.fixture
def forger(bundle: Path, tmp_path: Path) -> Forger:
    """A copy of the evidence to tamper with."""
    return Forger(bundle, tmp_path / "forged")
