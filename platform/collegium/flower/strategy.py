"""The server's seam into Flower: ``Verified(FedAvg(), coordinator, layout, store)``.

The wrapped strategy still says which nodes train and with which config. What they send is not
averaged here: the round is concluded on the chain, and the next global model is the exact merge
that the committee attested.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from collegium.errors import BlobMissing
from collegium.flower import wire
from collegium.protocol import state
from collegium.protocol.container import decode_state, encode_state
from collegium.protocol.layout import Layout
from collegium.protocol.state import State
from collegium.roles.aggregator import check_root
from collegium.roles.contributor import Attestation
from collegium.roles.coordinator import Coordinator
from collegium.roles.view import RoundView
from collegium.store import BlobStore


@dataclass
class RoundReport:
    """What the server saw of one round.

    Attributes:
        round: number of the round on the chain.
        phase_s: wall seconds by phase, one after the other.
        step_s: seconds that nodes spent on a step (``update``, ``vote``), added up over them.
        app_s: the part of ``step_s`` that was the app's own training and evaluation.
        attestations: by node id.
        findings: codes that any validator reported, by node id.
        errors: what nodes answered instead of a result.
        bytes_up: bytes of the updates as delivered.
        state_root: root the round ended on, or None if it was cancelled.
    """

    round: int
    phase_s: dict[str, float] = field(default_factory=dict)
    step_s: dict[str, float] = field(default_factory=dict)
    app_s: dict[str, float] = field(default_factory=dict)
    attestations: dict[int, Attestation] = field(default_factory=dict)
    findings: dict[int, set[str]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    bytes_up: int = 0
    state_root: bytes | None = None

    def work_s(self) -> float:
        """Wall seconds of training and scoring proper: what would be spent without evidence."""
        return sum(
            self.phase_s.get(phase, 0.0) * self.app_s.get(step, 0.0) / self.step_s[step]
            for phase, step in (("Train", "update"), ("Score", "vote"))
            if self.step_s.get(step)
        )

    def trust_s(self) -> float:
        """Wall seconds of everything else."""
        return sum(self.phase_s.values()) - self.work_s()


class Verified(Strategy):
    """A strategy whose rounds are committed, scored, settled and merged on a chain.

    Args:
        strategy: decides who trains, and with which config.
        coordinator: drives the rounds.
        layout: form of the adapter.
        store: keeps envelopes and states, by digest.
        on_phase: called with round and phase whenever one begins.
        on_round: called with the report of every round.
    """

    def __init__(
        self,
        strategy: Strategy,
        coordinator: Coordinator,
        layout: Layout,
        store: BlobStore,
        *,
        on_phase: Callable[[int, str], None] = lambda round_id, phase: None,
        on_round: Callable[[RoundReport], None] = lambda report: None,
    ) -> None:
        self.strategy, self.coordinator = strategy, coordinator
        self.layout, self.store = layout, store
        self.on_phase, self.on_round = on_phase, on_round
        self.state = find_state(store, layout, coordinator.federation.state_root())
        self.reports: list[RoundReport] = []
        self._report = RoundReport(0)
        self._grid: Grid
        self._peers: dict[int, int] = {}
        self._envelopes: dict[int, bytes] = {}
        self._proposed: State | None = None
        self._entered = ("", 0.0)

    # -- Flower's Strategy ------------------------------------------------------------------

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Open a round on the chain and hand its base state to the nodes."""
        self._grid = grid
        self._greet()
        self._finish_earlier()
        self._begin(self.coordinator.view().id + 1)
        view = self.coordinator.open_round(state.root(self.state))
        self._report.round = view.id
        base = encode_state(self.state)
        self._enter("Train")
        for message in self.strategy.configure_train(server_round, arrays, config, grid):
            yield wire.training(message, view.id, base)

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Conclude the round and return the exact merge, or nothing if it was cancelled."""
        for message, record in self._accepted(replies):
            self._report.attestations[int(record["id"])] = Attestation(
                str(record["node"]),
                bytes(record["digest"]),
                bytes(record["signature"]),
                int(record["bits"]),
                int(record["size"]),
            )
            self._peers[int(record["id"])] = message.metadata.src_node_id
            self._spent("update", record)
        self._enter("Commit")
        self.coordinator.relay(self._report.round, self._report.attestations.values())
        self._conclude()
        if self._report.state_root is None:
            return None, None
        metrics = MetricRecord({"round": self._report.round, "bytes-up": self._report.bytes_up})
        return self.arrays(), metrics

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        return self.strategy.configure_evaluate(server_round, arrays, config, grid)

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        return self.strategy.aggregate_evaluate(server_round, replies)

    def summary(self) -> None:
        self.strategy.summary()

    def arrays(self) -> ArrayRecord:
        """Float view of the current state, for the app."""
        tensors = self.layout.unflatten(state.to_float(self.state))
        return ArrayRecord({name: Array(values) for name, values in tensors.items()})

    # -- the round, in the order of the protocol ---------------------------------------------

    def _conclude(self) -> None:
        """Do what the phase asks for, until the round is over."""
        view = self.coordinator.view()
        acts = {
            "Score": self._score,
            "Reveal": self._reveal,
            "Settle": self.coordinator.settle,
            "Merge": self._merge,
            "Proposed": self._attest,
        }
        while view.live:
            self._enter(view.phase)
            if view.phase in acts and not view.cancellable:
                acts[view.phase](view)
            later = self.coordinator.view()
            if later.live and later.phase == view.phase:
                later = self.coordinator.wait(later)
            view = later
        if view.phase == "Final":
            self._report.state_root = self.coordinator.federation.state_root()
            check_root(self.state, self._report.state_root)
        self._enter(view.phase)
        self.on_round(self._report)

    def _score(self, view: RoundView) -> None:
        material = self._material(view)
        self._enter("Score")
        for _, record in self._ask(wire.VOTE, view, view.committee, material):
            for node, code in zip(record["nodes"], record["codes"], strict=True):
                self._report.findings.setdefault(int(node), set()).add(str(code))
            self._spent("vote", record)

    def _reveal(self, view: RoundView) -> None:
        list(self._ask(wire.REVEAL, view, view.committee))

    def _merge(self, view: RoundView) -> None:
        for _, record in self._ask(wire.MERGE, view, [view.aggregator], self._material(view)):
            self._proposed = decode_state(bytes(record["state"]), self.layout)

    def _attest(self, view: RoundView) -> None:
        material = self._material(view)
        answers = self._ask(wire.ATTEST, view, view.committee, material)
        signatures = [(int(r["slot"]), bytes(r["signature"])) for _, r in answers]
        if self._proposed is None:  # proposed before this process came up
            self._merge(view)
        if self._proposed is not None:
            self.state = check_root(self._proposed, view.proposal)
        self.store.put(encode_state(self.state))
        self.coordinator.relay_attestations(view, signatures)

    def _material(self, view: RoundView) -> dict[str, object]:
        """Base state and sealed updates: what the committee and the aggregator work on."""
        if not self._envelopes:
            self._enter("Deliver")
            owners = [update.node for update in view.updates]
            for _, record in self._ask(wire.DELIVER, view, owners, {}):
                self._envelopes[int(record["id"])] = envelope = bytes(record["envelope"])
                self._report.bytes_up += len(envelope)
                self.store.put(envelope)
        return {"base": encode_state(self.state), **wire.pack(self._envelopes)}

    # -- asking nodes ------------------------------------------------------------------------

    def _greet(self) -> None:
        """Learn which Flower node is which registered one."""
        unknown = set(self._grid.get_node_ids()) - set(self._peers.values())
        asked = [wire.request(wire.HELLO, peer, 0) for peer in sorted(unknown)]
        for message in self._grid.send_and_receive(messages=asked) if asked else ():
            if (record := wire.fields(message)) is not None:
                self._peers[int(record["node"])] = message.metadata.src_node_id

    def _ask(
        self,
        step: str,
        view: RoundView,
        nodes: Iterable[int],
        fields: Mapping[str, object] | None = None,
    ) -> Iterator[tuple[Message, ConfigRecord]]:
        present = [self._peers[node] for node in nodes if node in self._peers]
        requests = [wire.request(step, peer, view.id, **(fields or {})) for peer in present]
        yield from self._accepted(self._grid.send_and_receive(messages=requests))

    def _accepted(self, replies: Iterable[Message]) -> Iterator[tuple[Message, ConfigRecord]]:
        for message in replies:
            record = wire.fields(message)
            if record is not None:
                yield message, record
            else:
                reason = message.error.reason if message.has_error() else "no attestation"
                self._report.errors.append(f"node {message.metadata.src_node_id}: {reason}")

    # -- bookkeeping -------------------------------------------------------------------------

    def _finish_earlier(self) -> None:
        """A crash may have left a round half done: end it before another is opened."""
        view = self.coordinator.view()
        if view.live and view.phase != "Commit":
            self._begin(view.id)
            self._conclude()

    def _begin(self, round_id: int) -> None:
        self._report = RoundReport(round_id)
        self.reports.append(self._report)
        self._envelopes, self._proposed = {}, None
        self._enter("Open")

    def _enter(self, phase: str) -> None:
        """Stop the clock of the phase before, start that of this one."""
        now, (before, since) = time.perf_counter(), self._entered
        if before not in ("", "Final", "Cancelled"):
            self._report.phase_s[before] = self._report.phase_s.get(before, 0.0) + now - since
        self._entered = (phase, now)
        if phase != before:
            self.on_phase(self._report.round, phase)

    def _spent(self, step: str, record: ConfigRecord) -> None:
        for total, name in ((self._report.step_s, "step_s"), (self._report.app_s, "app_s")):
            total[step] = total.get(step, 0.0) + float(record[name])  # type: ignore[arg-type]


def find_state(store: BlobStore, layout: Layout, root: bytes) -> State:
    """The state with this root: all zeros, or one that the store holds.

    Raises:
        BlobMissing: the store does not hold it.
    """
    if state.root(zero := state.zeros(layout)) == root:
        return zero
    size = len(encode_state(zero))
    for name in store:
        if store.size(name) == size:
            found = decode_state(store.get(name), layout)
            if state.root(found) == root:
                return found
    raise BlobMissing(
        expected=f"the state with root {root.hex()}",
        found="no such state in the store",
        action="Point to the store that was used before, or import the state from a bundle.",
    )
