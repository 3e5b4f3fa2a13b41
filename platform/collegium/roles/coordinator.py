"""The coordinator: opens rounds, relays what is signed, and calls what is due.

Nothing here needs trust. It can refuse to open a round or to relay, and then a node posts its own
commitment and anybody else calls what is due; it cannot change a result.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collegium.chain.federation import Federation
from collegium.errors import BadSignature, RoundFailed
from collegium.protocol import signing
from collegium.protocol.packed import pack_attestation, pack_commitment
from collegium.protocol.signing import Domain
from collegium.roles.contributor import Attestation
from collegium.roles.view import RoundView, read_round

_POLL = 0.5


@dataclass(frozen=True)
class Coordinator:
    """Drives rounds on one federation.

    Attributes:
        federation: the contract, as the coordinator's account.
        fast_forward: on a local chain, let its clock jump to a deadline instead of waiting.
        notify: called with a sentence whenever something is waited for.
    """

    federation: Federation
    fast_forward: bool = False
    notify: Callable[[str], None] = lambda sentence: None

    def view(self) -> RoundView:
        return read_round(self.federation)

    def open_round(self, base: bytes) -> RoundView:
        """Open the next round on ``base``, or return the one that is still in its first phase.

        Raises:
            RoundFailed: a round is past its first phase; conclude it before opening another.
        """
        view = self.view()
        if view.live:
            view.expect("Commit")
        else:
            self.federation.open_round(base)
        return self.view()

    def relay(self, round_id: int, attestations: Iterable[Attestation]) -> None:
        """Post signed commitments in one transaction, in the order of the accounts.

        What is there already is left out. The contract skips what does not hold.
        """
        view = self.view()
        accounts = {self.federation.node(update.node).account for update in view.updates}
        fresh = sorted(
            (a for a in attestations if a.node not in accounts), key=lambda a: a.node.lower()
        )
        if fresh and view.phase == "Commit":
            items = [pack_commitment(a.node, a.digest, signing.compact(a.signature)) for a in fresh]
            self.federation.commit_updates(round_id, items)

    def settle(self, view: RoundView) -> None:
        """Give the contract the lists behind its hashes, so that it settles."""
        self.federation.settle(view.id)

    def relay_attestations(
        self, view: RoundView, attestations: Iterable[tuple[int, bytes]]
    ) -> None:
        """Post signatures over the proposed root, by slot, until the quorum is reached."""
        valid = {
            slot: signing.compact(signature)
            for slot, signature in attestations
            if slot not in view.attested and self._attests(view, slot, signature)
        }
        if valid:
            items = [pack_attestation(slot, valid[slot]) for slot in sorted(valid)]
            self.federation.attest_merge(view.id, items)

    def wait(self, view: RoundView) -> RoundView:
        """Let the phase of ``view`` end at its deadline, then call what is due.

        Raises:
            RoundFailed: the phase has no deadline: somebody has to act.
        """
        if view.deadline:
            self.notify(f"round {view.id}: waiting for the deadline of {view.phase}")
            self._pass_time(view.deadline)
        elif not view.cancellable and view.phase != "Draw":
            raise RoundFailed(
                expected=f"phase {view.phase} of round {view.id} to end",
                found="nobody who could act in it",
                action="Start the nodes of the committee and run this again.",
            )
        later = self.view()
        if later.phase == "Draw" or later.cancellable or later.phase == "Proposed":
            self.federation.advance(later.id)
        return self.view()

    def _pass_time(self, deadline: int) -> None:
        chain = self.federation.chain
        if self.fast_forward:
            chain.increase_time(max(1, deadline - chain.timestamp()))
            return
        while chain.timestamp() < deadline and time.time() < deadline + _POLL:
            time.sleep(min(_POLL, max(0.0, deadline - time.time()) + 0.1))

    def _attests(self, view: RoundView, slot: int, signature: bytes) -> bool:
        domain = Domain(self.federation.chain.chain_id, self.federation.address)
        try:
            signing.verify(
                domain.merge_digest(view.id, view.proposal),
                signature,
                self.federation.node(view.committee[slot]).signer,
            )
        except (BadSignature, IndexError):
            return False  # one bad signature would make the contract refuse the good ones
        return True
