"""Reference model of the disputes: proofs of what a node must never do.

Anyone can prove an altered merge, or two updates of one node for one round, and is then owed half
of the penalty. A failed proof costs only its sender.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collegium.errors import BadDispute
from collegium.protocol import merge_proof
from collegium.protocol.model.machine import ZERO_ADDRESS, Context, Revert, require, signer
from collegium.protocol.model.phases import Offence
from collegium.protocol.model.proposals import Merging
from collegium.protocol.model.round import Phase


class Disputes:
    """The contract that judges disputes of one federation.

    Attributes:
        proven: (node id, round) of the equivocations that were proven.
    """

    def __init__(self, federation: Merging) -> None:
        self._federation = federation
        self.proven: set[tuple[int, int]] = set()

    def dispute_merge(self, context: Context, proof: Mapping[str, Any]) -> None:
        """Prove that one block of the proposed merge is wrong."""
        federation, claim = self._federation, merge_proof.MergeProof.from_call(proof)
        federation.expect(context, claim.round, Phase.PROPOSED)
        round = federation.round
        try:
            rule = federation.terms.merging
            merge_proof.verify(rule, claim, federation.state_root, round.proposal, round.outcome)
        except BadDispute as error:
            raise Revert(error.refusal, **error.values) from error
        federation.disprove(context, claim.round, context.sender)

    def prove_equivocation(
        self,
        context: Context,
        round: int,
        base: bytes,
        account: str,
        digests: Sequence[bytes],
        signatures: Sequence[bytes],
    ) -> None:
        """Prove that one key signed two updates for a round in which it signed for a node."""
        federation = self._federation
        typed = [federation.domain.update_digest(round, account, base, each) for each in digests]
        first, second = (
            signer(message, signatures[2 * i] + signatures[2 * i + 1])
            for i, message in enumerate(typed)
        )
        node = federation.signs(first, round)
        same = first == second != ZERO_ADDRESS and digests[0] != digests[1]
        if node is None or not same or node.account != account:
            raise Revert("NotEquivocal")
        proven = (node.id, round) in self.proven
        require(not proven, "AlreadyProven", id=node.id, round=round)
        # With no stake left nothing would be taken, so the offence is not marked as proven.
        at_stake = federation.vault.payees[node.id].stake
        require(at_stake != 0, "NothingAtStake", id=node.id)
        self.proven.add((node.id, round))
        federation.punish(context, round, node.id, Offence.EQUIVOCATION, context.sender)
