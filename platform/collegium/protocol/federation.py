"""Reference model of the federation: the whole life of rounds, registry and money.

The contract is tested against this model and the auditor replays a chain on it. It reads like
the protocol: Open, Commit, Draw, Score, Reveal, Settle, Merge, Final. Every function checks
first and changes afterwards, so a revert leaves nothing behind.
"""

import re
from collections.abc import Sequence
from typing import Any

from collegium.errors import BadSignature
from collegium.protocol import draw, ledger, packed, settlement, signing, verdict
from collegium.protocol.digest import keccak
from collegium.protocol.machine import COORDINATOR, PAUSER, Context, Event, Log, Revert, require
from collegium.protocol.registry import Node, Registry
from collegium.protocol.round import Phase, Round, Stage, Status
from collegium.protocol.settlement import Settlement
from collegium.protocol.terms import Terms
from collegium.protocol.vault import Vault

BAD_SIGNATURE, NOT_ACTIVE, ALREADY_COMMITTED = 0, 1, 2
"""Why an item of a batch is skipped."""

_REGISTRY = ("admit", "setAllowList", "register", "revoke")
_ROUND = ("openRound", "commitUpdate", "commitUpdates", "advance", "commitVerdict")
_RESULT = ("revealVerdict", "settle", "proposeMerge", "attestMerge")
_CONTROL = ("pause", "unpause", "grantRole", "revokeRole", "renounceRole")
FEDERATION_CALLS = frozenset((*_REGISTRY, *_ROUND, *_RESULT, *_CONTROL))
VAULT_CALLS = frozenset(("deposit", "withdraw", "claim"))


class Federation(Registry):
    """Federation and vault of one task card, in memory."""

    def __init__(
        self, chain_id: int, address: str, terms: Terms, genesis: bytes, admin: str
    ) -> None:
        """What the constructor of the contract sets up.

        Args:
            chain_id: of the chain.
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
        self.totals: list[int] = []
        self.paused = False

    def call(self, context: Context, name: str, **args: Any) -> list[Event]:
        """Execute one transaction.

        Args:
            context: sender and block.
            name: function of the federation or vault, as in Solidity.
            args: its arguments by their Solidity names: int, bytes, EIP-55 str, lists of them.

        Returns:
            The events of both contracts, in order.

        Raises:
            Revert: the contract refuses; nothing has changed.
        """
        require(name in FEDERATION_CALLS | VAULT_CALLS, "UnknownFunction", function=name)
        target = self.vault if name in VAULT_CALLS else self
        try:
            getattr(target, _snake(name))(context, **{_snake(k): v for k, v in args.items()})
        finally:
            events = self.log.take()
        return events

    def status(self, time: int) -> Status:
        """Phase, deadline and whether ``advance`` would cancel, at ``time``."""
        return self.round.status(self.terms, time)

    def open_round(self, context: Context, base: bytes) -> None:
        """Open: reserve the reward and take updates on the last final state."""
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
        self._expect(context, round, Phase.COMMIT)
        node = self._active(context.sender)
        require(not self.round.committed(node.id), "AlreadyCommitted", id=node.id)
        self._take(context, [(node.id, digest)])
        self._emit_round("UpdateCommitted", id=node.id, digest=digest)

    def commit_updates(self, context: Context, round: int, items: bytes) -> None:
        """Commit: signed updates of others; a bad one is skipped, never fatal."""
        self._expect(context, round, Phase.COMMIT)
        whole = items != b"" and len(items) % packed.COMMITMENT == 0
        require(whole, "BadLength", length=len(items))
        taken: list[packed.Committed] = []
        for account, digest, signature in packed.unpack_commitments(items):
            typed = self.domain.update_digest(round, account, self.state_root, digest)
            node = self._recovered(typed, signature)
            reason = self._reason_to_skip(account, node, taken)
            if node is None or reason is not None:
                self._emit_round("CommitSkipped", account=account, reason=reason)
            else:
                taken.append((node.id, digest))
        if taken:
            self._take(context, taken)
            self._emit_round("UpdatesCommitted", updates=packed.pack_updates(taken))

    def advance(self, context: Context, round: int) -> None:
        """Do what is due: draw, cancel or finalise. Anybody may."""
        self._expect(context, round)
        status = self.status(context.time)
        if status.cancellable:
            self._cancel(status.phase)
        elif status.phase == Phase.DRAW:
            self._draw(context)
        elif status.phase == Phase.PROPOSED and context.time >= status.deadline:
            self._finalise()
        else:
            raise Revert("NothingDue", phase=status.phase)

    def commit_verdict(self, context: Context, round: int, slot: int, seal: bytes) -> None:
        """Score: seal a verdict before any other is known."""
        self._expect(context, round, Phase.SCORE)
        self._member(context, slot)
        require(slot not in self.round.seals, "AlreadySealed", slot=slot)
        self.round.seals[slot] = seal
        if len(self.round.seals) == self.terms.committee:
            self.round.deadline = context.time
        self._emit_round("VerdictCommitted", slot=slot, seal=seal)

    def reveal_verdict(
        self, context: Context, round: int, slot: int, scores: bytes, salt: bytes
    ) -> None:
        """Reveal: open a sealed verdict."""
        self._expect(context, round, Phase.REVEAL)
        account = self._member(context, slot).account
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
        self._expect(context, round, Phase.SETTLE)
        require(updates == packed.pack_updates(self.round.updates), "WrongUpdates")
        slots = self.terms.committee
        require(len(scores) == slots, "WrongScores", slot=slots)
        for slot, found in enumerate(scores):
            require(found == self.round.scores.get(slot, b""), "WrongScores", slot=slot)
        require(list(ledger) == self.totals, "WrongLedger")
        self._apply(context, self.settlement())

    def propose_merge(self, context: Context, round: int, root: bytes) -> None:
        """Merge: the aggregator proposes the merged state, after its deadline any active node."""
        self._expect(context, round, Phase.MERGE)
        node, turn = self._active(context.sender), self.round.aggregator
        late = context.time >= self.round.deadline
        require(late or node.id == turn, "NotAggregator", aggregator=turn)
        self.round.stage = Stage.PROPOSED
        self.round.proposer, self.round.proposal = node.id, root
        self.round.deadline = context.time + self.terms.challenge_window
        self._emit_round("MergeProposed", proposer=node.id, root=root, deadline=self.round.deadline)

    def attest_merge(self, context: Context, round: int, signatures: bytes) -> None:
        """Merge: the committee's signatures on the proposal; final at quorum."""
        self._expect(context, round, Phase.PROPOSED)
        whole = signatures != b"" and len(signatures) % packed.ATTESTATION == 0
        require(whole, "BadLength", length=len(signatures))
        digest = self.domain.merge_digest(round, self.round.proposal)
        attested = set(self.round.attested)
        for slot, signature in packed.unpack_attestations(signatures):
            node = self._recovered(digest, signature)
            require(self._is_member(slot, node), "BadSignature", slot=slot)
            attested.add(slot)
        self.round.attested = attested
        self._emit_round("MergeAttested", slots=packed.bitmap(attested))
        if len(attested) >= self.terms.quorum:
            self._finalise()

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
        """What the revealed verdicts of this round come to."""
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

    def _cancel(self, phase: Phase) -> None:
        self.round.stage = Stage.CANCELLED
        self._emit_round("RoundCancelled", phase=phase)
        self.vault.release(self.terms.reward)

    def _apply(self, context: Context, result: Settlement) -> None:
        """Book a settlement: totals, ledger root, money and the next stage."""
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
        if not merges:
            self._emit_round("RoundFinalised", root=self.state_root)

    def _finalise(self) -> None:
        self.round.stage = Stage.FINAL
        self.state_root = self.round.proposal
        self._emit_round("RoundFinalised", root=self.state_root)
        pool = settlement.aggregator_pool(self.terms)
        if pool:
            self.vault.credit(self.round.proposer, pool)

    # Checks -----------------------------------------------------------------------------------

    def _expect(self, context: Context, round: int, phase: Phase | None = None) -> None:
        newest = self.round.id
        require(round == newest and round != 0, "WrongRound", newest=newest)
        found = self.status(context.time).phase
        require(phase is None or found == phase, "WrongPhase", phase=found)

    def _active(self, signer: str) -> Node:
        node = self.node_of_signer(signer)
        if node is None or not node.active_in(self.round.id):
            raise Revert("NotActive", signer=signer)
        return node

    def _is_member(self, slot: int, node: Node | None) -> bool:
        committee = self.round.committee
        return node is not None and slot < len(committee) and committee[slot] == node.id

    def _member(self, context: Context, slot: int) -> Node:
        node = self.node_of_signer(context.sender)
        if node is None or not self._is_member(slot, node):
            raise Revert("NotMember", slot=slot)
        return node

    def _recovered(self, digest: bytes, compact: bytes) -> Node | None:
        """The node whose signer signed ``digest``."""
        try:
            return self.node_of_signer(signing.recover(digest, signing.expand(compact)))
        except BadSignature:
            return None

    def _reason_to_skip(
        self, account: str, node: Node | None, taken: Sequence[packed.Committed]
    ) -> int | None:
        if node is None or node.account != account:
            return BAD_SIGNATURE
        if not node.active_in(self.round.id):
            return NOT_ACTIVE
        if self.round.committed(node.id) or any(id == node.id for id, _ in taken):
            return ALREADY_COMMITTED
        return None

    def _emit_round(self, name: str, **args: Any) -> None:
        self.emit(name, round=self.round.id, **args)

    # What the registry asks of its federation -------------------------------------------------

    def _newest_round(self) -> int:
        return self.round.id

    def _seats_in_use(self) -> set[int]:
        return set(self.round.members) if self.round.live else set()

    def _on_register(self, node: Node) -> None:
        self.vault.pull_stake(node.id, node.account, self.terms.stake)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()
