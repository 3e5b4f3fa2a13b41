// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Lanes} from "../libraries/Lanes.sol";

/// @title Rules by which accepted updates become the next state, for one block of 32 lanes
/// @notice Every rule comes to a sum per lane and a number to divide it by: the state moves by the
/// quotient, rounded half up. The Python module `collegium.protocol.rules.merging` has the same
/// rules under the same numbers.
library Merge {
    uint8 internal constant MEAN = 0;

    /// @notice Whether there is a rule with this number that takes this parameter.
    function isRule(uint8 rule, uint16 parameter) internal pure returns (bool) {
        return rule == MEAN && parameter == 0;
    }

    /// @notice Room for what a rule keeps of this many updates.
    function room(uint8, uint256) internal pure returns (Lanes.Sums[] memory rows) {
        return new Lanes.Sums[](1);
    }

    /// @notice Take in the block of update `i`, with its weight.
    /// @return valid Whether the block has the format of updates.
    function add(
        uint8,
        Lanes.Sums[] memory rows,
        uint256,
        bytes calldata leaf,
        uint256 block_,
        uint256 weight
    ) internal pure returns (bool valid) {
        return Lanes.add(rows[0], leaf, block_, weight);
    }

    /// @notice What all updates together come to.
    function moved(uint8, uint16, Lanes.Sums[] memory rows)
        internal
        pure
        returns (Lanes.Sums memory)
    {
        return rows[0];
    }
}
