// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Fixture} from "./Fixture.sol";

/// @dev Rounds whose updates have lanes, their merge computed in the simplest way, and proofs about
/// it. Only one leaf of each tree has content; its siblings are arbitrary hashes.
abstract contract MergeFixture is Fixture {
    uint256 internal depth = 2;
    uint32 internal leafAt = 2;
    uint8 internal rule; // weight rule
    bytes internal baseLeaf; // 1024 bytes of the state that the round began with
    mapping(uint256 node => bytes) internal updateLeaf; // of the current round
    mapping(uint256 node => uint256) internal deeper; // extra depth of its tree

    function agreed(uint8 committee)
        internal
        view
        virtual
        override
        returns (IRounds.Terms memory terms)
    {
        terms = super.agreed(committee);
        terms.genesis = rootOf(baseLeaf, path("state"));
        terms.weightRule = rule;
    }

    // Trees ------------------------------------------------------------------------------------

    function path(string memory what) internal view returns (bytes32[] memory) {
        return siblingsOf(what, depth);
    }

    function pathOf(uint256 i) internal view returns (bytes32[] memory) {
        return siblingsOf("update", depth + deeper[i]);
    }

    function siblingsOf(string memory what, uint256 count)
        private
        pure
        returns (bytes32[] memory siblings)
    {
        siblings = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            siblings[i] = keccak256(abi.encode(what, i));
        }
    }

    function rootOf(bytes memory data, bytes32[] memory siblings)
        internal
        view
        returns (bytes32 hash)
    {
        hash = sha256(abi.encodePacked(bytes1(0), data));
        for (uint256 i; i < siblings.length; ++i) {
            bool right = (leafAt >> i) & 1 == 1;
            (bytes32 a, bytes32 b) = right ? (siblings[i], hash) : (hash, siblings[i]);
            hash = sha256(abi.encodePacked(bytes1(0x01), a, b));
        }
    }

    function manifestOf(uint256 i) internal view returns (bytes32) {
        return keccak256(abi.encode("manifest", roundId(), i));
    }

    function digestOf(uint256 i) internal view virtual override returns (bytes32) {
        bytes32 laneRoot = rootOf(updateLeaf[i], pathOf(i));
        return sha256(abi.encodePacked(bytes1(0x02), manifestOf(i), laneRoot));
    }

    // Lanes ------------------------------------------------------------------------------------

    /// @dev A leaf of state: values of all sizes, some at the ends of their range.
    function stateOf(uint256 seed) internal pure returns (bytes memory leaf) {
        leaf = new bytes(1024);
        for (uint256 lane; lane < 256; ++lane) {
            uint256 noise = uint256(keccak256(abi.encode(seed, "state", lane)));
            int256 value = int256(int32(uint32(noise))) >> (noise >> 40) % 32;
            if ((noise >> 48) % 16 == 0) value = type(int32).max - int256(noise >> 64) % 5;
            if ((noise >> 48) % 16 == 1) value = type(int32).min + int256(noise >> 64) % 5;
            put(leaf, lane, value);
        }
    }

    /// @dev A leaf of an update with codes of `bits` bits.
    function lanesOf(uint256 seed, uint256 bits) internal pure returns (bytes memory leaf) {
        leaf = new bytes(8 + 32 * bits);
        for (uint256 block_; block_ < 8; ++block_) {
            uint256 noise = uint256(keccak256(abi.encode(seed, "exponent", block_)));
            leaf[block_] = bytes1(uint8(noise % 25));
        }
        int256 most = int256((1 << (bits - 1)) - 1);
        for (uint256 lane; lane < 256; ++lane) {
            uint256 noise = uint256(keccak256(abi.encode(seed, "lane", lane)));
            setCode(leaf, lane, int256(noise % uint256(2 * most + 1)) - most);
        }
    }

    function put(bytes memory leaf, uint256 lane, int256 value) internal pure {
        for (uint256 i; i < 4; ++i) {
            leaf[4 * lane + i] = bytes1(uint8(uint256(value) >> (24 - 8 * i)));
        }
    }

    function get(bytes memory leaf, uint256 lane) internal pure returns (int256 value) {
        for (uint256 i; i < 4; ++i) {
            value = (value << 8) | int256(uint256(uint8(leaf[4 * lane + i])));
        }
        if (value >= 1 << 31) value -= 1 << 32;
    }

    function setCode(bytes memory leaf, uint256 lane, int256 value) internal pure {
        (uint256 at, uint256 shift, uint256 mask) = place(leaf, lane);
        uint256 rest = uint8(leaf[at]) & ~(mask << shift);
        leaf[at] = bytes1(uint8(rest | ((uint256(value) & mask) << shift)));
    }

    function code(bytes memory leaf, uint256 lane) internal pure returns (int256 value) {
        (uint256 at, uint256 shift, uint256 mask) = place(leaf, lane);
        value = int256((uint8(leaf[at]) >> shift) & mask);
        if (value > int256(mask >> 1)) value -= int256(mask + 1);
    }

    /// @dev Byte of a lane's code, its lowest bit in that byte, and the mask of its width.
    function place(bytes memory leaf, uint256 lane)
        private
        pure
        returns (uint256 at, uint256 shift, uint256 mask)
    {
        uint256 bits = (leaf.length - 8) / 32;
        at = 8 + lane * bits / 8;
        shift = 8 - bits - lane * bits % 8;
        mask = (1 << bits) - 1;
    }

    // Merges -----------------------------------------------------------------------------------

    /// @dev Packed (uint16 id, bytes32 digest, uint16 weight) of the accepted updates.
    function accepted() internal view returns (bytes memory list) {
        for (uint256 i; i < updates.length / 34; ++i) {
            if (!isAccepted(i)) continue;
            list = bytes.concat(list, cut(updates, 34 * i, 34), cut(results, 18 * i + 4, 2));
        }
    }

    function isAccepted(uint256 i) private view returns (bool) {
        int32 median = int32(uint32(bytes4(cut(results, 18 * i, 4))));
        return median != type(int32).min && median >= federation.terms().minScore;
    }

    function cut(bytes memory data, uint256 from, uint256 size)
        internal
        pure
        returns (bytes memory part)
    {
        part = new bytes(size);
        for (uint256 i; i < size; ++i) {
            part[i] = data[from + i];
        }
    }

    function number(bytes memory list, uint256 at) internal pure returns (uint256) {
        return (uint256(uint8(list[at])) << 8) | uint8(list[at + 1]);
    }

    /// @dev The merged leaf of the accepted updates: checked arithmetic, lane by lane.
    function merge() internal view returns (bytes memory leaf) {
        bytes memory list = accepted();
        bytes[] memory leaves = new bytes[](list.length / 36);
        int256[] memory weights = new int256[](leaves.length);
        int256 total;
        for (uint256 i; i < leaves.length; ++i) {
            leaves[i] = updateLeaf[number(list, 36 * i) - 1];
            weights[i] = int256(number(list, 36 * i + 34));
            total += weights[i];
        }
        leaf = new bytes(1024);
        bytes memory base = baseLeaf;
        for (uint256 lane; lane < 256; ++lane) {
            int256 sum;
            for (uint256 i; i < leaves.length; ++i) {
                int256 scale = int256(2 ** uint256(uint8(leaves[i][lane / 32])));
                sum += weights[i] * code(leaves[i], lane) * scale;
            }
            put(leaf, lane, clamp(get(base, lane) + roundHalfUp(sum, total)));
        }
    }

    /// @dev The integer nearest to sum / total, the greater one of a tie: by search from below.
    function roundHalfUp(int256 sum, int256 total) private pure returns (int256 nearest) {
        nearest = sum / total - 2;
        while (2 * (sum - (nearest + 1) * total) >= -total) ++nearest;
    }

    function clamp(int256 value) private pure returns (int256) {
        if (value > type(int32).max) return type(int32).max;
        return value < type(int32).min ? type(int32).min : value;
    }

    /// @dev A proof about one block, where `proposed` is the leaf in the proposal.
    function proofAbout(bytes memory proposed, uint8 block_)
        internal
        view
        returns (IDisputes.MergeProof memory proof)
    {
        proof.round = roundId();
        proof.leaf = leafAt;
        proof.block = block_;
        proof.base = IDisputes.Leaf(baseLeaf, path("state"));
        proof.merged = IDisputes.Leaf(proposed, path("state"));
        proof.accepted = accepted();
        uint256 count = proof.accepted.length / 36;
        proof.manifests = new bytes32[](count);
        proof.updates = new IDisputes.Leaf[](count);
        for (uint256 i; i < count; ++i) {
            uint256 node = number(proof.accepted, 36 * i) - 1;
            proof.manifests[i] = manifestOf(node);
            proof.updates[i] = IDisputes.Leaf(updateLeaf[node], pathOf(node));
        }
    }

    function proposeLeaf(bytes memory leaf) internal {
        propose(rootOf(leaf, path("state")));
    }

    function changed(bytes memory leaf, uint256 lane, int256 by)
        internal
        pure
        returns (bytes memory other)
    {
        other = bytes.concat(leaf);
        put(other, lane, get(leaf, lane) + by);
    }
}
