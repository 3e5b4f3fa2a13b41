// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Merkle root over cumulative totals
/// @notice Leaf of node `id` (1, 2, 3, ...): the double hash of OpenZeppelin's standard tree, so
/// that no inner node can pass for a leaf. Leaves stand in id order; pairs are hashed smaller
/// first; an odd last one moves up unchanged. The root of nothing is zero.
library Ledger {
    /// @notice Hash of one entry: keccak256(keccak256(abi.encode(id, total))).
    function leaf(uint256 id, uint256 total) internal pure returns (bytes32 hash) {
        // The scratch space of 64 bytes holds both words; nothing is allocated.
        assembly ("memory-safe") {
            mstore(0x00, id)
            mstore(0x20, total)
            mstore(0x00, keccak256(0x00, 0x40))
            hash := keccak256(0x00, 0x20)
        }
    }

    /// @notice Root over the first `count` entries of `totals`, where index 0 is id 1.
    function root(uint96[] memory totals, uint256 count) internal pure returns (bytes32) {
        if (count == 0) return bytes32(0);
        bytes32[] memory layer = new bytes32[](count);
        unchecked {
            for (uint256 i; i < count; ++i) {
                layer[i] = leaf(i + 1, totals[i]);
            }
            while (count > 1) {
                uint256 half = count >> 1;
                for (uint256 i; i < half; ++i) {
                    layer[i] = _inner(layer[2 * i], layer[2 * i + 1]);
                }
                if (count & 1 == 1) layer[half] = layer[count - 1];
                count -= half;
            }
        }
        return layer[0];
    }

    function _inner(bytes32 a, bytes32 b) private pure returns (bytes32 hash) {
        if (a > b) (a, b) = (b, a);
        assembly ("memory-safe") {
            mstore(0x00, a)
            mstore(0x20, b)
            hash := keccak256(0x00, 0x40)
        }
    }
}
