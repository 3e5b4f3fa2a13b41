// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFederation} from "./IFederation.sol";

/// @title Proofs of offences that cost stake
/// @notice Anyone can prove one wrong block of a proposed merge, or two updates that one key signed
/// for one round. The offender loses stake, and half of that is owed to the sender. A proof that
/// fails reverts and costs only its sender. A proof copied from the pending transactions works for
/// the copier.
interface IDisputes {
    /// @notice One leaf of a tree of lanes.
    /// @param data Of a state: 256 int32, big-endian (1024 bytes). Of an update: 8 exponents of one
    /// byte, then 256 codes of 2, 4 or 8 bits (72, 136 or 264 bytes).
    /// @param path Sibling hashes from the leaf up to, but without, the root.
    struct Leaf {
        bytes data;
        bytes32[] path;
    }

    /// @notice Everything needed to recompute one block of a merge.
    /// @param round The round whose proposed merge is wrong.
    /// @param leaf Index of the leaf.
    /// @param block Index of the 32 lanes among the leaf's 256, 0..7.
    /// @param base The leaf in the state that the round began with.
    /// @param merged The leaf in the proposed state.
    /// @param accepted Packed (uint16 id, bytes32 digest, uint16 weight); its hash is the outcome.
    /// @param manifests SHA-256 of each accepted update's manifest, in that order.
    /// @param updates The leaf in each accepted update, in that order.
    struct MergeProof {
        uint64 round;
        uint32 leaf;
        uint8 block;
        Leaf base;
        Leaf merged;
        bytes accepted;
        bytes32[] manifests;
        Leaf[] updates;
    }

    /// @notice `accepted` is not the outcome of the round, or a list differs from it in length.
    error WrongOutcome();

    /// @notice A leaf's data has the wrong format, or its path does not lead to the root.
    /// @param index 0 base, 1 merged, 2 + i update i.
    error WrongLeaf(uint256 index);

    /// @notice The block index is not in 0..7.
    error WrongBlock();

    /// @notice This block of the merge is correct.
    error MergeCorrect();

    /// @notice The two signatures are not by one node on two different updates of one round.
    error NotEquivocal();

    /// @notice The equivocation of this node in this round was proven before.
    error AlreadyProven(uint16 id, uint64 round);

    /// @notice The node has no stake left to lose.
    error NothingAtStake(uint16 id);

    /// @notice Prove that one block of the proposed merge is wrong: the proposal is rejected.
    function disputeMerge(MergeProof calldata proof) external;

    /// @notice Prove that one key signed two updates for a round in which it acted for a node.
    /// @param round The round that both updates name.
    /// @param base The base that both updates name.
    /// @param account The node's account, which both updates name.
    /// @param digests The two update digests; they differ.
    /// @param signatures r, vs, r, vs (EIP-2098) over EIP-712
    /// `Update(uint64 round,address node,bytes32 base,bytes32 digest)`.
    function proveEquivocation(
        uint64 round,
        bytes32 base,
        address account,
        bytes32[2] calldata digests,
        bytes32[4] calldata signatures
    ) external;

    /// @notice The federation whose disputes are judged here.
    function federation() external view returns (IFederation);

    /// @notice Whether an equivocation of node `id` in `round` was proven.
    function proven(uint16 id, uint64 round) external view returns (bool);
}
