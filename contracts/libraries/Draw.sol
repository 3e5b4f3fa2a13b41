// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Bits} from "./Bits.sol";

/// @title Selection of committee and aggregator
/// @notice Seats are drawn without replacement by a Fisher-Yates shuffle that stops as soon as the
/// committee is full; seats that do not take part are skipped.
library Draw {
    using Bits for uint256;

    /// @notice Seats of the committee, by slot.
    /// @param seed Randomness of the draw.
    /// @param members Bitmap of the seats that take part; at least `size` of them.
    /// @param size Validators to draw.
    function committee(bytes32 seed, uint256 members, uint256 size)
        internal
        pure
        returns (uint256[] memory seats)
    {
        uint256 top = members.top();
        uint256[] memory order = new uint256[](top);
        seats = new uint256[](size);
        unchecked {
            for (uint256 i; i < top; ++i) {
                order[i] = i;
            }
            uint256 found;
            for (uint256 i; found < size; ++i) {
                uint256 j = i + uint256(keccak256(abi.encode(seed, i))) % (top - i);
                (order[i], order[j]) = (order[j], order[i]);
                if (members.has(order[i])) seats[found++] = order[i];
            }
        }
    }

    /// @notice Seat of the aggregator: rotates by round over the seats that take part.
    function aggregator(uint256 members, uint256 round) internal pure returns (uint256) {
        uint256 start = round % members.top();
        uint256 onwards = (members >> start) << start;
        return (onwards == 0 ? members : onwards).lowest();
    }
}
