// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDisputes} from "./IDisputes.sol";
import {IRegistry} from "./IRegistry.sol";
import {IVault} from "./IVault.sol";

/// @title Rounds of verified and paid collaborative fine-tuning
/// @notice One round is live at a time: Commit, Draw, Score, Reveal, Settle, Merge, Proposed,
/// Final. Every step has a deadline and anybody may take the one that is due. A phase starts at
/// its time (`>=`) and ends before the next (`<`).
interface IFederation is IRegistry {
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
    /// @param weightRule Merge weights: 0 equal, 1 by score.
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

    /// @notice Open the next round and reserve its reward. Role: coordinator. Not while paused.
    /// @param base Must be `stateRoot()`: the coordinator says what it believes to be next.
    function openRound(bytes32 base) external;

    /// @notice Commit the sender's update.
    /// @param digest The update digest (protocol: manifest and lane root).
    function commitUpdate(uint64 roundId, bytes32 digest) external;

    /// @notice Commit signed updates for others; a bad one is skipped, never fatal.
    /// @param items Packed, 116 bytes each: address account, bytes32 digest, bytes32 r, bytes32 vs
    /// (EIP-2098) over EIP-712 `Update(uint64 round,address node,bytes32 base,bytes32 digest)`.
    function commitUpdates(uint64 roundId, bytes calldata items) external;

    /// @notice Do what is due: draw the committee, cancel, finalise or reject the proposed merge.
    /// If nobody proposes in `challengeWindow` after the merge's deadline, or the fourth proposal
    /// is rejected, the round ends on the state it began with.
    function advance(uint64 roundId) external;

    /// @notice Seal a verdict, before any other is known.
    /// @param slot The sender's place in the committee.
    /// @param seal keccak256(abi.encode(uint256 chainId, address federation, uint64 round,
    /// address account, bytes scores, bytes32 salt)).
    function commitVerdict(uint64 roundId, uint8 slot, bytes32 seal) external;

    /// @notice Open a sealed verdict.
    /// @param scores int32 big-endian per update in commit order; own update 0.
    function revealVerdict(uint64 roundId, uint8 slot, bytes calldata scores, bytes32 salt) external;

    /// @notice Compute medians, weights and pay from what was committed and revealed.
    /// @param updates Packed (uint16 id, bytes32 digest) in commit order.
    /// @param scores Per committee slot; empty if not revealed.
    /// @param ledger Totals of the previous ledger, by id.
    function settle(
        uint64 roundId,
        bytes calldata updates,
        bytes[] calldata scores,
        uint96[] calldata ledger
    ) external;

    /// @notice Propose the merged state: the aggregator, after its deadline any active node. It
    /// holds the bond, and no proposal of it was rejected in this round.
    function proposeMerge(uint64 roundId, bytes32 root) external;

    /// @notice Hand in committee signatures on the proposal; a quorum makes it final after
    /// `disputeWindow`.
    /// @param signatures Packed, 65 bytes each: uint8 slot, bytes32 r, bytes32 vs over EIP-712
    /// `Merge(uint64 round,bytes32 root)`. One that is in already changes nothing.
    function attestMerge(uint64 roundId, bytes calldata signatures) external;

    /// @notice Reject the proposed merge as disproved, and slash who proposed and attested it. Only
    /// the contract that judges disputes.
    function disprove(uint64 roundId, address challenger) external;

    /// @notice Slash node `id` for an offence in round `roundId`. Only the contract that judges
    /// disputes.
    function punish(uint64 roundId, uint16 id, Offence offence, address reporter) external;

    /// @notice Stop opening rounds; everything else goes on. Role: pauser.
    function pause() external;

    /// @notice Allow rounds again. Role: pauser.
    function unpause() external;

    /// @notice What was agreed.
    function terms() external view returns (Terms memory);

    /// @notice The escrow of this federation.
    function vault() external view returns (IVault);

    /// @notice The contract that judges disputes.
    function disputes() external view returns (IDisputes);

    /// @notice What a dispute is about; reverts unless round `roundId` has a merge proposed.
    /// @return base State root that the round began with.
    /// @return root Proposed state root.
    /// @return outcome Hash of the accepted (id, digest, weight).
    function proposal(uint64 roundId)
        external
        view
        returns (bytes32 base, bytes32 root, bytes32 outcome);

    /// @notice Root of the last final state.
    function stateRoot() external view returns (bytes32);

    /// @notice The newest round.
    function round() external view returns (Round memory);

    /// @notice Where the newest round stands: a function of its storage and the time only.
    function phase() external view returns (Phase);

    /// @notice Whether `advance` would cancel the round now.
    function cancellable() external view returns (bool);

    /// @notice Ids of the drawn committee by slot; empty before the draw.
    function committee() external view returns (uint16[] memory);

    /// @notice Votes that settle and attestations that finalise: two thirds, rounded up.
    function quorum() external view returns (uint8);

    /// @notice Stored hash of a slot: its seal, once revealed keccak256(scores).
    function verdict(uint8 slot) external view returns (bytes32);
}
