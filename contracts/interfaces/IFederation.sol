// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDisputes} from "./IDisputes.sol";
import {IRegistry} from "./IRegistry.sol";
import {IRounds} from "./IRounds.sol";
import {ISteps} from "./ISteps.sol";
import {IVault} from "./IVault.sol";

/// @title Rounds of verified and paid collaborative fine-tuning
/// @notice One round is live at a time: Commit, Draw, Score, Reveal, Settle, Merge, Proposed,
/// Final. Every step has a deadline, and anyone can take the step that is pending. A phase starts
/// at its time (`>=`) and ends before the next (`<`).
interface IFederation is IRegistry, IRounds, ISteps {
    /// @notice Open the next round and reserve its reward. Role: coordinator. Not while paused.
    /// @param base Must be `stateRoot()`, so that a coordinator with an outdated view reverts.
    function openRound(bytes32 base) external;

    /// @notice Commit the sender's update.
    /// @param digest The update digest (protocol: manifest and lane root).
    function commitUpdate(uint64 roundId, bytes32 digest) external;

    /// @notice Commit signed updates for others. A bad item is skipped; it never reverts the batch.
    /// @param items Packed, 116 bytes each: address account, bytes32 digest, bytes32 r, bytes32 vs
    /// (EIP-2098) over EIP-712 `Update(uint64 round,address node,bytes32 base,bytes32 digest)`.
    function commitUpdates(uint64 roundId, bytes calldata items) external;

    /// @notice Seal a verdict, before any verdict is known.
    /// @param slot The sender's place in the committee.
    /// @param seal keccak256(abi.encode(uint256 chainId, address federation, uint64 round,
    /// address account, bytes scores, bytes32 salt)).
    function commitVerdict(uint64 roundId, uint8 slot, bytes32 seal) external;

    /// @notice Open a sealed verdict.
    /// @param scores int32 big-endian per update in commit order; the sender's own update has 0.
    function revealVerdict(uint64 roundId, uint8 slot, bytes calldata scores, bytes32 salt) external;

    /// @notice Propose the merged state. Only the aggregator until the deadline, then any active
    /// node. Its stake must cover the penalty for a wrong merge, and none of its proposals can have
    /// been rejected in this round.
    function proposeMerge(uint64 roundId, bytes32 root) external;

    /// @notice Submit committee signatures on the proposal. With a quorum it becomes final after
    /// `disputeWindow`.
    /// @param signatures Packed, 65 bytes each: uint8 slot, bytes32 r, bytes32 vs over EIP-712
    /// `Merge(uint64 round,bytes32 root)`. A repeated one changes nothing.
    function attestMerge(uint64 roundId, bytes calldata signatures) external;

    /// @notice Stop the opening of rounds; everything else continues. Role: pauser.
    function pause() external;

    /// @notice Allow rounds to be opened again. Role: pauser.
    function unpause() external;

    /// @notice What the members agreed on.
    function terms() external view returns (Terms memory);

    /// @notice The escrow of this federation.
    function vault() external view returns (IVault);

    /// @notice The contract that judges disputes.
    function disputes() external view returns (IDisputes);

    /// @notice The contract that holds the terms and computes settlements under them.
    function settler() external view returns (address);

    /// @notice The contract whose code the federation runs for the steps of `ISteps`.
    function steps() external view returns (address);

    /// @notice The data that disputes are judged on; reverts unless a merge is proposed in
    /// `roundId`.
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

    /// @notice Phase of the newest round: a function of its storage and the time only.
    function phase() external view returns (Phase);

    /// @notice Whether `advance` would cancel the round now.
    function cancellable() external view returns (bool);

    /// @notice Ids of the drawn committee by slot; empty before the draw.
    function committee() external view returns (uint16[] memory);

    /// @notice Votes needed to settle, and attestations needed to finalise: two thirds of the
    /// committee, rounded up.
    function quorum() external view returns (uint8);

    /// @notice Stored hash of a slot: its seal; after the reveal keccak256(scores); 0 without a
    /// seal.
    function verdict(uint8 slot) external view returns (bytes32);
}
