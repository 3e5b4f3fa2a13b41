// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Merkle root over cumulative totals
/// @notice Leaf of node `id` (1, 2, 3, ...): the double hash of OpenZeppelin's standard tree, so
/// that no inner node can pass for a leaf. Leaves are in id order; pairs are hashed smaller first;
/// an odd last node moves up unchanged. The root of an empty ledger is zero.
library Ledger {
    /// @notice Hash of one entry: keccak256(keccak256(abi.encode(id, total))).
    function leaf(uint256 id, uint256 total) internal pure returns (bytes32 hash) {
        // Both words fit into the 64 bytes of scratch space, so nothing is allocated.
        assembly ("memory-safe") {
            mstore(0x00, id)
            mstore(0x20, total)
            mstore(0x00, keccak256(0x00, 0x40))
            hash := keccak256(0x00, 0x20)
        }
    }

    /// @notice Root over the first `count` entries of `totals`, where index 0 is id 1.
    function root(uint96[] memory totals, uint256 count) internal pure returns (bytes32 hash) {
        if (count == 0) return bytes32(0);
        // The layers are built in place beyond the allocated memory, which is not reserved.
        assembly ("memory-safe") {
            let layer := mload(0x40)
            for { let i := 0 } lt(i, count) {} {
                let total := mload(add(add(totals, 0x20), shl(5, i)))
                let at := add(layer, shl(5, i))
                i := add(i, 1)
                mstore(0x00, i)
                mstore(0x20, total)
                mstore(0x00, keccak256(0x00, 0x40))
                mstore(at, keccak256(0x00, 0x20))
            }
            for {} gt(count, 1) {} {
                let to := layer
                let last := add(layer, shl(5, sub(count, 1)))
                let from := layer
                for {} lt(from, last) { from := add(from, 0x40) } {
                    let a := mload(from)
                    let b := mload(add(from, 0x20))
                    let greater := gt(a, b) // 1: b comes first
                    mstore(shl(5, greater), a)
                    mstore(shl(5, iszero(greater)), b)
                    mstore(to, keccak256(0x00, 0x40))
                    to := add(to, 0x20)
                }
                if eq(from, last) { mstore(to, mload(last)) }
                count := shr(1, add(count, 1))
            }
            hash := mload(layer)
        }
    }
}
