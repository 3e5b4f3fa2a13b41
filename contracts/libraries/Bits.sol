// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Sets of up to 256 small numbers, one bit each
library Bits {
    /// @notice Whether `index` is in `set`.
    function has(uint256 set, uint256 index) internal pure returns (bool) {
        return (set >> index) & 1 == 1;
    }

    /// @notice Number of members: adds neighbouring fields, which double in width at each step.
    function count(uint256 set) internal pure returns (uint256 total) {
        unchecked {
            // max / 3, 5, 17, 257 are masks of every other 1, 2, 4, 8 bits. The product with
            // max / 65535 adds all 16-bit fields into the highest.
            set -= (set >> 1) & (type(uint256).max / 3);
            set = (set & (type(uint256).max / 5)) + ((set >> 2) & (type(uint256).max / 5));
            set = (set + (set >> 4)) & (type(uint256).max / 17);
            total = (set & (type(uint256).max / 257)) + ((set >> 8) & (type(uint256).max / 257));
            total = (total * (type(uint256).max / 65535)) >> 240;
        }
    }

    /// @notice The smallest member; `set` must not be empty.
    function lowest(uint256 set) internal pure returns (uint256) {
        unchecked {
            // The two's complement keeps only the lowest bit.
            return Math.log2(set & (~set + 1));
        }
    }

    /// @notice One more than the greatest member; `set` must not be empty.
    function top(uint256 set) internal pure returns (uint256) {
        unchecked {
            return Math.log2(set) + 1;
        }
    }
}
