"""States and merges: the root of each state is checked, and each merge is recomputed exactly."""

from functools import partial

from collegium.audit.bundle import Bundle
from collegium.audit.index import Index
from collegium.audit.timeline import History, Rejected, RoundRecord
from collegium.audit.trail import Trail
from collegium.audit.updates import Opened
from collegium.errors import BadProof, CollegiumError
from collegium.protocol import state
from collegium.protocol.container import decode_state
from collegium.protocol.delivery import state_limit
from collegium.protocol.layout import Layout
from collegium.protocol.rules import merging
from collegium.protocol.rules.merging import MergeRule
from collegium.protocol.state import State


class States:
    """The states of a bundle by their roots, and those that merges result in.

    Attributes:
        merged: root of the recomputed merge, by round.
    """

    def __init__(
        self, trail: Trail, bundle: Bundle, index: Index, layout: Layout, rule: MergeRule
    ) -> None:
        self.trail, self._bundle, self._layout, self._rule = trail, bundle, layout, rule
        self._blobs = {bytes.fromhex(entry.root): entry.blob for entry in index.states}
        trail.expect("blob", "bundle.json, states", len(index.states), len(self._blobs))
        self._latest: tuple[bytes, State] | None = None
        self.merged: dict[int, bytes] = {}

    def check_files(self, history: History) -> None:
        """Check that every state file has its root, and that the chain knows that root."""
        for root, blob in self._blobs.items():
            record = f"state {root.hex()} (blob {blob})"
            self.trail.attempt("state", record, partial(self._load, root))
            if root not in history.roots:
                self.trail.violation("state", record, "a root that the chain names", "none")

    def get(self, root: bytes) -> State | None:
        """The state with this root; None if the bundle has neither it nor the merge to it."""
        if self._latest is not None and self._latest[0] == root:
            return self._latest[1]
        zero = state.zeros(self._layout)
        if state.root(zero) == root:
            return zero
        if root not in self._blobs:
            return None
        try:
            return self._load(root)
        except CollegiumError:  # already a finding of check_files
            return None

    def round(self, record: RoundRecord, opened: Opened) -> None:
        """Recompute the merge of one round and compare it with every proposal."""
        if record.settlement is None or not (record.rejected or record.round.proposer):
            return
        settled = zip(record.updates, record.settlement.weights, strict=True)
        weighted = [(node, weight) for (node, _), weight in settled if weight]
        if not weighted:
            return
        if (reason := self._obstacle(record, opened, weighted)) is not None:
            self.trail.skip(f"round {record.id}: that the merge is exact", reason)
            return
        base = self.get(record.base)
        assert base is not None  # no obstacle
        rows = [(weight, opened.lanes[node]) for node, weight in weighted]
        result = merging.merge(self._rule, base, rows)
        root = state.root(result)
        self.merged[record.id] = root
        for position, fallen in enumerate(record.rejected, start=1):
            self._rejected(f"rejected merge {position} of round {record.id}", fallen, root)
        if record.final is None:
            self._pending(record, root)
        elif record.round.proposer:
            self._latest = (root, result)  # the base of the next round, often not in the bundle
            self.trail.expect("merge", f"final state of round {record.id}", root, record.final)

    def _pending(self, record: RoundRecord, merged: bytes) -> None:
        """Check a proposal that is neither final nor rejected yet."""
        if record.round.proposer and record.round.proposal != merged:
            text = f"is not the exact merge, {merged.hex()}; it can still be disputed or expire"
            self.trail.note("merge", f"merge proposed in round {record.id}", text)

    def _rejected(self, record: str, fallen: Rejected, merged: bytes) -> None:
        if fallen.challenger is None:
            was = "was" if fallen.root == merged else "was not"
            text = f"{was} the exact merge; too few members signed it in time"
            self.trail.note("rejection", record, text)
        elif fallen.root == merged:
            wanted = f"a root other than {merged.hex()}, the exact merge"
            self.trail.violation("rejection", record, wanted, fallen.root)
        else:
            self.trail.passed("rejection", 1)

    def final(self, root: bytes) -> None:
        """Check the state with which the history ends."""
        found = self.get(root)
        if found is None:
            reason = "no state file in the bundle has it and no merge leads to it"
            self.trail.skip(f"the adapter with root {root.hex()}", reason)
        else:
            self.trail.expect("state", "final adapter state", root, state.root(found))

    def _obstacle(
        self, record: RoundRecord, opened: Opened, weighted: list[tuple[int, int]]
    ) -> str | None:
        absent = [str(node) for node, _ in weighted if node not in opened.lanes]
        if absent:
            return f"the updates of nodes {', '.join(absent)} are sealed or invalid"
        if self.get(record.base) is None:
            return f"its base state {record.base.hex()} is not in the bundle"
        return None

    def _load(self, root: bytes) -> State:
        data = self._bundle.blob(self._blobs[root], state_limit(self._layout))
        found = decode_state(data, self._layout)
        if (actual := state.root(found)) != root:
            raise BadProof(
                expected=f"a state with root {root.hex()}",
                found=actual.hex(),
                action="Ask for the state again.",
            )
        return found
