// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The words of a round: its phases, terms, events and errors
/// @notice Shared by the federation and the steps that it runs on its own storage.
interface IRounds {
    /// @notice Where the newest round stands; Draw and Settle mean that the step is due.
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

    /// @notice Why one item of a batch was left out.
    enum SkipReason {
        BadSignature,
        NotActive,
        AlreadyCommitted
    }

    /// @notice What a stake is slashed for: a sealed vote not opened; an update voted invalid; a
    /// merge proposed, or attested, that was disproved; two updates signed for one round.
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
    /// @param validatorShare Basis points for the committee.
    /// @param aggregatorShare Basis points for the merge; the three sum to 10000.
    /// @param committee Validators per round, 1..15.
    /// @param minUpdates Fewest updates that a round goes on with, 1..256.
    /// @param minScore Least median score that is accepted, in micro-nats.
    /// @param weightRule Merge weights, a number of `rules/Shares.sol`.
    /// @param payRule How the nodes' pool is shared, a number of `rules/Shares.sol`.
    /// @param mergeRule How updates become the next state, a number of `rules/Merge.sol`.
    /// @param mergeParameter The number that this rule takes; 0 if it takes none.
    /// @param commitWindow Seconds to commit updates.
    /// @param scoreWindow Seconds to score and seal verdicts.
    /// @param revealWindow Seconds to open sealed verdicts.
    /// @param mergeWindow Seconds in which only the aggregator proposes.
    /// @param challengeWindow Seconds in which a proposed merge finds its attestations, or falls.
    /// @param disputeWindow Seconds that an attested merge stays open to dispute, 1..challengeWindow.
    /// @param unbonding Seconds from leaving to the withdrawal of a stake; longer than all windows.
    /// @param unrevealedPenalty Basis points of `stake`, as all penalties: a sealed vote not opened.
    /// @param invalidPenalty An update that the committee found invalid or undelivered.
    /// @param mergePenalty Proposing a merge that is disproved; also the bond of who proposes.
    /// @param attestationPenalty Attesting a merge that is disproved.
    /// @param equivocationPenalty Signing two updates for one round.
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

    /// @notice The contracts that a federation is made of beside itself, each deployed on its own.
    /// @param vault Escrow, stakes and pay.
    /// @param disputes Judge of disputes.
    /// @param settler The terms in full, and the arithmetic of settlement.
    /// @param steps Code that the federation runs on its own storage.
    struct Parts {
        address vault;
        address disputes;
        address settler;
        address steps;
    }

    /// @notice The newest round. While it is live its base is `stateRoot()`.
    /// @param id 1, 2, 3, ...; 0 before the first.
    /// @param phase Where it stands at this block's time.
    /// @param cancellable Too little came in by the deadline: `advance` cancels it.
    /// @param deadline When the phase ends (seconds since 1970); 0 if nothing is awaited.
    /// @param members Bitmap of the seats that take part.
    /// @param committed Bitmap of the seats whose update is in.
    /// @param updates Number of updates committed so far.
    /// @param accumulator Hash chain over (id, digest) in commit order.
    /// @param aggregator Id of the node that proposes the merge; 0 before the draw.
    /// @param sealedSlots Bitmap of committee slots with a sealed verdict.
    /// @param revealedSlots Bitmap of those that opened it.
    /// @param attestedSlots Bitmap of those that signed the proposed merge.
    /// @param outcome Hash of the accepted (id, digest, weight); 0 before settlement.
    /// @param proposer Id of the node whose proposed merge stands; 0 if none.
    /// @param proposal Proposed state root; 0 if none.
    /// @param rejected Proposals that were disproved or found no quorum.
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

    /// @notice The federation was created, from these parts.
    event FederationCreated(
        address token, address vault, address disputes, address settler, address steps
    );

    /// @notice Round `round` takes updates on `base` from the seats in `members`.
    event RoundOpened(uint64 indexed round, bytes32 base, uint256 members, uint64 deadline);

    /// @notice Node `id` committed the update with this digest.
    event UpdateCommitted(uint64 indexed round, uint16 id, bytes32 digest);

    /// @notice A batch was committed: `updates` packs (uint16 id, bytes32 digest) in commit order.
    event UpdatesCommitted(uint64 indexed round, bytes updates);

    /// @notice One item of a batch was left out.
    event CommitSkipped(uint64 indexed round, address account, SkipReason reason);

    /// @notice The committee (ids by slot) and the aggregator (id) were drawn.
    event CommitteeDrawn(
        uint64 indexed round, bytes32 seed, uint16[] committee, uint16 aggregator, uint64 deadline
    );

    /// @notice The validator in `slot` sealed its verdict.
    event VerdictCommitted(uint64 indexed round, uint8 slot, bytes32 seal);

    /// @notice The validator in `slot` opened it: int32 big-endian per update, in commit order.
    event VerdictRevealed(uint64 indexed round, uint8 slot, bytes scores);

    /// @notice The round is settled; with earlier rounds this is all that a claim needs.
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

    /// @notice A merged state root was proposed; without a quorum by `deadline` it falls.
    event MergeProposed(uint64 indexed round, uint16 proposer, bytes32 root, uint64 deadline);

    /// @notice `slots` is the bitmap of all committee slots that have attested the merge. A quorum
    /// of them makes it final at `deadline`, unless it is disproved.
    event MergeAttested(uint64 indexed round, uint16 slots, uint64 deadline);

    /// @notice The proposal was disproved by `challenger`; zero: it found no quorum in time.
    event MergeRejected(uint64 indexed round, uint16 proposer, bytes32 root, address challenger);

    /// @notice Node `id` lost `amount` of its stake. `reporter` proved it; zero: the rules found it.
    event NodeSlashed(
        uint64 indexed round, uint16 indexed id, Offence offence, uint96 amount, address reporter
    );

    /// @notice The round ended and `root` is the state that the next one starts from.
    event RoundFinalised(uint64 indexed round, bytes32 root);

    /// @notice The round ended without result in `phase`; its reward returned to the escrow.
    event RoundCancelled(uint64 indexed round, Phase phase);

    /// @notice The terms contradict themselves or lie out of range.
    error InvalidTerms();

    /// @notice `part` was not made for this federation, with its terms and its token.
    error WrongPart(address part);

    /// @notice The call names another round than the newest, `newest`.
    error WrongRound(uint64 newest);

    /// @notice The call does not belong to `phase`, in which the round is.
    error WrongPhase(Phase phase);

    /// @notice The round must start from `expected`, the last final state root.
    error WrongBase(bytes32 expected);

    /// @notice Fewer nodes are active than the terms need.
    error TooFewNodes(uint256 active, uint256 needed);

    /// @notice `signer` is not the signer of a node that is active in this round.
    error NotActive(address signer);

    /// @notice The node's update is in already.
    error AlreadyCommitted(uint16 id);

    /// @notice Packed bytes have the wrong length.
    error BadLength(uint256 length);

    /// @notice Nothing is due at this time.
    error NothingDue(Phase phase);

    /// @notice The sender does not sign for the committee member in this slot.
    error NotMember(uint8 slot);

    /// @notice The verdict of this slot is in already.
    error AlreadySealed(uint8 slot);

    /// @notice This slot sealed nothing, or has revealed already.
    error NothingSealed(uint8 slot);

    /// @notice Scores and salt do not open the seal of this slot.
    error WrongOpening(uint8 slot);

    /// @notice The list of updates is not the one that was committed.
    error WrongUpdates();

    /// @notice The scores of this slot are not the ones that were revealed.
    error WrongScores(uint256 slot);

    /// @notice The previous ledger does not have the stored root.
    error WrongLedger();

    /// @notice Until the deadline only the aggregator may propose.
    error NotAggregator(uint16 aggregator);

    /// @notice The node proposed a merge in this round that was rejected.
    error ProposerBarred(uint16 id);

    /// @notice The node holds less stake than a wrong merge costs.
    error NotBonded(uint16 id, uint256 stake, uint256 bond);

    /// @notice The sender is not the contract that judges disputes.
    error NotDisputes(address sender);

    /// @notice The attestation for this slot is not signed by its member.
    error BadSignature(uint8 slot);
}
