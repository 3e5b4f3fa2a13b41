"""Reference model of the newest round's guards: who can act in it, when, and which penalties apply.

All calls about a round share this: its storage, its phase, the slashing of stakes, and what the
registry must know about the round.
"""

from enum import IntEnum
from typing import Any

from collegium.protocol import signing
from collegium.protocol.model.machine import ZERO_ADDRESS, Context, Log, Revert, require
from collegium.protocol.model.registry import LeaveReason, Node, Registry
from collegium.protocol.model.round import Phase, Round, Status
from collegium.protocol.model.vault import Vault
from collegium.protocol.terms import BPS, Terms


class Offence(IntEnum):
    """What a stake is slashed for."""

    UNREVEALED = 0
    INVALID = 1
    MERGE = 2
    ATTESTATION = 3
    EQUIVOCATION = 4


class Phases(Registry):
    """Nodes, money and the newest round of one federation."""

    def __init__(
        self, chain_id: int, address: str, terms: Terms, genesis: bytes, admin: str
    ) -> None:
        """What the constructor of the contract sets up.

        Args:
            chain_id: id of the chain.
            address: EIP-55 address of the contract, which draws and signatures depend on.
            terms: the numbers.
            genesis: state root that the first round starts from.
            admin: holder of every role.
        """
        super().__init__(Log(), admin)
        self.domain = signing.Domain(chain_id, address)
        self.terms = terms
        self.state_root = genesis
        self.vault = Vault(self.log, self)
        self.round = Round()

    def status(self, time: int) -> Status:
        """Phase, deadline and whether ``advance`` would cancel, at ``time``."""
        return self.round.status(self.terms, time)

    def expect(self, context: Context, round: int, phase: Phase | None = None) -> None:
        """Revert unless ``round`` is the newest round, and in ``phase``."""
        newest = self.round.id
        require(round == newest and round != 0, "WrongRound", newest=newest)
        found = self.status(context.time).phase
        require(phase is None or found == phase, "WrongPhase", phase=found)

    def _active(self, signer: str) -> Node:
        """The node that ``signer`` signs for in this round; reverts with NotActive."""
        node = self.signs(signer, self.round.id)
        if node is None:
            raise Revert("NotActive", signer=signer)
        return node

    def _is_member(self, slot: int, signer: str) -> bool:
        committee, node = self.round.committee, self.signs(signer, self.round.id)
        return node is not None and slot < len(committee) and committee[slot] == node.id

    # Consequences -----------------------------------------------------------------------------

    def _emit_round(self, name: str, **args: Any) -> None:
        self.emit(name, round=self.round.id, **args)

    def _slash(
        self,
        context: Context,
        id: int,
        offence: Offence,
        reporter: str = ZERO_ADDRESS,
        round: int | None = None,
    ) -> None:
        """Take a part of a node's stake; with less than half of it left, the node must leave."""
        terms = self.terms
        share = {
            Offence.UNREVEALED: terms.unrevealed_penalty,
            Offence.INVALID: terms.invalid_penalty,
            Offence.MERGE: terms.merge_penalty,
            Offence.ATTESTATION: terms.attestation_penalty,
            Offence.EQUIVOCATION: terms.equivocation_penalty,
        }[offence]
        taken, left = self.vault.slash(id, terms.stake * share // BPS, reporter)
        if taken == 0:  # no penalty in the terms, or no stake left
            return
        self.emit(
            "NodeSlashed",
            round=self.round.id if round is None else round,
            id=id,
            offence=offence,
            amount=taken,
            reporter=reporter,
        )
        node = self.node(id)
        if 2 * left < terms.stake and not node.left:
            self._leave(context, node, LeaveReason.SLASHED)

    # What the registry asks of its federation -------------------------------------------------

    def _newest_round(self) -> int:
        return self.round.id

    def _seats_in_use(self) -> set[int]:
        return set(self.round.members) if self.round.live else set()

    def _on_register(self, node: Node) -> None:
        self.vault.pull_stake(node.id, node.account, self.terms.stake)

    def _on_leave(self, context: Context, node: Node) -> None:
        self.vault.unbond(node.id, context.time + self.terms.unbonding)
