"""A federation whose members, keys, updates and states are real, on the reference model.

Each call has the sender that the protocol expects; false values are given by keyword.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import pytest
from eth_keys.datatypes import PrivateKey

from collegium.protocol import codec, ledger, merge_proof, packed, signing, state, verdict
from collegium.protocol.codec import Encoded
from collegium.protocol.digest import sha256, update_digest
from collegium.protocol.merge_proof import Accepted, MergeProof
from collegium.protocol.model.federation import Federation
from collegium.protocol.model.machine import Context, Event, Revert
from collegium.protocol.rules.merging import merge
from collegium.protocol.state import State
from collegium.protocol.terms import Terms

FEDERATION = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SALT = b"\x05" * 32
LANES = 512
SIGNERS = range(1, 31)
"""Numbers of the keys that nodes sign with, first or after rotating."""


@contextmanager
def refused(name: str, **values: Any) -> Iterator[None]:
    """Expect that the call reverts with this custom error and these of its arguments."""
    with pytest.raises(Revert) as caught:
        yield
    assert caught.value.name == name, caught.value
    assert values.items() <= caught.value.values.items(), caught.value


@cache
def address(key: bytes) -> str:
    return PrivateKey(key).public_key.to_checksum_address()


@cache
def lanes(id: int) -> Encoded:
    """The update of node ``id``; its code width depends on the id."""
    rng, bits = np.random.default_rng(id), codec.BITS[id % 3]
    limit = codec.max_code(bits)
    exponents = rng.integers(0, 25, LANES // 32).astype(np.uint8)
    return Encoded(bits, exponents, rng.integers(-limit, limit + 1, LANES).astype(np.int8))


def genesis() -> State:
    """A state with lanes at both ends of int32, so that the merge clamps some."""
    start = np.random.default_rng(0).integers(-(2**31), 2**31, LANES)
    start[::7] = 2**31 - 1
    return start.astype(np.int32)


GENESIS = state.root(genesis())


def manifest(id: int) -> bytes:
    """A substitute for the hash of the node's manifest."""
    return sha256(b"manifest", bytes([id % 256]))


class Consortium:
    """A reference model with members and a clock; each call has the expected sender."""

    def __init__(self, terms: Terms, nodes: int = 5, escrow: int = 10**8) -> None:
        self.admin = self.council = self.coordinator = address(b"\xfe" * 32)
        self.anybody = address(b"\xfd" * 32)
        self.model = Federation(31337, FEDERATION, terms, GENESIS, self.admin)
        self.time, self.prevrandao = 1_000, 99
        self.states = {GENESIS: genesis()}
        self._numbers = {self.signer(number): number for number in SIGNERS}
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

    def key(self, number: int) -> bytes:
        """Signing key number ``number``; node 1 begins with key 1, and so on."""
        return number.to_bytes(32, "big")

    def signer(self, number: int) -> str:
        return address(self.key(number))

    def speaker(self, id: int) -> int:
        """Number of the key that acts for a node in this round; if none does, of its newest."""
        nodes = self.model.nodes
        if id > len(nodes):
            return id
        spoken = [k for k in SIGNERS if self.model.signs(self.signer(k), self.id) is nodes[id - 1]]
        return next(iter(spoken), self._numbers[nodes[id - 1].signer])

    def voice(self, id: int) -> str:
        """Signer that acts for a node in this round."""
        return self.signer(self.speaker(id))

    def account(self, id: int) -> str:
        return address((id + 10_000).to_bytes(32, "big"))

    def call(self, sender: str, name: str, **args) -> list[Event]:
        events = self.model.call(Context(sender, self.time, self.prevrandao), name, **args)
        self.model.vault.verify_conservation()
        return events

    def join(self) -> list[Event]:
        id = len(self.model.nodes) + 1
        self.call(self.council, "admit", account=self.account(id), allowed=True)
        return self.call(self.account(id), "register", **self.registration(id))

    def registration(self, id: int) -> dict:
        keys = {"encryptionKey": b"e" * 32, "transportKey": b"t" * 32}
        return {"signer": self.signer(id), "proof": [], **keys}

    def open(self) -> list[Event]:
        return self.call(self.coordinator, "openRound", base=self.model.state_root)

    def digest(self, id: int) -> bytes:
        return update_digest(manifest(id), codec.lane_root(lanes(id)))

    def commit(self, *ids: int) -> list[Event]:
        calls = [
            self.call(self.voice(id), "commitUpdate", round=self.id, digest=self.digest(id))
            for id in ids
        ]
        return [event for events in calls for event in events]

    def commitment(self, id: int, key: bytes | None = None) -> bytes:
        typed = self.model.domain.update_digest(
            self.id, self.account(id), self.model.state_root, self.digest(id)
        )
        signature = signing.sign(typed, key or self.key(self.speaker(id)))
        return packed.pack_commitment(self.account(id), self.digest(id), signing.compact(signature))

    def advance(self) -> list[Event]:
        return self.call(self.anybody, "advance", round=self.id)

    def expire(self) -> None:
        self.time = max(self.time, self.model.status(self.time).deadline)

    def draw(self) -> list[Event]:
        self.expire()
        return self.advance()

    def member(self, slot: int) -> str:
        return self.voice(self.round.committee[slot])

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

    def accepted(self) -> list[Accepted]:
        """The updates that the settlement accepted, with their weights."""
        result, updates = self.model.settlement(), self.round.updates
        return [
            Accepted(id, digest, weight, manifest(id), lanes(id))
            for (id, digest), weight, ok in zip(
                updates, result.weights, result.accepted, strict=True
            )
            if ok
        ]

    def merged(self, altered: int | None = None) -> State:
        """The merge of this round, or the same with one altered lane."""
        updates = [(each.weight, each.lanes) for each in self.accepted() if each.weight]
        merged = merge(self.model.terms.merging, self.states[self.model.state_root], updates)
        if altered is not None:
            merged[altered] ^= 1
        self.states[state.root(merged)] = merged
        return merged

    def proof(self) -> MergeProof:
        """The proof against the proposal; None if it is right."""
        proposed = self.states[self.round.proposal]
        place = merge_proof.find(self.merged(), proposed) or (1, 7)
        base = self.states[self.model.state_root]
        return merge_proof.build(self.id, place, base, proposed, self.accepted())

    def dispute(self, proof: MergeProof | None = None, sender: str | None = None) -> list[Event]:
        proof = proof or self.proof()
        return self.call(sender or self.anybody, "disputeMerge", proof=proof.to_call())

    def equivocation(self, id: int, key: bytes | None = None, **lies: Any) -> dict[str, Any]:
        """Two updates of a node for one round, both signed."""
        call = {"round": self.id, "base": self.model.state_root, "account": self.account(id)}
        call |= {"digests": [b"\x01" * 32, b"\x02" * 32], **lies}
        halves = []
        for digest in call["digests"]:
            typed = self.model.domain.update_digest(
                call["round"], call["account"], call["base"], digest
            )
            signature = signing.compact(signing.sign(typed, key or self.key(self.speaker(id))))
            halves += [signature[:32], signature[32:]]
        return call | {"signatures": halves}

    def propose(self, root: bytes | None = None, id: int | None = None) -> list[Event]:
        signer = self.voice(id or self.round.aggregator)
        root = state.root(self.merged()) if root is None else root
        return self.call(signer, "proposeMerge", round=self.id, root=root)

    def attestation(self, slot: int, root: bytes, key: bytes | None = None) -> bytes:
        digest = self.model.domain.merge_digest(self.id, root)
        signature = signing.sign(digest, key or self.key(self.speaker(self.round.committee[slot])))
        return packed.pack_attestation(slot, signing.compact(signature))

    def attest(self, *slots: int) -> list[Event]:
        items = b"".join(self.attestation(slot, self.round.proposal) for slot in slots)
        return self.call(self.anybody, "attestMerge", round=self.id, signatures=items)

    def claim(self, id: int) -> list[Event]:
        proof = ledger.proof(self.model.totals, id)
        total = self.model.totals[id - 1]
        return self.call(self.anybody, "claim", id=id, total=total, proof=proof)

    def settled(self, scores: list[int] | None = None) -> list[Event]:
        """Play a round up to its settlement, in which all take part and agree."""
        self.open()
        self.commit(*self.round.members.values())
        self.draw()
        scores = scores or [100] * len(self.round.updates)
        for slot in range(self.model.terms.committee):
            self.seal(slot, scores)
        for slot in range(self.model.terms.committee):
            self.reveal(slot, scores)
        return self.settle()

    def proposed(self, altered: int | None = None) -> list[Event]:
        """Play a round up to a proposal, with one altered lane or none."""
        self.settled()
        return self.propose(state.root(self.merged(altered)))

    def final(self) -> list[Event]:
        """Attest the proposal and let the dispute window pass."""
        self.attest(*range(self.model.terms.quorum))
        self.expire()
        return self.advance()

    def finished(self) -> list[Event]:
        """Play a whole round, attested by its committee."""
        self.proposed()
        return self.final()
