// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title SHA-256 trees over lanes, as in RFC 6962
/// @notice Leaf SHA256(0x00 || data), inner SHA256(0x01 || left || right), so that no inner node
/// can pass for a leaf. Precompile 2 (SHA-256) works on free memory, which is not reserved. Its
/// result is not checked: it fails only when gas runs out, and for a leaf of at most 1024 bytes the
/// gas left is then too little to continue. Callers check the length first.
library Tree {
    /// @notice Root of the tree in which `data` is leaf number `index`.
    /// @param path Sibling hashes from the leaf upwards.
    function root(bytes calldata data, uint256 index, bytes32[] calldata path)
        internal
        view
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 0x00)
            calldatacopy(add(at, 1), data.offset, data.length)
            pop(staticcall(gas(), 2, at, add(data.length, 1), 0x00, 0x20))
            mstore8(at, 0x01)
            let sibling := path.offset
            for { let end := add(sibling, shl(5, path.length)) } lt(sibling, end) {
                sibling := add(sibling, 0x20)
            } {
                let right := shl(5, and(index, 1)) // 32 if the node is the right child
                mstore(add(add(at, 1), right), mload(0x00))
                mstore(sub(add(at, 0x21), right), calldataload(sibling))
                pop(staticcall(gas(), 2, at, 0x41, 0x00, 0x20))
                index := shr(1, index)
            }
            hash := mload(0x00)
        }
    }

    /// @notice Digest that a node commits to: SHA256(0x02 || SHA256(manifest) || lane root).
    /// @param manifest SHA-256 of the manifest.
    function digest(bytes32 manifest, bytes32 laneRoot) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore8(at, 0x02)
            mstore(add(at, 0x01), manifest)
            mstore(add(at, 0x21), laneRoot)
            pop(staticcall(gas(), 2, at, 0x41, 0x00, 0x20))
            hash := mload(0x00)
        }
    }
}
