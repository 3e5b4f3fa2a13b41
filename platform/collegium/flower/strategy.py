"""The server's seam into Flower: ``Verified(FedAvg(), coordinator, layout, store)``.

The wrapped strategy still chooses which nodes train and with which config. It does not average
their replies: the round is concluded on the chain, and the next global model is the exact merge
that the committee attested.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

from eth_account.signers.local import LocalAccount
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy

from collegium.chain import history
from collegium.chain.engines import connect
from collegium.chain.federation import Federation
from collegium.chain.history import Rejection
from collegium.errors import BlobMissing, MissingKeys
from collegium.flower import replies as reading
from collegium.flower import wire
from collegium.flower.peers import Peers, Read
from collegium.flower.round_report import RoundReport
from collegium.flower.supply import Lacks, Supply
from collegium.protocol import state
from collegium.protocol.container import encode_state
from collegium.protocol.layout import Layout
from collegium.protocol.state import State
from collegium.roles.coordinator import Coordinator
from collegium.roles.view import RoundView
from collegium.store import BlobStore
from collegium.store.states import find_state, put_state
from collegium.workspace.run import Run

T = TypeVar("T")


class Verified(Strategy):
    """A strategy whose rounds are committed, scored, settled and merged on a chain.

    Args:
        strategy: chooses which nodes train, and with which config.
        coordinator: drives the rounds.
        layout: the agreed form of the adapter.
        store: keeps envelopes and states, by digest.
        on_phase: called with round and phase whenever a phase begins.
        on_dispute: called with a round and a merge of it as soon as the merge is disproved.
        on_round: called with the report of every round that ends.

    Attributes:
        state: the newest final state, int32 ``[padded]``.
        reports: of all rounds that this object has seen.
    """

    def __init__(
        self,
        strategy: Strategy,
        coordinator: Coordinator,
        layout: Layout,
        store: BlobStore,
        *,
        on_phase: Callable[[int, str], None] = lambda round_id, phase: None,
        on_dispute: Callable[[RoundView, Rejection], None] = lambda view, rejection: None,
        on_round: Callable[[RoundReport], None] = lambda report: None,
    ) -> None:
        self.strategy, self.coordinator = strategy, coordinator
        self.layout, self.store = layout, store
        self.on_phase, self.on_dispute, self.on_round = on_phase, on_dispute, on_round
        self.state = self._newest_known()
        self.reports: list[RoundReport] = []
        self._report = RoundReport(0)
        self._grid: Grid
        self._peers = Peers(coordinator.domain, lambda words: self._report.errors.append(words))
        self._supply = Supply()
        self._merged: dict[bytes, State] = {}
        self._entered = ("", 0.0)

    @classmethod
    def open(
        cls,
        strategy: Strategy,
        folder: str | Path,
        *,
        account: LocalAccount | None = None,
        **hooks: Any,
    ) -> Self:
        """Wrap a strategy for the federation in a run's folder.

        Args:
            strategy: as of the class.
            folder: the folder that ``collegium federation create`` wrote.
            account: the coordinator's account; by default the first one of a local chain.
            hooks: ``on_phase``, ``on_dispute`` and ``on_round``.

        Raises:
            NoRun: the folder holds no run.
            ChainUnreachable: its chain does not respond.
            MissingKeys: no account was given, and the chain is not a local one.
        """
        run = Run.load(folder)
        chain = connect(run.chain_spec)
        if account is None and not chain.is_local:
            raise MissingKeys(
                expected="the coordinator's account",
                found=f"none, and chain {chain.chain_id} is not a local one",
                action="Pass account=open_wallet(path, passphrase).",
            )
        sender = account or chain.dev_accounts[0]
        federation = Federation(chain, run.federation, first_block=run.first_block).using(sender)
        layout = Layout.decode(run.layout_file.read_bytes())
        return cls(strategy, Coordinator(federation), layout, BlobStore(run.store_root), **hooks)

    # -- Flower's Strategy ------------------------------------------------------------------

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Open a round on the chain and send its base state to the nodes."""
        self._grid = grid
        earlier = self._finish_earlier()
        self._begin(earlier.id if earlier.live else earlier.id + 1, earlier)
        view = self.coordinator.open_round(state.root(self.state))
        self._enter("Train")
        messages = list(self.strategy.configure_train(server_round, arrays, config, grid))
        self._peers.greet(grid, view)  # nodes can connect while the strategy waits for them
        members = {self._peers.addresses.get(number) for number in view.members}
        for message in messages:
            if message.metadata.dst_node_id in members:  # others have left or are not registered
                yield wire.training(message, view.id, self._supply.base())

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Conclude the round and return the exact merge, or nothing if it was cancelled."""
        for node, (made, times) in self._peers.read(replies, reading.timed(reading.attestation)):
            self._report.attestations[node] = made
            self._supply.has(node, wire.BASE)
            self._spent("update", times)
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
        """As the wrapped strategy does."""
        return self.strategy.configure_evaluate(server_round, arrays, config, grid)

    def aggregate_evaluate(
        self, server_round: int, replies: Iterable[Message]
    ) -> MetricRecord | None:
        """As the wrapped strategy does."""
        return self.strategy.aggregate_evaluate(server_round, replies)

    def summary(self) -> None:
        """As the wrapped strategy does."""
        self.strategy.summary()

    def arrays(self) -> ArrayRecord:
        """Float view of the current state for the app: float32 tensors by name."""
        tensors = self.layout.unflatten(state.to_float(self.state))
        return ArrayRecord({name: Array(values) for name, values in tensors.items()})

    # -- the round, in the order of the protocol ---------------------------------------------

    def _conclude(self) -> None:
        """Carry out the step of each phase until the round is over."""
        view = self.coordinator.view()
        acts = {
            "Score": self._score,
            "Reveal": self._reveal,
            "Settle": self.coordinator.settle,
            "Merge": self._merge,
            "Proposed": self._attest,
        }
        while view.live:
            if view.phase != "Score":  # scoring begins with the delivery, which has its own time
                self._enter(view.phase)
            if view.phase in acts and not view.cancellable:
                acts[view.phase](view)
            later = self.coordinator.view()
            if later.live and later.phase == view.phase:
                later = self.coordinator.wait(later)
            view = later
        if view.phase == "Final":
            self._report.state_root = self._adopt(view)
        self._note_disputes(view)
        self._report.bytes_down = self._supply.sent
        self._enter(view.phase)
        self.on_round(self._report)

    def _score(self, view: RoundView) -> None:
        # The app's own names of its records, so that a node can build evaluate messages itself.
        names = {
            "arrays": getattr(self.strategy, "arrayrecord_key", "arrays"),
            "config": getattr(self.strategy, "configrecord_key", "config"),
        }
        self._collect(view)
        self._enter("Score")
        read = reading.timed(reading.findings)
        for _, (found, times) in self._ask_readers(wire.VOTE, view, view.committee, read, names):
            for node, code in found:
                self._report.findings.setdefault(node, set()).add(code)
            self._spent("vote", times)

    def _reveal(self, view: RoundView) -> None:
        self._ask(wire.REVEAL, view, view.committee, bool)

    def _merge(self, view: RoundView) -> None:
        """Ask the aggregator to propose; after its deadline, the other nodes that can, in turn."""
        late = self.coordinator.overdue(view)
        for node in view.candidates() if late else (view.aggregator,):
            self._fetch_merged(view, node)
            if self.coordinator.view().phase != "Merge":
                return

    def _attest(self, view: RoundView) -> None:
        """Ask the committee to sign the proposal, or to prove it wrong.

        The proposed state is in the store before anyone signs. If no one can provide it, no honest
        member signs, and the proposal is rejected after its deadline.
        """
        shown = self._find_merged(view, view.proposal)
        self._collect(view)
        proposed = None if shown is None else encode_state(shown)
        with self._supply.on_request(wire.PROPOSED, proposed, view.committee):
            replied = self._ask_readers(wire.ATTEST, view, view.committee, reading.signature)
        signed = [(view.committee.index(node), signature) for node, signature in replied]
        self.coordinator.relay_attestations(view, signed)
        self._note_disputes(self.coordinator.view())

    def _note_disputes(self, view: RoundView) -> None:
        """Report the merges that were disproved since the last call."""
        if not view.barred:
            return
        events, known = self.coordinator.federation.events(), len(self._report.disputes)
        rejections = history.rejections(events, view.id)
        self._report.disputes = [one for one in rejections if one.challenger is not None]
        for rejection in self._report.disputes[known:]:
            self.on_dispute(view, rejection)

    def _adopt(self, view: RoundView) -> bytes:
        """Make the final state the current one; returns its root."""
        root = self.coordinator.federation.state_root()
        if root != state.root(self.state):
            self._find_merged(view, root)
            self.state = find_state(self.store, self.layout, root)
        return root

    def _find_merged(self, view: RoundView, root: bytes) -> State | None:
        """The state with this root: from the store, or from the first node that provides it."""
        if root not in self._merged:
            with suppress(BlobMissing):
                self._merged[root] = find_state(self.store, self.layout, root)
        able = dict.fromkeys((view.proposer or view.aggregator, view.aggregator, *view.committee))
        for node in able:
            if root in self._merged:
                break
            self._fetch_merged(view, node)
        return self._merged.get(root)

    def _fetch_merged(self, view: RoundView, node: int) -> None:
        """Ask a node to merge, to propose the merge if it can, and to send the merged state."""
        self._collect(view)
        for _, merged in self._ask_readers(wire.MERGE, view, [node], reading.state(self.layout)):
            self._merged[put_state(self.store, merged)] = merged

    def _collect(self, view: RoundView) -> None:
        """Get the sealed updates from their owners, once per round."""
        if self._report.bytes_up:
            return
        self._enter("Deliver")
        owners = [update.node for update in view.updates]
        for node, envelope in self._ask(wire.DELIVER, view, owners, reading.envelope(self.layout)):
            self._supply.items[str(node)] = envelope
            self._supply.has(node, str(node))
            self._report.bytes_up += len(envelope)
            self.store.put(envelope)

    def _ask_readers(
        self,
        step: str,
        view: RoundView,
        nodes: Iterable[int],
        read: Read[T],
        names: Mapping[str, object] = MappingProxyType({}),
    ) -> list[tuple[int, T]]:
        """Ask nodes for a step that needs base and updates; send each node what it lacks."""

        def fields(node: int) -> dict[str, object]:
            return {**names, **self._supply.fields(node)}

        replied, lacking = [], list(nodes)
        for _ in range(2):  # a node that lacks an item right after it was sent cannot keep it
            asked, lacking = lacking, []
            for node, found in self._ask(step, view, asked, reading.or_lacks(read), fields):
                if isinstance(found, Lacks):
                    self._supply.lacks(node, found.names)
                    lacking.append(node)
                else:
                    self._supply.has_all(node)
                    replied.append((node, found))
            if not lacking:
                break
        self._report.errors += [f"node {node}: lacks what it was sent" for node in lacking]
        return replied

    def _ask(
        self,
        step: str,
        view: RoundView,
        nodes: Iterable[int],
        read: Read[T],
        fields: Callable[[int], Mapping[str, object]] = lambda node: {},
    ) -> list[tuple[int, T]]:
        """Ask some nodes for one step, and wait no longer than the deadline of the phase."""
        timeout = self.coordinator.seconds_left(view)
        return self._peers.ask(self._grid, step, view, nodes, read, fields, timeout)

    # -- bookkeeping -------------------------------------------------------------------------

    def _finish_earlier(self) -> RoundView:
        """End a round that a crash left unfinished, before another is opened."""
        view = self.coordinator.view()
        # A round that ended while this server was down: its state is still to be adopted.
        behind = view.phase == "Final" and not self._is_current()
        if behind or (view.live and (view.phase != "Commit" or view.cancellable)):
            self._begin(view.id, view)
            self._conclude()
            return self.coordinator.view()
        return view

    def _is_current(self) -> bool:
        return state.root(self.state) == self.coordinator.federation.state_root()

    def _newest_known(self) -> State:
        """The final state, or the one before it if the last round ended while this was down."""
        try:
            return find_state(self.store, self.layout, self.coordinator.federation.state_root())
        except BlobMissing:
            return find_state(self.store, self.layout, self.coordinator.view().base)

    def _begin(self, round_id: int, view: RoundView) -> None:
        self._report = RoundReport(round_id)
        self.reports.append(self._report)
        self._supply, self._merged = Supply({wire.BASE: encode_state(self.state)}), {}
        self._enter("Open")
        self._peers.greet(self._grid, view)

    def _enter(self, phase: str) -> None:
        """Stop the clock of the previous phase and start the clock of this one."""
        now, (before, since) = time.perf_counter(), self._entered
        if before not in ("", "Final", "Cancelled"):
            self._report.phase_s[before] = self._report.phase_s.get(before, 0.0) + now - since
        self._entered = (phase, now)
        if phase != before:
            self.on_phase(self._report.round, phase)

    def _spent(self, step: str, times: tuple[float, float]) -> None:
        for total, seconds in zip((self._report.step_s, self._report.app_s), times, strict=True):
            total[step] = total.get(step, 0.0) + seconds
