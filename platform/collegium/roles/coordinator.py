"""The coordinator: opens rounds, relays what nodes signed, and carries out pending steps.

No one needs to trust it: it cannot change a result. It can refuse to open a round or to relay; then
a node posts its own commitment, and anyone else can carry out the pending steps.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collegium.chain.federation import Federation
from collegium.errors import BadSignature, RoundFailed, TransactionReverted
from collegium.protocol import signing
from collegium.protocol.packed import pack_attestation, pack_commitment
from collegium.protocol.signing import Domain
from collegium.roles.contributor import Attestation
from collegium.roles.view import RoundView, read_round

# Seconds between two looks at the chain, and between two attempts to get a late merge proposed.
_POLL, _RETRY = 0.5, 60


@dataclass(frozen=True)
class Coordinator:
    """Drives rounds on one federation.

    Attributes:
        federation: the contract, as the coordinator's account.
        fast_forward: on a local chain, set its clock to a deadline instead of waiting.
        notify: called with a sentence whenever the coordinator starts to wait.
    """

    federation: Federation
    fast_forward: bool = False
    notify: Callable[[str], None] = lambda sentence: None

    @property
    def domain(self) -> Domain:
        """The chain and contract that the nodes' signatures are for."""
        return Domain(self.federation.chain.chain_id, self.federation.address)

    def view(self) -> RoundView:
        """The newest round as it is on the chain now."""
        return read_round(self.federation)

    def open_round(self, base: bytes) -> RoundView:
        """Open the next round on ``base``, or return the one that is still in phase Commit.

        Args:
            base: root of the final state, 32 bytes.

        Raises:
            RoundFailed: a round is in a later phase; conclude it before opening another.
        """
        view = self.view()
        if view.live:
            view.expect("Commit")
        else:
            self.federation.open_round(base)
        return self.view()

    def relay(self, round_id: int, attestations: Iterable[Attestation]) -> None:
        """Post signed commitments in one transaction, in the order of the accounts.

        Commitments that are on the chain already are left out, and so are those that the contract
        would skip: one item of the wrong length would make it reject the whole batch.
        """
        view = self.view()
        fresh = sorted(
            (a for a in attestations if _commits(self.domain, view, a)),
            key=lambda a: a.node.lower(),
        )
        if fresh and view.phase == "Commit" and not view.cancellable:
            items = [pack_commitment(a.node, a.digest, signing.compact(a.signature)) for a in fresh]
            self._unless_overtaken(view, lambda: self.federation.commit_updates(round_id, items))

    def settle(self, view: RoundView) -> None:
        """Send the contract the lists behind its hashes, so that it settles; anyone can."""
        self._unless_overtaken(view, lambda: self.federation.settle(view.id))

    def relay_attestations(
        self, view: RoundView, attestations: Iterable[tuple[int, bytes]]
    ) -> None:
        """Post signatures over the proposed root, by slot; invalid ones are left out."""
        valid = {
            slot: signing.compact(signature)
            for slot, signature in attestations
            if slot not in view.attested and _attests(self.domain, view, slot, signature)
        }
        if valid:
            items = [pack_attestation(slot, valid[slot]) for slot in sorted(valid)]
            self._unless_overtaken(view, lambda: self.federation.attest_merge(view.id, items))

    def overdue(self, view: RoundView) -> bool:
        """Whether the deadline of the phase has passed, by the chain's time."""
        return 0 < view.deadline <= self._time()

    def seconds_left(self, view: RoundView) -> float | None:
        """Seconds until the phase ends by the chain's time, as the time to wait for replies.

        None where the phase has no deadline, or the clock moves only when the coordinator sets it.
        """
        if self.fast_forward or not view.deadline:
            return None
        return max(1.0, self._end(view) - self._time())

    def wait(self, view: RoundView) -> RoundView:
        """Wait for the deadline of the phase of ``view``, then carry out the pending step.

        If a merge is still missing after the aggregator's deadline, this returns after a minute, so
        that the caller can ask other nodes to propose one.

        Raises:
            RoundFailed: the phase does not end by time alone: a node has to act.
        """
        end = self._end(view)
        if end > self._time():
            if view.phase == "Merge" and self.overdue(view) and not self.fast_forward:
                end = min(end, self._time() + _RETRY)
            if view.phase != "Proposed" or not self.fast_forward:
                self.notify(f"round {view.id}: waiting for the deadline of {view.phase}")
            self._pass_time(end)
        elif not view.live or view.phase == "Settle":
            raise RoundFailed(
                expected=f"phase {view.phase} of round {view.id} to end",
                found="no node that could act in it",
                action="Start the nodes of the committee and run this again.",
            )
        later = self.view()
        if self._due(later):
            self._unless_overtaken(later, lambda: self.federation.advance(later.id))
        return self.view()

    def _end(self, view: RoundView) -> int:
        """Unix time at which the phase ends without any vote or proposal; 0 if it does not."""
        if view.phase == "Merge" and self.overdue(view):
            return view.deadline + int(self.federation.terms()["challengeWindow"])
        return view.deadline

    def _due(self, view: RoundView) -> bool:
        """Whether ``advance`` has a step to carry out now."""
        ends = view.phase in ("Merge", "Proposed") and self._end(view) <= self._time()
        return view.phase == "Draw" or view.cancellable or ends

    def _time(self) -> int:
        return self.federation.chain.timestamp()

    def _unless_overtaken(self, view: RoundView, step: Callable[[], object]) -> None:
        """Carry out a step that anyone can; it is no error if someone else has just done so."""
        try:
            step()
        except TransactionReverted:
            if _stage(self.view()) == _stage(view):
                raise

    def _pass_time(self, deadline: int) -> None:
        """Wait until the chain's time is ``deadline``.

        On a local chain no one else mines. Its time can be ahead of this machine's, because no two
        blocks share a second; so this waits only as long as the chain's own time requires.
        """
        chain = self.federation.chain
        if self.fast_forward:
            chain.increase_time(max(1, deadline - chain.timestamp()))
        due = time.monotonic() + deadline - chain.timestamp()
        while chain.timestamp() < deadline:
            time.sleep(min(_POLL, max(0.01, due - time.monotonic())))
            if chain.is_local and time.monotonic() >= due:
                chain.mine()


def _stage(view: RoundView) -> tuple[int, str, int, frozenset[int]]:
    return view.id, view.phase, view.proposer, view.barred


def _commits(domain: Domain, view: RoundView, made: Attestation) -> bool:
    """Whether an attestation is a fresh commitment to this round by one of its nodes."""
    node = next((n for n in view.nodes.values() if n.account == made.node), None)
    if node is None or node.id not in view.members or view.committed(node.id) is not None:
        return False
    if len(made.digest) != 32:
        return False
    message = domain.update_digest(view.id, made.node, view.base, made.digest)
    return _signed_by(node.signer, message, made.signature)


def _attests(domain: Domain, view: RoundView, slot: int, signature: bytes) -> bool:
    """Whether the committee member in ``slot`` signed the proposal."""
    if not 0 <= slot < len(view.committee):
        return False
    signer = view.nodes[view.committee[slot]].signer
    return _signed_by(signer, domain.merge_digest(view.id, view.proposal), signature)


def _signed_by(signer: str, message: bytes, signature: bytes) -> bool:
    try:
        signing.verify(message, signature, signer)
    except BadSignature:
        return False
    return True
