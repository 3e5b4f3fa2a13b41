// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Phases, terms, events and errors of a round
/// @notice Shared by the federation and the steps that it runs on its own storage.
interface IRounds {
    /// @notice Phase of the newest round; in Draw and Settle that step is pending.
    enum Phase {
        Idle,
        Commit,
        Draw,
        Score,
        Reveal,
        Settle,
        Merge,
        Proposed,
        Final,
        Cancelled
    }

    /// @notice Why one item of a batch was skipped.
    enum SkipReason {
        BadSignature,
        NotActive,
        AlreadyCommitted
    }

    /// @notice Offences that a stake is slashed for: not opening a sealed vote; an update voted
    /// invalid; proposing, or attesting, a merge that was disproved; signing two updates for one
    /// round.
    enum Offence {
        Unrevealed,
        Invalid,
        Merge,
        Attestation,
        Equivocation
    }

    /// @notice What all members agreed on; fixed for the life of the federation.
    /// @param card SHA-256 of the canonical task card.
    /// @param genesis State root that the first round starts from.
    /// @param reward Token units reserved for each round.
    /// @param stake Token units that a node deposits on registration.
    /// @param nodeShare Basis points of the reward for accepted updates.
    /// @param validatorShare Basis points of the reward for the committee.
    /// @param aggregatorShare Basis points of the reward for the merge; the three sum to 10000.
    /// @param committee Validators per round, 1..15.
    /// @param minUpdates Fewest updates with which a round continues, 1..256.
    /// @param minScore Lowest median score that is accepted, in micro-nats.
    /// @param weightRule Rule for merge weights, a number from `rules/Shares.sol`.
    /// @param payRule Rule for sharing the nodes' pool, a number from `rules/Shares.sol`.
    /// @param mergeRule Rule for merging updates into the next state, from `rules/Merge.sol`.
    /// @param mergeParameter Parameter of the merge rule; 0 if it takes none.
    /// @param commitWindow Seconds to commit updates.
    /// @param scoreWindow Seconds to score and seal verdicts.
    /// @param revealWindow Seconds to open sealed verdicts.
    /// @param mergeWindow Seconds in which only the aggregator can propose.
    /// @param challengeWindow Seconds in which a proposed merge needs a quorum, or it is rejected.
    /// @param disputeWindow Seconds that an attested merge stays open to dispute,
    /// 1..challengeWindow.
    /// @param unbonding Seconds from leaving to the withdrawal of a stake; longer than all windows.
    /// @param unrevealedPenalty Basis points of `stake` for a sealed vote that is not opened.
    /// @param invalidPenalty The same for an update that the committee voted invalid or
    /// undelivered.
    /// @param mergePenalty The same for proposing a merge that is disproved; also the stake that a
    /// proposer must have.
    /// @param attestationPenalty The same for attesting a merge that is disproved.
    /// @param equivocationPenalty The same for signing two updates for one round.
    struct Terms {
        bytes32 card;
        bytes32 genesis;
        uint96 reward;
        uint96 stake;
        uint16 nodeShare;
        uint16 validatorShare;
        uint16 aggregatorShare;
        uint8 committee;
        uint16 minUpdates;
        int32 minScore;
        uint8 weightRule;
        uint8 payRule;
        uint8 mergeRule;
        uint16 mergeParameter;
        uint32 commitWindow;
        uint32 scoreWindow;
        uint32 revealWindow;
        uint32 mergeWindow;
        uint32 challengeWindow;
        uint32 disputeWindow;
        uint32 unbonding;
        uint16 unrevealedPenalty;
        uint16 invalidPenalty;
        uint16 mergePenalty;
        uint16 attestationPenalty;
        uint16 equivocationPenalty;
    }

    /// @notice The other contracts of a federation, each deployed on its own.
    /// @param vault Escrow, stakes and pay.
    /// @param disputes Judge of disputes.
    /// @param settler The terms in full, and the arithmetic of settlement.
    /// @param steps The code that the federation runs on its own storage.
    struct Parts {
        address vault;
        address disputes;
        address settler;
        address steps;
    }

    /// @notice The newest round. While it is live its base is `stateRoot()`.
    /// @param id 1, 2, 3, ...; 0 before the first.
    /// @param phase Its phase at this block's time.
    /// @param cancellable Whether too little arrived by the deadline, so that `advance` cancels it.
    /// @param deadline When the phase ends (seconds since 1970); 0 if nothing is awaited.
    /// @param members Bitmap of the seats that take part.
    /// @param committed Bitmap of the seats whose update is committed.
    /// @param updates Number of updates committed so far.
    /// @param accumulator Hash chain over (id, digest) in commit order.
    /// @param aggregator Id of the node that proposes the merge; 0 before the draw.
    /// @param sealedSlots Bitmap of committee slots with a sealed verdict.
    /// @param revealedSlots Bitmap of the slots that opened it.
    /// @param attestedSlots Bitmap of the slots that signed the proposed merge.
    /// @param outcome Hash of the accepted (id, digest, weight); 0 before settlement.
    /// @param proposer Id of the node whose proposed merge is pending or final; 0 if none.
    /// @param proposal Proposed state root; 0 if none.
    /// @param rejected Number of proposals that were disproved or had no quorum in time.
    struct Round {
        uint64 id;
        Phase phase;
        bool cancellable;
        uint64 deadline;
        uint256 members;
        uint256 committed;
        uint16 updates;
        bytes32 accumulator;
        uint16 aggregator;
        uint16 sealedSlots;
        uint16 revealedSlots;
        uint16 attestedSlots;
        bytes32 outcome;
        uint16 proposer;
        bytes32 proposal;
        uint8 rejected;
    }

    /// @notice The federation was created with these parts.
    event FederationCreated(
        address token, address vault, address disputes, address settler, address steps
    );

    /// @notice Round `round` accepts updates to `base` from the seats in `members`.
    event RoundOpened(uint64 indexed round, bytes32 base, uint256 members, uint64 deadline);

    /// @notice Node `id` committed the update with this digest.
    event UpdateCommitted(uint64 indexed round, uint16 id, bytes32 digest);

    /// @notice A batch was committed: `updates` packs (uint16 id, bytes32 digest) in commit order.
    event UpdatesCommitted(uint64 indexed round, bytes updates);

    /// @notice One item of a batch was skipped.
    event CommitSkipped(uint64 indexed round, address account, SkipReason reason);

    /// @notice The committee (ids by slot) and the aggregator (id) were drawn.
    event CommitteeDrawn(
        uint64 indexed round, bytes32 seed, uint16[] committee, uint16 aggregator, uint64 deadline
    );

    /// @notice The validator in `slot` sealed its verdict.
    event VerdictCommitted(uint64 indexed round, uint8 slot, bytes32 seal);

    /// @notice The validator in `slot` opened its verdict: int32 big-endian per update, in commit
    /// order.
    event VerdictRevealed(uint64 indexed round, uint8 slot, bytes scores);

    /// @notice The round is settled. `totals` is the new ledger, from which claims are proven.
    /// @param ledgerRoot Root over `totals`.
    /// @param outcome Hash over the accepted (uint16 id, bytes32 digest, uint16 weight).
    /// @param earned Token units earned by nodes and validators in this round.
    /// @param released Token units that returned to the free escrow.
    /// @param results Per update, packed: int32 median, uint16 weight, uint96 pay (18 bytes).
    /// @param fees Per committee slot, packed: uint96 pay (12 bytes).
    /// @param totals Token units ever earned, by id (index 0 is id 1).
    event RoundSettled(
        uint64 indexed round,
        bytes32 ledgerRoot,
        bytes32 outcome,
        uint96 earned,
        uint96 released,
        bytes results,
        bytes fees,
        uint96[] totals
    );

    /// @notice A merged state root was proposed; without a quorum by `deadline` it is rejected.
    event MergeProposed(uint64 indexed round, uint16 proposer, bytes32 root, uint64 deadline);

    /// @notice `slots` is the bitmap of all committee slots that have attested the merge. A quorum
    /// of them makes it final at `deadline`, unless it is disproved.
    event MergeAttested(uint64 indexed round, uint16 slots, uint64 deadline);

    /// @notice The proposal was disproved by `challenger`, or, if that is zero, had no quorum in
    /// time.
    event MergeRejected(uint64 indexed round, uint16 proposer, bytes32 root, address challenger);

    /// @notice Node `id` lost `amount` of its stake. `reporter` proved the offence; it is zero if
    /// the contract itself detected it.
    event NodeSlashed(
        uint64 indexed round, uint16 indexed id, Offence offence, uint96 amount, address reporter
    );

    /// @notice The round ended; the next one starts from state `root`.
    event RoundFinalised(uint64 indexed round, bytes32 root);

    /// @notice The round was cancelled in `phase`; its reward returned to the free escrow.
    event RoundCancelled(uint64 indexed round, Phase phase);

    /// @notice The terms contradict each other or are out of range.
    error InvalidTerms();

    /// @notice `part` was not made for this federation, with its terms and its token.
    error WrongPart(address part);

    /// @notice The call is for another round than the newest, `newest`.
    error WrongRound(uint64 newest);

    /// @notice The round is in `phase`, and the call belongs to another phase.
    error WrongPhase(Phase phase);

    /// @notice The round must start from `expected`, the last final state root.
    error WrongBase(bytes32 expected);

    /// @notice Fewer nodes are active than the terms require.
    error TooFewNodes(uint256 active, uint256 needed);

    /// @notice `signer` is not the signer of a node that is active in this round.
    error NotActive(address signer);

    /// @notice The node has already committed an update.
    error AlreadyCommitted(uint16 id);

    /// @notice Packed bytes have the wrong length.
    error BadLength(uint256 length);

    /// @notice No step is pending at this time.
    error NothingDue(Phase phase);

    /// @notice The sender is not the signer of the committee member in this slot.
    error NotMember(uint8 slot);

    /// @notice This slot has already sealed a verdict.
    error AlreadySealed(uint8 slot);

    /// @notice This slot sealed no verdict, or has already opened it.
    error NothingSealed(uint8 slot);

    /// @notice Scores and salt do not match the seal of this slot.
    error WrongOpening(uint8 slot);

    /// @notice The list of updates is not the one that was committed.
    error WrongUpdates();

    /// @notice The scores of this slot are not the ones that were revealed.
    error WrongScores(uint256 slot);

    /// @notice The given ledger does not have the stored root.
    error WrongLedger();

    /// @notice Until the deadline only the aggregator can propose.
    error NotAggregator(uint16 aggregator);

    /// @notice A merge that the node proposed in this round was rejected.
    error ProposerBarred(uint16 id);

    /// @notice The node's stake is less than the penalty for a wrong merge.
    error NotBonded(uint16 id, uint256 stake, uint256 bond);

    /// @notice The sender is not the contract that judges disputes.
    error NotDisputes(address sender);

    /// @notice The attestation for this slot is not signed by its member.
    error BadSignature(uint8 slot);
}
