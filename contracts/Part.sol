// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IPart} from "./interfaces/IPart.sol";

/// @title A contract that was deployed for one federation
/// @notice Parts are deployed first, for the address that the federation will have. The
/// federation's constructor rejects parts that were made for another address or other terms.
abstract contract Part is IPart {
    /// @inheritdoc IPart
    bytes32 public immutable binding;

    /// @param federation_ Address of the federation; it may not exist yet.
    /// @param binding_ Hash of this part's kind and arguments, from `Binding`.
    constructor(address federation_, bytes32 binding_) {
        binding = binding_;
        emit Bound(federation_);
    }
}
