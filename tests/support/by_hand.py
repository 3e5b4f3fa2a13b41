"""One round, role by role, so that a test can change any step."""

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from tests.support.world import LAYOUT, LIMITS, World, site

from collegium.protocol import codec, signing, similarity, state, verdict
from collegium.protocol.card import Scoring
from collegium.protocol.codec import Encoded
from collegium.protocol.container import Update, encode_state, encode_update
from collegium.protocol.manifest import Manifest
from collegium.protocol.rules.merging import MEAN, MergeRule
from collegium.protocol.state import State
from collegium.roles import aggregator, contributor, scoring, validator
from collegium.roles.contributor import Attestation
from collegium.roles.node import Node
from collegium.roles.validator import Vote
from collegium.roles.view import RoundView
from collegium.store.sealed import seal

STEPS = (
    "open", "commit", "draw", "deliver", "vote", "reveal", "settle", "propose", "attest", "finish",
)  # fmt: skip


class Nodes(MutableMapping[int, Node]):
    """All nodes of a federation by id, each opened when it is first needed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._opened: dict[int, Node] = {}

    def __getitem__(self, number: int) -> Node:
        if number not in self._opened:
            self._opened[number] = self._world.node(number)
        return self._opened[number]

    def __setitem__(self, number: int, node: Node) -> None:
        self._opened[number] = node

    def __delitem__(self, number: int) -> None:
        del self._opened[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._world.homes)

    def __len__(self) -> int:
        return len(self._world.homes)


class ByHand:
    """One round in which every role acts when the test says so.

    Args:
        world: the federation.
        base: the state that the round builds on; the untrained one if not given.

    Attributes:
        nodes: all nodes by id.
        made: the update that each node will commit to, by id.
        envelopes: the envelopes that the nodes delivered, by id.
        votes: the honest votes of committee members, by id.
        merged: the aggregator's state.
    """

    def __init__(self, world: World, base: State | None = None) -> None:
        self.world = world
        self.base = state.zeros(LAYOUT) if base is None else base
        self.nodes = Nodes(world)
        self.made: dict[int, Attestation] = {}
        self.envelopes: dict[int, bytes] = {}
        self.votes: dict[int, Vote] = {}
        self.merged: State | None = None
        self._lies: dict[int, tuple[bytes, bytes]] = {}

    def resume(self, before: "ByHand") -> "ByHand":
        """Take over everything made in the same round before the federation was copied."""
        self.made, self.envelopes = dict(before.made), dict(before.envelopes)
        self.votes, self.merged = dict(before.votes), before.merged
        return self

    @property
    def view(self) -> RoundView:
        return self.world.view()

    @property
    def file(self) -> bytes:
        """The state file of the base."""
        return encode_state(self.base)

    def play(self, last: str = "finish", first: str = "open") -> "ByHand":
        """Carry out the honest steps from ``first`` to ``last``."""
        for step in STEPS[STEPS.index(first) : STEPS.index(last) + 1]:
            getattr(self, step)()
        return self

    # -- the steps -------------------------------------------------------------------------------

    def open(self) -> None:
        self.world.coordinator.open_round(state.root(self.base))

    def train(self, number: int) -> Attestation:
        """The update that an honest node makes when it is asked to train."""
        start = state.to_float(self.base)
        learned = site(number).learn(start)
        return contributor.prepare(self.nodes[number], self.view, learned, start, samples=60)

    def commit(self, *numbers: int) -> None:
        """Train with these nodes, or use the updates already made; the coordinator relays them."""
        for number in numbers or self.nodes:
            if number not in self.made:
                self.made[number] = self.train(number)
        self.world.coordinator.relay(self.view.id, self.made.values())

    def draw(self) -> None:
        while (view := self.view).phase in ("Commit", "Draw"):
            self.world.coordinator.wait(view)

    def deliver(self) -> None:
        view = self.view
        for update in view.updates:
            if update.node not in self.envelopes:
                envelope = contributor.deliver(self.nodes[update.node], view)
                self.envelopes[update.node] = envelope

    def vote(self, *numbers: int) -> None:
        """Score honestly and seal as these members; by default as all without a vote yet."""
        for number in numbers or self.view.committee:
            if number not in self._lies:
                self.votes[number] = self.score(number)
                validator.seal(self.nodes[number], self.view, self.votes[number])

    def score(self, number: int) -> Vote:
        """The vote of an honest committee member."""
        loss = site(number).loss
        return validator.vote(self.nodes[number], self.view, self.file, self.envelopes, loss)

    def reveal(self, *numbers: int) -> None:
        for number in numbers or self.view.committee:
            if number in self._lies:
                slot = self.view.committee.index(number)
                federation = self.nodes[number].federation
                federation.reveal_verdict(self.view.id, slot, *self._lies[number])
            else:
                validator.reveal(self.nodes[number], self.view)

    def settle(self) -> None:
        self.world.coordinator.settle(self.view)

    def propose(self) -> None:
        node, view = self.nodes[self.view.aggregator], self.view
        self.merged = aggregator.merged(node, view, self.file, self.envelopes)
        aggregator.propose(node, view, self.merged)

    def attest(self, *numbers: int) -> None:
        signatures = [
            validator.attest(self.nodes[number], self.view, self.file, self.envelopes)
            for number in numbers or self.view.committee
        ]
        self.world.coordinator.relay_attestations(self.view, signatures)

    def finish(self) -> None:
        """Let the dispute window of the attested merge pass."""
        if self.view.live:
            self.world.coordinator.wait(self.view)

    def settle_all(self) -> "ByHand":
        """From the draw to a final merge, honestly."""
        return self.play("finish", "draw")

    # -- what a dishonest node can do --------------------------------------------------------------

    def cast(self, number: int, scores: Iterable[int], salt: bytes = bytes(32)) -> None:
        """Seal arbitrary scores for a committee member; ``reveal`` opens them."""
        node, view, packed = self.nodes[number], self.view, verdict.encode_scores(list(scores))
        account = node.keys.account.address
        domain = self.world.domain
        sealed = verdict.seal(domain.chain_id, domain.federation, view.id, account, packed, salt)
        node.federation.commit_verdict(view.id, view.committee.index(number), sealed)
        self._lies[number] = (packed, salt)

    def delta(self, number: int) -> npt.NDArray[np.float64]:
        """The change that honest training of a node makes, in state units."""
        start = state.to_float(self.base)
        return state.to_units(site(number).learn(start)) - state.to_units(start)

    def forge(
        self,
        number: int,
        what: npt.NDArray[np.float64] | Encoded,
        *,
        key: bytes | None = None,
        **lies: Any,
    ) -> Update:
        """An update with any content and any false manifest fields, signed by the node's key.

        Args:
            what: a delta in state units, or quantised.
            key: another key to sign with.
            lies: false fields of the manifest.
        """
        node, view = self.nodes[number], self.view
        encoded = codec.quantise(what, 8) if isinstance(what, np.ndarray) else what
        honest = Manifest(
            federation=node.domain.federation,
            chain_id=node.domain.chain_id,
            round=view.id,
            node=node.keys.account.address,
            base=view.base.hex(),
            layout=LAYOUT.digest.hex(),
            bits=encoded.bits,
            lane_root=codec.lane_root(encoded).hex(),
            samples=60,
        )
        manifest = replace(honest, **lies)
        message = node.domain.update_digest(
            view.id, node.keys.account.address, view.base, manifest.update_digest
        )
        return Update(manifest, signing.sign(message, key or node.keys.signer.key), encoded)

    def submit(self, number: int, update: Update, file: bytes | None = None) -> Attestation:
        """Let a node commit to an update, and deliver it, or another file, when the time comes."""
        data = encode_update(update) if file is None else file
        self.nodes[number].home.journal(self.view.id).write("update.safetensors", data)
        manifest = update.manifest
        self.made[number] = Attestation(
            node=self.nodes[number].keys.account.address,
            digest=manifest.update_digest,
            signature=update.signature,
            bits=manifest.bits,
            size=len(data),
        )
        return self.made[number]

    def smuggle(self, number: int, data: bytes, readers: Iterable[int] | None = None) -> None:
        """Deliver any bytes in a well-formed envelope, to all readers or to some."""
        node, view = self.nodes[number], self.view
        committed = view.committed(number)
        assert committed is not None
        chosen = view.readers() if readers is None else readers
        keys = {n: view.nodes[n].encryption_key for n in chosen}
        context = node.domain.envelope_context(view.id, committed.digest)
        self.envelopes[number] = seal(data, keys, context)


def contributions(
    base: State,
    updates: Mapping[int, Update],
    loss: scoring.Loss,
    how: Scoring | None = None,
    seed: int = 0,
    rule: MergeRule = MEAN,
) -> dict[int, int]:
    """Scores by a validator that groups near-duplicates at the default limit."""
    numbers = list(updates)
    table = similarity.cosines([update.encoded for update in updates.values()])
    alike = similarity.groups(table, LIMITS.cosine)
    groups = [[numbers[i] for i in group] for group in alike]
    return scoring.contributions(rule, base, updates, groups, loss, how or Scoring(), seed)
