// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @dev A recorded event.
struct Log {
    bytes32[] topics;
    bytes data;
    address emitter;
}

/// @dev Gas of the last call.
struct Gas {
    uint64 gasLimit;
    uint64 gasTotalUsed;
    uint64 gasMemoryUsed;
    int64 gasRefunded;
    uint64 gasRemaining;
}

/// @dev The cheat codes of forge that the tests use.
interface Vm {
    function prank(address sender) external;
    function warp(uint256 time) external;
    function prevrandao(bytes32 value) external;
    function getNonce(address account) external view returns (uint64);
    function computeCreateAddress(address from, uint256 nonce) external pure returns (address);
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8, bytes32, bytes32);
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata data) external;
    function lastCallGas() external view returns (Gas memory);
    function snapshotState() external returns (uint256);
    function revertToState(uint256 id) external returns (bool);
    function chainId(uint256 id) external;
    function readFile(string calldata path) external view returns (string memory);
    function toString(uint256 value) external pure returns (string memory);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function parseJsonBool(string calldata, string calldata) external pure returns (bool);
    function parseJsonInt(string calldata, string calldata) external pure returns (int256);
    function parseJsonUint(string calldata, string calldata) external pure returns (uint256);
    function parseJsonAddress(string calldata, string calldata) external pure returns (address);
    function parseJsonBytes(string calldata, string calldata) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata, string calldata) external pure returns (bytes32);
    function parseJsonString(string calldata, string calldata) external pure returns (string memory);
    function parseJsonUintArray(string calldata, string calldata)
        external
        pure
        returns (uint256[] memory);
    function parseJsonBytesArray(string calldata, string calldata)
        external
        pure
        returns (bytes[] memory);
    function parseJsonBytes32Array(string calldata, string calldata)
        external
        pure
        returns (bytes32[] memory);
    function parseJsonBoolArray(string calldata, string calldata)
        external
        pure
        returns (bool[] memory);
    function record() external;
    function accesses(address target) external returns (bytes32[] memory, bytes32[] memory);
    function recordLogs() external;
    function getRecordedLogs() external returns (Log[] memory);
}

/// @dev Base of all tests: cheat codes, and checks that report what differs.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error Differs(string what, uint256 found, uint256 expected);

    function eq(uint256 found, uint256 expected, string memory what) internal pure {
        require(found == expected, Differs(what, found, expected));
    }

    function le(uint256 found, uint256 limit, string memory what) internal pure {
        require(found <= limit, Differs(what, found, limit));
    }

    function same(bytes32 found, bytes32 expected, string memory what) internal pure {
        require(found == expected, Differs(what, uint256(found), uint256(expected)));
    }

    function bound(uint256 x, uint256 low, uint256 high) internal pure returns (uint256) {
        return x >= low && x <= high ? x : low + x % (high - low + 1);
    }
}
