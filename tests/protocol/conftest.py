"""Values that many protocol tests start from, and a moderate hypothesis profile.

``Hospital`` makes updates, honest or not. ``Consortium`` drives the reference model of the
contracts with real signatures.
"""

from dataclasses import replace

import numpy as np
import pytest
from eth_keys.datatypes import PrivateKey
from hypothesis import settings

from collegium.protocol import codec, ledger, packed, signing, verdict
from collegium.protocol.card import Limits, TaskCard
from collegium.protocol.checks import Case
from collegium.protocol.container import Update
from collegium.protocol.federation import Federation
from collegium.protocol.layout import Layout, Tensor
from collegium.protocol.machine import Context, Event
from collegium.protocol.manifest import Manifest
from collegium.protocol.signing import Domain, sign
from collegium.protocol.terms import SCORE, Terms

settings.register_profile("protocol", max_examples=40, deadline=None)
settings.load_profile("protocol")

FEDERATION = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
BASE = bytes(range(32))


def address(key: bytes) -> str:
    return PrivateKey(key).public_key.to_checksum_address()


@pytest.fixture(scope="session")
def terms() -> Terms:
    return Terms(
        reward=1_000_000,
        stake=500,
        node_share=8500,
        validator_share=1000,
        aggregator_share=500,
        committee=3,
        min_updates=2,
        min_score=-100,
        weight_rule=SCORE,
        commit_window=100,
        score_window=200,
        reveal_window=300,
        merge_window=400,
        challenge_window=500,
    )


@pytest.fixture(scope="session")
def layout() -> Layout:
    """337 lanes in two leaves, so that padding is there."""
    return Layout(
        task="xray-dialogue",
        base_model="aa" * 32,
        mode="ffa",
        rank=4,
        alpha=8,
        frozen="bb" * 32,
        tensors=(Tensor("a.lora_B", (16, 20)), Tensor("b.lora_B", (17,))),
    )


@pytest.fixture(scope="session")
def card(layout, terms) -> TaskCard:
    return TaskCard(
        name="Four hospitals",
        task=layout.task,
        layout=layout.digest.hex(),
        base_model=layout.base_model,
        challenge="cc" * 32,
        genesis="dd" * 32,
        metric="accuracy",
        recipe={"steps": 30, "lr": 0.004, "schedule": ["cosine", None, True]},
        limits=Limits(norm=1.0, cosine=0.95),
        terms=terms,
    )


class Hospital:
    """A node that makes updates; what it lies about is given by keyword."""

    def __init__(self, layout: Layout, number: int) -> None:
        self.layout = layout
        self.key, self.account = bytes([number]) * 32, address(bytes([100 + number]) * 32)
        self.signer = address(self.key)
        self.number = number

    def delta(self) -> np.ndarray:
        rng = np.random.default_rng(self.number)
        delta = np.zeros(self.layout.padded)
        delta[: self.layout.lanes] = rng.normal(scale=1e4, size=self.layout.lanes)
        return delta

    def update(self, delta=None, width=8, encoded=None, key=None, **lies) -> Update:
        encoded = encoded or codec.quantise(self.delta() if delta is None else delta, width)
        manifest = Manifest(
            federation=FEDERATION,
            chain_id=31337,
            round=7,
            node=self.account,
            base=BASE.hex(),
            layout=self.layout.digest.hex(),
            bits=encoded.bits,
            lane_root=codec.lane_root(encoded).hex(),
            samples=120,
        )
        manifest = replace(manifest, **lies)
        digest = Domain(manifest.chain_id, manifest.federation).update_digest(
            manifest.round, self.account, bytes.fromhex(manifest.base), manifest.update_digest
        )
        return Update(manifest, sign(digest, key or self.key), encoded)

    def case(self, card: TaskCard, update: Update, **changes) -> Case:
        case = Case(
            domain=Domain(31337, FEDERATION),
            card=card,
            layout=self.layout,
            round=7,
            base=BASE,
            account=self.account,
            signer=self.signer,
            active=True,
            committed=update.manifest.update_digest,
        )
        return replace(case, **changes)


@pytest.fixture(scope="session")
def hospital(layout) -> Hospital:
    return Hospital(layout, 1)


@pytest.fixture(scope="session")
def hospitals(layout) -> list[Hospital]:
    return [Hospital(layout, number) for number in range(1, 5)]


GENESIS = b"\x07" * 32
SALT = b"\x05" * 32


class Consortium:
    """A model with members and a clock; calls are made by whom the protocol expects."""

    def __init__(self, terms: Terms, nodes: int = 5, escrow: int = 10**8) -> None:
        self.admin = address(b"\xfe" * 32)
        self.anybody = address(b"\xfd" * 32)
        self.model = Federation(31337, FEDERATION, terms, GENESIS, self.admin)
        self.time, self.prevrandao = 1_000, 99
        if escrow:
            self.call(self.admin, "deposit", amount=escrow)
        for _ in range(nodes):
            self.join()

    @property
    def round(self):
        return self.model.round

    @property
    def id(self) -> int:
        return self.round.id

    def key(self, id: int) -> bytes:
        return id.to_bytes(32, "big")

    def signer(self, id: int) -> str:
        return address(self.key(id))

    def account(self, id: int) -> str:
        return address((id + 10_000).to_bytes(32, "big"))

    def call(self, sender: str, name: str, **args) -> list[Event]:
        events = self.model.call(Context(sender, self.time, self.prevrandao), name, **args)
        self.model.vault.verify_conservation()
        return events

    def join(self) -> list[Event]:
        id = len(self.model.nodes) + 1
        self.call(self.admin, "admit", account=self.account(id), allowed=True)
        return self.call(self.account(id), "register", **self.registration(id))

    def registration(self, id: int) -> dict:
        keys = {"encryptionKey": b"e" * 32, "transportKey": b"t" * 32}
        return {"signer": self.signer(id), "proof": [], **keys}

    def open(self) -> list[Event]:
        return self.call(self.admin, "openRound", base=self.model.state_root)

    def digest(self, id: int) -> bytes:
        return id.to_bytes(16, "big") * 2

    def commit(self, *ids: int) -> list[Event]:
        calls = [
            self.call(self.signer(id), "commitUpdate", round=self.id, digest=self.digest(id))
            for id in ids
        ]
        return [event for events in calls for event in events]

    def commitment(self, id: int, key: bytes | None = None) -> bytes:
        typed = self.model.domain.update_digest(
            self.id, self.account(id), self.model.state_root, self.digest(id)
        )
        signature = signing.sign(typed, key or self.key(id))
        return packed.pack_commitment(self.account(id), self.digest(id), signing.compact(signature))

    def advance(self) -> list[Event]:
        return self.call(self.anybody, "advance", round=self.id)

    def expire(self) -> None:
        self.time = max(self.time, self.model.status(self.time).deadline)

    def draw(self) -> list[Event]:
        self.expire()
        return self.advance()

    def member(self, slot: int) -> str:
        return self.signer(self.round.committee[slot])

    def seal(self, slot: int, scores: list[int]) -> list[Event]:
        account = self.account(self.round.committee[slot])
        data = verdict.encode_scores(scores)
        seal = verdict.seal(31337, FEDERATION, self.id, account, data, SALT)
        return self.call(self.member(slot), "commitVerdict", round=self.id, slot=slot, seal=seal)

    def reveal(self, slot: int, scores: list[int]) -> list[Event]:
        return self.call(
            self.member(slot),
            "revealVerdict",
            round=self.id,
            slot=slot,
            scores=verdict.encode_scores(scores),
            salt=SALT,
        )

    def settlement(self) -> dict:
        slots = range(self.model.terms.committee)
        return {
            "round": self.id,
            "updates": packed.pack_updates(self.round.updates),
            "scores": [self.round.scores.get(slot, b"") for slot in slots],
            "ledger": list(self.model.totals),
        }

    def settle(self) -> list[Event]:
        return self.call(self.anybody, "settle", **self.settlement())

    def propose(self, root: bytes, id: int | None = None) -> list[Event]:
        signer = self.signer(id or self.round.aggregator)
        return self.call(signer, "proposeMerge", round=self.id, root=root)

    def attestation(self, slot: int, root: bytes, key: bytes | None = None) -> bytes:
        digest = self.model.domain.merge_digest(self.id, root)
        signature = signing.sign(digest, key or self.key(self.round.committee[slot]))
        return packed.pack_attestation(slot, signing.compact(signature))

    def attest(self, *slots: int) -> list[Event]:
        items = b"".join(self.attestation(slot, self.round.proposal) for slot in slots)
        return self.call(self.anybody, "attestMerge", round=self.id, signatures=items)

    def claim(self, id: int) -> list[Event]:
        proof = ledger.proof(self.model.totals, id)
        total = self.model.totals[id - 1]
        return self.call(self.anybody, "claim", id=id, total=total, proof=proof)

    def settled(self, scores: list[int] | None = None) -> list[Event]:
        """A round up to its settlement, everybody taking part and agreeing."""
        self.open()
        self.commit(*self.round.members.values())
        self.draw()
        scores = scores or [100] * len(self.round.updates)
        for slot in range(self.model.terms.committee):
            self.seal(slot, scores)
        for slot in range(self.model.terms.committee):
            self.reveal(slot, scores)
        return self.settle()

    def finished(self, root: bytes = b"\x09" * 32) -> list[Event]:
        """A whole round, attested by its committee."""
        self.settled()
        self.propose(root)
        return self.attest(*range(self.model.terms.quorum))


@pytest.fixture
def consortium(terms) -> Consortium:
    return Consortium(terms)


@pytest.fixture(scope="session")
def make_consortium():
    return Consortium
