// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Part} from "./Part.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {Binding} from "./libraries/Binding.sol";
import {Lanes} from "./libraries/Lanes.sol";
import {Packed} from "./libraries/Packed.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Tree} from "./libraries/Tree.sol";
import {Merge} from "./rules/Merge.sol";

/// @title Judge of disputes
/// @notice Decides from hashes and signatures alone, and reports proven offences to the federation.
contract Disputes is IDisputes, Part {
    using Packed for bytes;
    using Signatures for bytes32;

    uint256 private constant ACCEPTED_BYTES = 36; // uint16 id, bytes32 digest, uint16 weight

    /// @inheritdoc IDisputes
    IFederation public immutable federation;

    /// @inheritdoc IDisputes
    mapping(uint16 id => mapping(uint64 round => bool)) public proven;

    uint8 private immutable MERGE_RULE;
    uint16 private immutable MERGE_PARAMETER;

    /// @param federation_ The federation whose disputes are judged here; it checks the rule.
    /// @param rule Number of the merge rule.
    /// @param parameter The number that the rule takes; 0 if it takes none.
    constructor(IFederation federation_, uint8 rule, uint16 parameter)
        Part(address(federation_), Binding.disputes(address(federation_), rule, parameter))
    {
        (MERGE_RULE, MERGE_PARAMETER) = (rule, parameter);
        federation = federation_;
    }

    /// @inheritdoc IDisputes
    function disputeMerge(MergeProof calldata proof) external {
        (bytes32 base, bytes32 root, bytes32 outcome) = federation.proposal(proof.round);
        uint256 count = proof.updates.length;
        // INVARIANT: the proof covers all accepted updates and no others.
        require(
            keccak256(proof.accepted) == outcome && proof.accepted.length == count * ACCEPTED_BYTES
                && proof.manifests.length == count,
            WrongOutcome()
        );
        // INVARIANT: the block lies within the leaf.
        require(proof.block < Lanes.BLOCKS, WrongBlock());
        uint256 depth = proof.base.path.length;
        // INVARIANT: the leaf exists. The base is final, so its path has the depth of the layout.
        require(uint256(proof.leaf) >> depth == 0, WrongLeaf(0));
        _checkState(proof.base, proof.leaf, depth, base, 0);
        _checkState(proof.merged, proof.leaf, depth, root, 1);

        // INVARIANT: only a wrong merge is rejected.
        Lanes.Sums memory sums = Merge.moved(MERGE_RULE, MERGE_PARAMETER, _rows(proof, depth));
        require(
            !Lanes.merged(proof.base.data, proof.merged.data, proof.block, sums), MergeCorrect()
        );
        federation.disprove(proof.round, msg.sender);
    }

    /// @inheritdoc IDisputes
    function proveEquivocation(
        uint64 round,
        bytes32 base,
        address account,
        bytes32[2] calldata digests,
        bytes32[4] calldata signatures
    ) external {
        bytes32[8] memory template = Signatures.template(
            Signatures.domainOf(address(federation)), round, base
        );
        address signer = Signatures.updateHash(template, account, digests[0])
            .recover(signatures[0], signatures[1]);
        address second = Signatures.updateHash(template, account, digests[1])
            .recover(signatures[2], signatures[3]);
        uint16 id = federation.activeSigner(signer, round);
        // INVARIANT: only signatures of the key that acts for a node in a round incriminate it.
        require(
            signer == second && digests[0] != digests[1] && id != 0
                && federation.vault().accountOf(id) == account,
            NotEquivocal()
        );
        // INVARIANT: one offence is punished once.
        require(!proven[id][round], AlreadyProven(id, round));
        // INVARIANT: a proof is not used up while the node has no stake to lose.
        require(federation.vault().stakeOf(id) != 0, NothingAtStake(id));

        proven[id][round] = true;
        federation.punish(round, id, IRounds.Offence.Equivocation, msg.sender);
    }

    /// @dev Reverts unless `leaf` is leaf number `at` of the state with this root.
    function _checkState(Leaf calldata leaf, uint256 at, uint256 depth, bytes32 root, uint256 index)
        private
        view
    {
        // INVARIANT: the lanes of the base and the merge come from the disputed states.
        require(
            leaf.data.length == Lanes.STATE_BYTES && leaf.path.length == depth
                && Tree.root(leaf.data, at, leaf.path) == root,
            WrongLeaf(index)
        );
    }

    /// @dev The block's lanes of all updates: one row per update, or one sum if the merge rule only
    /// needs that.
    function _rows(MergeProof calldata proof, uint256 depth)
        private
        view
        returns (Lanes.Sums[] memory rows)
    {
        rows = Merge.room(MERGE_RULE, proof.updates.length);
        bytes calldata accepted = proof.accepted; // located once: it costs gas each time
        for (uint256 i; i < proof.updates.length; ++i) {
            Leaf calldata leaf = proof.updates[i];
            // INVARIANT: the lanes of the updates come from the accepted updates.
            require(
                Lanes.width(leaf.data.length) != 0 && leaf.path.length == depth
                    && Tree.digest(proof.manifests[i], Tree.root(leaf.data, proof.leaf, leaf.path))
                        == accepted.word(i * ACCEPTED_BYTES + 2),
                WrongLeaf(2 + i)
            );
            uint256 weight = uint16(bytes2(accepted.word((i + 1) * ACCEPTED_BYTES - 2)));
            // INVARIANT: no update moves a lane further than its format allows.
            require(
                Merge.add(MERGE_RULE, rows, i, leaf.data, proof.block, weight), WrongLeaf(2 + i)
            );
        }
    }
}
