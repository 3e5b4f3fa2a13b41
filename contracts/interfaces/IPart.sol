// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A contract that was deployed for one federation
interface IPart {
    /// @notice This contract was created for `federation`, which may not exist yet.
    event Bound(address indexed federation);

    /// @notice Hash of this contract's kind and its constructor arguments (library `Binding`).
    function binding() external view returns (bytes32);
}
