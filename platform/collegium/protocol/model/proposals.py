"""Reference model of a round's end: a merge is proposed, attested, and stays open to dispute.

A merge becomes final only with a quorum of attestations, because no one can disprove a root whose
state is not shown. It does not become final at once, because one honest watcher must have time to
disprove an altered merge. A rejected proposal makes room for the next; after the fourth, or if no
one proposes, the round ends on the state that it began with (docs/decisions/0009).
"""

from collegium.protocol import packed, settlement
from collegium.protocol.model.machine import ZERO_ADDRESS, Context, Revert, require, signer
from collegium.protocol.model.phases import Offence, Phases
from collegium.protocol.model.round import Phase, Stage

MAX_PROPOSALS = 4
"""Rejected proposals after which a round ends without a merge."""


class Merging(Phases):
    """From a settled round to its final state."""

    def propose_merge(self, context: Context, round: int, root: bytes) -> None:
        """Merge: the aggregator proposes the merged state, after its deadline any active node."""
        self.expect(context, round, Phase.MERGE)
        node, turn = self._active(context.sender), self.round.aggregator
        late = context.time >= self.round.deadline
        require(late or node.id == turn, "NotAggregator", aggregator=turn)
        require(node.id not in self.round.rejected, "ProposerBarred", id=node.id)
        stake, bond = self.vault.payees[node.id].stake, self.terms.bond
        require(stake >= bond, "NotBonded", id=node.id, stake=stake, bond=bond)
        self.round.stage = Stage.PROPOSED
        self.round.proposer, self.round.proposal = node.id, root
        self.round.deadline = context.time + self.terms.challenge_window
        self._emit_round("MergeProposed", proposer=node.id, root=root, deadline=self.round.deadline)

    def attest_merge(self, context: Context, round: int, signatures: bytes) -> None:
        """Merge: the committee's signatures on the proposal; a quorum starts the dispute window."""
        self.expect(context, round, Phase.PROPOSED)
        whole = signatures != b"" and len(signatures) % packed.ATTESTATION == 0
        require(whole, "BadLength", length=len(signatures))
        digest = self.domain.merge_digest(round, self.round.proposal)
        attested = set(self.round.attested)
        for slot, signature in packed.unpack_attestations(signatures):
            member = self._is_member(slot, signer(digest, signature))
            require(member, "BadSignature", slot=slot)
            attested.add(slot)
        # Only the batch that reaches the quorum starts the window; later ones do not restart it.
        if len(self.round.attested) < self.terms.quorum <= len(attested):
            objections = context.time + self.terms.dispute_window
            self.round.deadline = min(self.round.deadline, objections)
        self.round.attested = attested
        slots = packed.bitmap(attested)
        self._emit_round("MergeAttested", slots=slots, deadline=self.round.deadline)

    # What Disputes calls ----------------------------------------------------------------------

    def disprove(self, context: Context, round: int, challenger: str) -> None:
        """Reject the proposed merge, and slash its proposer and all members that attested it."""
        self.expect(context, round, Phase.PROPOSED)
        proposer = self.round.proposer
        self._slash(context, proposer, Offence.MERGE, challenger)
        for slot in sorted(self.round.attested):
            member = self.round.committee[slot]
            if member != proposer:  # who has paid for the proposal already
                self._slash(context, member, Offence.ATTESTATION, challenger)
        self._reject(context, challenger)

    def punish(
        self, context: Context, round: int, id: int, offence: Offence, reporter: str
    ) -> None:
        """Slash a node for an offence in any round."""
        self._slash(context, id, offence, reporter, round)

    # Steps ------------------------------------------------------------------------------------

    def _conclude(self, context: Context) -> None:
        """Carry out what is pending in Merge and Proposed after the deadline."""
        phase, over = self.round.stage, context.time - self.round.deadline
        if phase == Stage.PROPOSED and over >= 0:
            attested = len(self.round.attested) >= self.terms.quorum
            self._finalise() if attested else self._reject(context, ZERO_ADDRESS)
        elif phase == Stage.MERGE and over >= self.terms.challenge_window:
            self._abandon()
        else:
            raise Revert("NothingDue", phase=self.status(context.time).phase)

    def _finalise(self) -> None:
        self.round.stage = Stage.FINAL
        self.state_root = self.round.proposal
        self._emit_round("RoundFinalised", root=self.state_root)
        pool = settlement.aggregator_pool(self.terms)
        if pool:
            self.vault.credit(self.round.proposer, pool)

    def _reject(self, context: Context, challenger: str) -> None:
        proposer, root = self.round.proposer, self.round.proposal
        self.round.rejected.append(proposer)
        self.round.attested, self.round.proposer, self.round.proposal = set(), 0, bytes(32)
        self._emit_round("MergeRejected", proposer=proposer, root=root, challenger=challenger)
        if len(self.round.rejected) == MAX_PROPOSALS:
            self._abandon()
        else:
            # The aggregator had its turn: any other active node can propose at once.
            self.round.stage, self.round.deadline = Stage.MERGE, context.time

    def _abandon(self) -> None:
        """End the round on the state that it began with."""
        self.round.stage = Stage.FINAL
        self._emit_round("RoundFinalised", root=self.state_root)
        pool = settlement.aggregator_pool(self.terms)
        if pool:
            self.vault.release(pool)
