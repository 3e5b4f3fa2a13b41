// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Packed lists in calldata and memory
/// @notice Callers check the length of the whole list once; single reads are not checked.
library Packed {
    /// @notice The 32 bytes of `data` from `offset` on.
    function word(bytes calldata data, uint256 offset) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(add(data.offset, offset))
        }
    }

    /// @notice The uint16 at `offset` of a list in memory.
    function idAt(bytes memory data, uint256 offset) internal pure returns (uint16 value) {
        assembly ("memory-safe") {
            value := shr(240, mload(add(add(data, 0x20), offset)))
        }
    }

    /// @notice The 32 bytes at a position of calldata.
    function load(uint256 start) internal pure returns (bytes32 value) {
        assembly ("memory-safe") {
            value := calldataload(start)
        }
    }

    /// @notice Where `data` begins in calldata.
    function position(bytes calldata data) internal pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := data.offset
        }
    }

    /// @notice The same list as whole words, without a check that each fits 96 bits: its reader
    /// checks a hash over them.
    function words(uint96[] calldata list_) internal pure returns (bytes32[] calldata same) {
        assembly ("memory-safe") {
            same.offset := list_.offset
            same.length := list_.length
        }
    }

    /// @notice Overwrite the first entries of `to` with those of `from`, which is not longer.
    /// Bits beyond the 96th are copied as they are: the caller checks a hash over whole words.
    function copy(bytes32[] calldata from, uint96[] memory to) internal pure {
        assembly ("memory-safe") {
            calldatacopy(add(to, 0x20), from.offset, shl(5, from.length))
        }
    }

    /// @notice An empty list with room for `capacity` bytes.
    function list(uint256 capacity) internal pure returns (bytes memory data) {
        data = new bytes(capacity + 32); // the last item's padding is written as well
        assembly ("memory-safe") {
            mstore(data, 0)
        }
    }

    /// @notice Append the first `width` bytes of `value`; the list must have room.
    function push(bytes memory data, bytes32 value, uint256 width) internal pure {
        assembly ("memory-safe") {
            let length := mload(data)
            mstore(add(add(data, 0x20), length), value)
            mstore(data, add(length, width))
        }
    }

    /// @notice Append (uint16 id, bytes32 digest); the list must have room.
    function pushUpdate(bytes memory data, uint256 id, bytes32 digest) internal pure {
        assembly ("memory-safe") {
            let length := mload(data)
            let to := add(add(data, 0x20), length)
            mstore(to, shl(240, id))
            mstore(add(to, 2), digest)
            mstore(data, add(length, 34))
        }
    }

    /// @notice Hash chain over commitments: keccak256(abi.encodePacked(last, id, digest)).
    function chain(bytes32 last, uint256 id, bytes32 digest) internal pure returns (bytes32 next) {
        // 66 bytes exceed the scratch space; they go to free memory, which is not reserved.
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, last)
            mstore(add(at, 0x20), shl(240, id))
            mstore(add(at, 0x22), digest)
            next := keccak256(at, 0x42)
        }
    }

    /// @notice Hash chain over a packed list of (uint16 id, bytes32 digest) in memory.
    function chainMemory(bytes32 last, bytes memory updates) internal pure returns (bytes32 next) {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, last)
            let item := add(updates, 0x20)
            for { let end := add(item, mload(updates)) } lt(item, end) { item := add(item, 34) } {
                // The second store overwrites what the first copied of the digest.
                mstore(add(at, 0x20), mload(item))
                mstore(add(at, 0x22), mload(add(item, 2)))
                mstore(at, keccak256(at, 0x42))
            }
            next := mload(at)
        }
    }

    /// @notice Hash chain over a packed list of (uint16 id, bytes32 digest) in calldata.
    function chainCalldata(bytes32 last, bytes calldata updates)
        internal
        pure
        returns (bytes32 next)
    {
        assembly ("memory-safe") {
            let at := mload(0x40)
            mstore(at, last)
            let item := updates.offset
            for { let end := add(item, updates.length) } lt(item, end) { item := add(item, 34) } {
                calldatacopy(add(at, 0x20), item, 34)
                mstore(at, keccak256(at, 0x42))
            }
            next := mload(at)
        }
    }
}
