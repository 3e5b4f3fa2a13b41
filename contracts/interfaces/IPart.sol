// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title A contract that was deployed for one federation
interface IPart {
    /// @notice This contract was created for `federation`, which may not exist yet.
    event Bound(address indexed federation);

    /// @notice Hash of what this contract is and of all that it was made with (library `Binding`).
    function binding() external view returns (bytes32);
}
