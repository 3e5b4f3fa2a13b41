"""What the people of a small federation do, step by step, and what it runs by."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from tests.support.passphrase import PASSPHRASE
from tests.support.terms import LIMITS, terms

from collegium.chain import history
from collegium.chain.connection import Chain
from collegium.chain.federation import Federation, deploy_federation, deploy_token
from collegium.chain.sender import Sender
from collegium.errors import TransactionReverted
from collegium.protocol import codec, merge_proof, signing, state, verdict
from collegium.protocol.card import TaskCard
from collegium.protocol.container import Update, encode_state, encode_update
from collegium.protocol.layout import Layout, Tensor
from collegium.protocol.manifest import Manifest
from collegium.protocol.merge_proof import Accepted, MergeProof
from collegium.protocol.packed import pack_attestation, pack_commitment
from collegium.protocol.rules import merging
from collegium.protocol.settlement import INVALID
from collegium.protocol.signing import Domain, compact
from collegium.protocol.state import State
from collegium.store import BlobStore
from collegium.store.sealed import seal
from collegium.workspace.home import NodeHome, NodeSettings
from collegium.workspace.keyring import Keyring

TERMS = terms(min_score=0, merge_penalty=6000)
LAYOUT = Layout(
    task="toy", base_model="aa" * 32, mode="ffa", rank=2, alpha=4, frozen="bb" * 32,
    tensors=(Tensor("a.lora_B", (10, 20)), Tensor("b.lora_B", (10, 10))),
)  # fmt: skip
CARD = TaskCard(
    name="Chest X-ray pilot", task="toy", layout=LAYOUT.digest.hex(), base_model="aa" * 32,
    challenge="cc" * 32, genesis=state.root(state.zeros(LAYOUT)).hex(), metric="accuracy",
    recipe={"steps": 3}, limits=replace(LIMITS, norm=1.0), terms=TERMS,
)  # fmt: skip

ALTERED = 290  # a lane: block 1 of leaf 1

Delta = npt.NDArray[np.float64]


@dataclass
class Hospital:
    """One node: its id, its keys, what it signs with at present, and its clients."""

    id: int
    keys: Keyring
    signer: LocalAccount
    own: Federation
    hot: Federation


class Builder:
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
        self.sponsor.deposit(4 * TERMS.reward)
        self.domain = Domain(chain.chain_id, self.sponsor.address)
        self.hospitals = {number: self._join(number) for number in range(1, 5)}
        self.state = state.zeros(LAYOUT)
        self.store.put(CARD.encode())
        self.store.put(LAYOUT.encode())

    # -- membership ------------------------------------------------------------------------------

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
        return Hospital(receipt.event("NodeRegistered")["id"], keys, keys.signer, own, hot)

    def rotate(self, number: int) -> Callable[[], None]:
        """Announce a new signer; call the result when it is the node's."""
        one, fresh = self.hospitals[number], self._fresh(number)
        one.own.rotate(fresh.address, one.keys.encryption_public, one.keys.transport_digest)
        return lambda: self._take_up(number, fresh)

    def come_back(self, number: int) -> None:
        """A node that has left registers again."""
        one, fresh = self.hospitals[number], self._fresh(number)
        self.sponsor.mint(one.keys.account.address, TERMS.stake)
        one.own.register(fresh.address, one.keys.encryption_public, one.keys.transport_digest)
        self._take_up(number, fresh)

    def _fresh(self, number: int) -> LocalAccount:
        fresh: LocalAccount = Account.from_key(bytes([100 + number]) * 32)
        self.sponsor.sender.send(fresh.address, value=10**18)
        return fresh

    def _take_up(self, number: int, fresh: LocalAccount) -> None:
        self.hospitals[number].signer = fresh
        self.hospitals[number].hot = self.sponsor.using(fresh, lock_directory=self.run)

    # -- updates and votes -----------------------------------------------------------------------

    def delta(self, scale: float = 0.01) -> Delta:
        values = np.zeros(LAYOUT.padded)
        values[: LAYOUT.lanes] = self.rng.normal(0, scale, LAYOUT.lanes)
        return state.to_units(values)

    def update(self, hospital: Hospital, wanted: Delta, bits: int) -> Update:
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
        return Update(manifest, signing.sign(message, hospital.signer.key), lanes)

    def commit(self, updates: dict[int, Update]) -> None:
        """Nodes 1, 2 and 4 by relay, node 1 twice; node 3 by itself, and then once more."""
        round_id, third = updates[1].manifest.round, self.hospitals[3]
        third.hot.commit_update(round_id, updates[3].manifest.update_digest)
        with pytest.raises(TransactionReverted):
            third.hot.federation.transact(
                third.hot.sender, "commitUpdate", round_id, bytes(32), gas=200_000
            )
        items = [
            pack_commitment(u.manifest.node, u.manifest.update_digest, compact(u.signature))
            for u in (updates[1], updates[1], updates[2], updates[4])
        ]
        self.sponsor.commit_updates(round_id, items)
        self.chain.increase_time(1)
        self.sponsor.advance(round_id)

    def deliver(self, updates: dict[int, Update]) -> None:
        view, committee = self.sponsor.round(), self.sponsor.committee()
        readers = {*committee, view.aggregator}
        keys = {n: self.hospitals[n].keys.encryption_public for n in readers}
        for update in updates.values():
            digest = update.manifest.update_digest
            context = self.domain.envelope_context(view.id, digest)
            self.store.put(seal(encode_update(update), keys, context))

    def judge(self, scores: dict[int, int], silent: int = 0) -> None:
        """Committee members vote with a little noise, all but one reveal, and somebody settles."""
        round_id, openings = self.sponsor.round().id, []
        for slot, member in enumerate(self.sponsor.committee()):
            votes = [
                0 if n == member else scores[n] if scores[n] == INVALID else scores[n] + 10 * slot
                for n in (3, 1, 2, 4)
            ]
            packed, salt = verdict.encode_scores(votes), self.rng.bytes(32)
            account = self.hospitals[member].keys.account.address
            sealed = verdict.seal(
                self.chain.chain_id, self.sponsor.address, round_id, account, packed, salt
            )
            self.hospitals[member].hot.commit_verdict(round_id, slot, sealed)
            openings.append((member, slot, packed, salt))
        for member, slot, packed, salt in openings:
            if member != silent:
                self.hospitals[member].hot.reveal_verdict(round_id, slot, packed, salt)
        if silent:
            self.chain.increase_time(TERMS.reveal_window)
        self.sponsor.settle(round_id)

    def round(
        self, wanted: list[Delta], bits: list[int], scores: dict[int, int], silent: bool = False
    ) -> dict[int, Update]:
        """From the opening of a round to its settlement."""
        self.sponsor.open_round()
        rows = zip(self.hospitals.values(), wanted, bits, strict=True)
        updates = {hospital.id: self.update(hospital, *rest) for hospital, *rest in rows}
        self.commit(updates)
        self.deliver(updates)
        self.judge(scores, self.rich(self.sponsor.committee())[-1] if silent else 0)
        return updates

    # -- merges ----------------------------------------------------------------------------------

    def rich(self, numbers: list[int]) -> list[int]:
        """Those of some nodes that hold the bond of a proposer."""
        return [n for n in numbers if self.sponsor.stake(n) >= TERMS.bond]

    def accepted(self, updates: dict[int, Update]) -> list[Accepted]:
        """What the newest settlement accepted, in commit order."""
        round_id, events = self.sponsor.round().id, self.sponsor.events()
        found = history.settled(events, round_id)
        assert found is not None
        rows = zip(history.updates(events, round_id), found.weights, found.medians, strict=True)
        return [
            Accepted(node, digest, weight, updates[node].manifest.digest, updates[node].encoded)
            for (node, digest), weight, median in rows
            if median >= TERMS.min_score
        ]

    def propose(self, number: int, accepted: list[Accepted]) -> State:
        """Propose the exact merge and keep its state."""
        merged = merging.merge(self.state, [(a.weight, a.lanes) for a in accepted if a.weight])
        self.hospitals[number].hot.propose_merge(self.sponsor.round().id, state.root(merged))
        self.store.put(encode_state(merged))
        return merged

    def attest(self, proposed: bytes, *numbers: int) -> None:
        round_id, slots = self.sponsor.round().id, self.sponsor.committee()
        message = self.domain.merge_digest(round_id, proposed)
        items = [
            pack_attestation(
                slots.index(n), compact(signing.sign(message, self.hospitals[n].signer.key))
            )
            for n in numbers
        ]
        self.sponsor.attest_merge(round_id, items)

    def finish(self, merged: State) -> None:
        """Two members sign the merge, and the time to object passes."""
        self.attest(state.root(merged), *self.sponsor.committee()[:2])
        self.chain.increase_time(TERMS.dispute_window)
        self.sponsor.advance(self.sponsor.round().id)
        self.state = merged

    def altered(self, accepted: list[Accepted]) -> int:
        """The aggregator alters one lane, a friend signs it, a third disproves it; who it was."""
        view, members = self.sponsor.round(), self.sponsor.committee()
        challenger, friend = sorted((n for n in members if n != view.aggregator), reverse=True)[:2]
        right = merging.merge(self.state, [(a.weight, a.lanes) for a in accepted if a.weight])
        wrong = right.copy()
        wrong[ALTERED] += 1
        self.hospitals[view.aggregator].hot.propose_merge(view.id, state.root(wrong))
        self.store.put(encode_state(wrong))
        self.attest(state.root(wrong), friend)
        place = merge_proof.find(right, wrong)
        assert place is not None
        self.frivolous(merge_proof.build(view.id, (0, 0), self.state, wrong, accepted))
        proof = merge_proof.build(view.id, place, self.state, wrong, accepted)
        self.hospitals[challenger].hot.dispute_merge(proof)
        return view.aggregator

    def frivolous(self, proof: MergeProof) -> None:
        """A dispute that the contract refuses, sent all the same."""
        disputes = self.sponsor.disputes
        with pytest.raises(TransactionReverted):
            disputes.transact(self.sponsor.sender, "disputeMerge", proof.to_call(), gas=2_000_000)

    def unshown(self, number: int) -> None:
        """A root that nobody can show, which nobody signs."""
        round_id = self.sponsor.round().id
        self.hospitals[number].hot.propose_merge(round_id, b"\x99" * 32)
        self.chain.increase_time(TERMS.challenge_window)
        self.sponsor.advance(round_id)

    # -- the rest --------------------------------------------------------------------------------

    def report(self, number: int, signer: LocalAccount) -> None:
        """Prove that a signer signed two updates in round 1, and be paid for it."""
        account, base = self.hospitals[number].keys.account.address, bytes.fromhex(CARD.genesis)
        digests = [b"\x01" * 32, b"\x02" * 32]
        signatures = [
            compact(signing.sign(self.domain.update_digest(1, account, base, d), signer.key))
            for d in digests
        ]
        self.sponsor.prove_equivocation(1, base, account, digests, signatures)
        self.sponsor.collect(self.sponsor.sender.address)
        self.sponsor.recycle()

    def odd_calls(self) -> None:
        """Calls that change nothing, most of them refused, and tokens that nobody asked for."""
        contracts, token = self.sponsor, self.sponsor.token
        gift = token.encode("transfer", contracts.vault.address, 7)
        federation, vault, disputes = contracts.federation, contracts.vault, contracts.disputes
        for target, data, gas in (
            (federation, federation.encode("stateRoot"), None),
            (federation, bytes.fromhex("01020304"), 100_000),
            (vault, vault.encode("reserve", 5), 100_000),
            (vault, vault.encode("deposit", 10**20), 200_000),  # more than there is
            (vault, vault.encode("withdrawStake", 4), 200_000),
            (federation, federation.encode("disprove", 3, contracts.sender.address), 200_000),
            (disputes, disputes.encode("federation"), None),
            (disputes, bytes.fromhex("01020304"), 100_000),
            (federation, federation.encode("pause"), 24_000),
            (federation, federation.encode("pause"), None),
            (federation, federation.encode("unpause"), None),
            (token, gift, None),
        ):
            with suppress(TransactionReverted):
                contracts.sender.send(target.address, data, gas=gas)
