"""Reference model of the federation: the whole life of rounds, registry, money and disputes.

The contracts are tested against this model and the auditor replays a chain on it. It reads like
the protocol: Open, Commit, Draw, Score, Reveal, Settle, and in ``merging`` Merge, Proposed,
Final. Every function first checks everything and then changes state, so a revert changes nothing.
"""

import re
from collections.abc import Sequence
from typing import Any

from collegium.protocol import draw, ledger, packed, settlement, verdict
from collegium.protocol.digest import keccak
from collegium.protocol.model.access import COORDINATOR, PAUSER
from collegium.protocol.model.disputes import Disputes
from collegium.protocol.model.machine import Context, Event, require, signer
from collegium.protocol.model.phases import Offence
from collegium.protocol.model.proposals import Merging
from collegium.protocol.model.round import Phase, Round, Stage
from collegium.protocol.settlement import Settlement
from collegium.protocol.terms import Terms

BAD_SIGNATURE, NOT_ACTIVE, ALREADY_COMMITTED = 0, 1, 2
"""Why an item of a batch is skipped."""

_REGISTRY = ("admit", "setAllowList", "register", "rotate", "exit", "revoke")
_ROUND = ("openRound", "commitUpdate", "commitUpdates", "advance", "commitVerdict")
_RESULT = ("revealVerdict", "settle", "proposeMerge", "attestMerge")
_CONTROL = ("pause", "unpause", "grantRole", "revokeRole", "renounceRole")
_HANDOVER = tuple(f"{step}DefaultAdminTransfer" for step in ("begin", "cancel", "accept"))
FEDERATION_CALLS = frozenset((*_REGISTRY, *_ROUND, *_RESULT, *_CONTROL, *_HANDOVER))
VAULT_CALLS = frozenset(("deposit", "withdraw", "claim", "withdrawStake", "collect", "recycle"))
DISPUTES_CALLS = frozenset(("disputeMerge", "proveEquivocation"))
"""What anyone can try to call; the contracts have a few more functions for each other."""


class Federation(Merging):
    """Federation, vault and disputes of one task card, in memory."""

    def __init__(
        self, chain_id: int, address: str, terms: Terms, genesis: bytes, admin: str
    ) -> None:
        super().__init__(chain_id, address, terms, genesis, admin)
        self.disputes = Disputes(self)
        self.totals: list[int] = []
        self.paused = False

    def call(self, context: Context, name: str, **args: Any) -> list[Event]:
        """Execute one transaction.

        Args:
            context: sender and block.
            name: function of one of the contracts, as in Solidity.
            args: its arguments by their Solidity names: int, bytes, EIP-55 str, lists and, for
                structs, mappings of them.

        Returns:
            The events of all contracts, in order.

        Raises:
            Revert: the contract rejects the call; nothing has changed.
        """
        targets = (
            (FEDERATION_CALLS, self),
            (VAULT_CALLS, self.vault),
            (DISPUTES_CALLS, self.disputes),
        )
        target = next((target for calls, target in targets if name in calls), None)
        require(target is not None, "UnknownFunction", function=name)
        try:
            getattr(target, _snake(name))(context, **{_snake(k): v for k, v in args.items()})
        finally:  # also after a revert, which must leave no events for the next call
            events = self.log.take()
        return events

    def open_round(self, context: Context, base: bytes) -> None:
        """Open: reserve the reward and accept updates of the last final state."""
        self.only(COORDINATOR, context)
        require(not self.paused, "EnforcedPause")
        require(not self.round.live, "WrongPhase", phase=self.status(context.time).phase)
        require(base == self.state_root, "WrongBase", expected=self.state_root)
        members = {seat: node.id for seat, node in sorted(self.registered().items())}
        needed = max(self.terms.min_updates, self.terms.committee)
        require(len(members) >= needed, "TooFewNodes", active=len(members), needed=needed)
        deadline = context.time + self.terms.commit_window
        opened = Round(self.round.id + 1, Stage.COMMIT, deadline, members)
        bits = packed.bitmap(members)
        self.emit("RoundOpened", round=opened.id, base=base, members=bits, deadline=deadline)
        self.vault.reserve(self.terms.reward)
        self.round = opened

    def commit_update(self, context: Context, round: int, digest: bytes) -> None:
        """Commit: the sender's own update."""
        self.expect(context, round, Phase.COMMIT)
        node = self._active(context.sender)
        require(not self.round.committed(node.id), "AlreadyCommitted", id=node.id)
        self._take(context, [(node.id, digest)])
        self._emit_round("UpdateCommitted", id=node.id, digest=digest)

    def commit_updates(self, context: Context, round: int, items: bytes) -> None:
        """Commit: signed updates of others; an invalid one is skipped and does not revert."""
        self.expect(context, round, Phase.COMMIT)
        whole = items != b"" and len(items) % packed.COMMITMENT == 0
        require(whole, "BadLength", length=len(items))
        taken: list[packed.Committed] = []
        for account, digest, signature in packed.unpack_commitments(items):
            typed = self.domain.update_digest(round, account, self.state_root, digest)
            who = signer(typed, signature)
            node, reason = self.node_of_signer(who), self._reason_to_skip(account, who, taken)
            if node is None or reason is not None:
                self._emit_round("CommitSkipped", account=account, reason=reason)
            else:
                taken.append((node.id, digest))
        if taken:
            self._take(context, taken)
            self._emit_round("UpdatesCommitted", updates=packed.pack_updates(taken))

    def advance(self, context: Context, round: int) -> None:
        """Carry out the pending step: draw, cancel, finalise, reject, or end without a merge.

        Anyone can call.
        """
        self.expect(context, round)
        status = self.status(context.time)
        if status.cancellable:
            self._cancel(context, status.phase)
        elif status.phase == Phase.DRAW:
            self._draw(context)
        else:
            self._conclude(context)

    def commit_verdict(self, context: Context, round: int, slot: int, seal: bytes) -> None:
        """Score: seal a verdict before any other is known."""
        self.expect(context, round, Phase.SCORE)
        require(self._is_member(slot, context.sender), "NotMember", slot=slot)
        require(slot not in self.round.seals, "AlreadySealed", slot=slot)
        self.round.seals[slot] = seal
        if len(self.round.seals) == self.terms.committee:  # all have sealed: revealing starts now
            self.round.deadline = context.time
        self._emit_round("VerdictCommitted", slot=slot, seal=seal)

    def reveal_verdict(
        self, context: Context, round: int, slot: int, scores: bytes, salt: bytes
    ) -> None:
        """Reveal: open a sealed verdict."""
        self.expect(context, round, Phase.REVEAL)
        require(self._is_member(slot, context.sender), "NotMember", slot=slot)
        account = self._active(context.sender).account
        sealed = slot in self.round.seals and slot not in self.round.scores
        require(sealed, "NothingSealed", slot=slot)
        fits = len(scores) == verdict.SCORE * len(self.round.updates)
        require(fits, "BadLength", length=len(scores))
        seal = verdict.seal(
            self.domain.chain_id, self.domain.federation, round, account, scores, salt
        )
        require(seal == self.round.seals[slot], "WrongOpening", slot=slot)
        self.round.scores[slot] = scores
        self._emit_round("VerdictRevealed", slot=slot, scores=scores)

    def settle(
        self,
        context: Context,
        round: int,
        updates: bytes,
        scores: Sequence[bytes],
        ledger: Sequence[int],
    ) -> None:
        """Settle: medians, weights and pay from what was committed and revealed."""
        self.expect(context, round, Phase.SETTLE)
        require(updates == packed.pack_updates(self.round.updates), "WrongUpdates")
        slots = self.terms.committee
        require(len(scores) == slots, "WrongScores", slot=slots)
        for slot, found in enumerate(scores):
            require(found == self.round.scores.get(slot, b""), "WrongScores", slot=slot)
        require(list(ledger) == self.totals, "WrongLedger")
        self._apply(context, self.settlement())

    def pause(self, context: Context) -> None:
        """Stop opening rounds; only PAUSER."""
        self.only(PAUSER, context)
        require(not self.paused, "EnforcedPause")
        self.paused = True
        self.emit("Paused", account=context.sender)

    def unpause(self, context: Context) -> None:
        """Allow rounds again; only PAUSER."""
        self.only(PAUSER, context)
        require(self.paused, "ExpectedPause")
        self.paused = False
        self.emit("Unpaused", account=context.sender)

    def settlement(self) -> Settlement:
        """The settlement of the verdicts that were revealed in this round."""
        count = len(self.round.updates)
        revealed = [self.round.scores.get(slot) for slot in range(self.terms.committee)]
        return settlement.settle(
            self.terms,
            [node for node, _ in self.round.updates],
            self.round.committee,
            [None if data is None else verdict.decode_scores(data, count) for data in revealed],
        )

    # Steps ------------------------------------------------------------------------------------

    def _take(self, context: Context, updates: Sequence[packed.Committed]) -> None:
        self.round.updates.extend(updates)
        if len(self.round.updates) == len(self.round.members):
            # All are in. The draw takes its seed from a later block, unknown to the last one.
            self.round.deadline = context.time + 1

    def _draw(self, context: Context) -> None:
        members = self.round.members
        seed = draw.seed(context.prevrandao, self.domain.federation, self.round.id)
        seats = draw.committee(seed, members.keys(), self.terms.committee)
        self.round.stage = Stage.SCORE
        self.round.deadline = context.time + self.terms.score_window
        self.round.committee = [members[seat] for seat in seats]
        self.round.aggregator = members[draw.aggregator(self.round.id, members.keys())]
        self._emit_round(
            "CommitteeDrawn",
            seed=seed,
            committee=list(self.round.committee),
            aggregator=self.round.aggregator,
            deadline=self.round.deadline,
        )

    def _cancel(self, context: Context, phase: Phase) -> None:
        self.round.stage = Stage.CANCELLED
        self._emit_round("RoundCancelled", phase=phase)
        self.vault.release(self.terms.reward)
        if phase == Phase.REVEAL:
            self._slash_unrevealed(context)

    def _apply(self, context: Context, result: Settlement) -> None:
        """Record a settlement: totals, ledger root, money and the next stage."""
        totals = self.totals + [0] * (len(self.nodes) - len(self.totals))
        for (node, _), pay in zip(self.round.updates, result.node_pays, strict=True):
            totals[node - 1] += pay
        for node, pay in zip(self.round.committee, result.validator_pays, strict=True):
            totals[node - 1] += pay
        root, merges = ledger.root(totals), any(result.accepted)
        self.totals = totals
        self.round.outcome = keccak(packed.pack_accepted(self.round.updates, result))
        self.round.stage = Stage.MERGE if merges else Stage.FINAL
        self.round.deadline = context.time + self.terms.merge_window if merges else 0
        self._emit_round(
            "RoundSettled",
            ledgerRoot=root,
            outcome=self.round.outcome,
            earned=result.earned,
            released=result.returned,
            results=packed.pack_results(result),
            fees=packed.pack_fees(result.validator_pays),
            totals=list(totals),
        )
        self.vault.settle(root, result.earned, result.returned)
        self._slash_unrevealed(context)
        for (node, _), invalid in zip(self.round.updates, result.invalid, strict=True):
            if invalid:
                self._slash(context, node, Offence.INVALID)
        if not merges:
            self._emit_round("RoundFinalised", root=self.state_root)

    def _slash_unrevealed(self, context: Context) -> None:
        # A member that sealed nothing pays nothing: only a vote that is withheld is an offence.
        for slot, node in enumerate(self.round.committee):
            if slot in self.round.seals and slot not in self.round.scores:
                self._slash(context, node, Offence.UNREVEALED)

    def _reason_to_skip(
        self, account: str, who: str, taken: Sequence[packed.Committed]
    ) -> int | None:
        node = self.node_of_signer(who)
        if node is None or node.account != account:
            return BAD_SIGNATURE
        if self.signs(who, self.round.id) is None:
            return NOT_ACTIVE
        if self.round.committed(node.id) or any(id == node.id for id, _ in taken):
            return ALREADY_COMMITTED
        return None


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
