// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPart} from "./interfaces/IPart.sol";

/// @title A contract that was deployed for one federation
/// @notice Parts come first and name the address that the federation will have. Its constructor
/// refuses parts that were made for anything else.
abstract contract Part is IPart {
    /// @inheritdoc IPart
    bytes32 public immutable binding;

    constructor(address federation_, bytes32 binding_) {
        binding = binding_;
        emit Bound(federation_);
    }
}
