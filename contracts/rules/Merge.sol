// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Lanes} from "../libraries/Lanes.sol";

/// @title Rules that merge accepted updates into the next state, for one block of 32 lanes
/// @notice Every rule gives a sum per lane and a divisor: the state moves by the quotient, rounded
/// half up. The Python module `collegium.protocol.rules.merging` has the same
/// rules under the same numbers.
library Merge {
    /// @dev Weighted mean; takes no parameter.
    uint8 internal constant MEAN = 0;
    /// @dev Mean of each lane without its extremes; the parameter is how many to leave out at each
    /// end.
    uint8 internal constant TRIMMED = 1;

    /// @dev A round has at most 256 updates, and leaving out 128 at each end would leave none.
    uint256 private constant MAX_TRIM = 127;
    /// @dev Gaps of Shell sort by Ciura, one byte each, for up to 256 numbers: 1, 4, 10, 23, 57,
    /// 132.
    uint256 private constant GAPS = 0x01040a173984;

    /// @notice Whether there is a rule with this number and it takes this parameter.
    function isRule(uint8 rule, uint16 parameter) internal pure returns (bool) {
        if (rule == TRIMMED) return parameter != 0 && parameter <= MAX_TRIM;
        return rule == MEAN && parameter == 0;
    }

    /// @notice Rows that a rule needs for this many updates: one each, or one sum.
    function room(uint8 rule, uint256 updates) internal pure returns (Lanes.Sums[] memory rows) {
        return new Lanes.Sums[](rule == TRIMMED ? updates : 1);
    }

    /// @notice Add the block of update `i` with its weight.
    /// @return valid Whether the block has the format of updates.
    function add(
        uint8 rule,
        Lanes.Sums[] memory rows,
        uint256 i,
        bytes calldata leaf,
        uint256 block_,
        uint256 weight
    ) internal pure returns (bool valid) {
        // An update of weight 0 is checked like the others, and its row keeps weight 0.
        if (rule == TRIMMED) return Lanes.add(rows[i], leaf, block_, weight == 0 ? 0 : 1);
        return Lanes.add(rows[0], leaf, block_, weight);
    }

    /// @notice The sums and the divisor by which the state moves.
    function moved(uint8 rule, uint16 parameter, Lanes.Sums[] memory rows)
        internal
        pure
        returns (Lanes.Sums memory)
    {
        return rule == TRIMMED ? _trimmed(rows, parameter) : rows[0];
    }

    /// @dev Sums of each lane without its `trim` lowest and `trim` highest values. If that would
    /// leave none, fewer are left out, so that one or two remain.
    function _trimmed(Lanes.Sums[] memory rows, uint256 trim)
        private
        pure
        returns (Lanes.Sums memory kept)
    {
        unchecked {
            uint256 present;
            for (uint256 i; i < rows.length; ++i) {
                if (rows[i].weight != 0) rows[present++] = rows[i];
            }
            uint256 most = present == 0 ? 0 : (present - 1) / 2;
            if (trim > most) trim = most;
            kept.weight = present - 2 * trim;
            int256[] memory values = new int256[](present);
            for (uint256 lane; lane < kept.lanes.length; ++lane) {
                for (uint256 i; i < present; ++i) {
                    values[i] = rows[i].lanes[lane];
                }
                _sort(values);
                int256 sum;
                for (uint256 i = trim; i < present - trim; ++i) {
                    sum += values[i];
                }
                kept.lanes[lane] = sum;
            }
        }
    }

    /// @dev Shell sort, in assembly because it runs once per lane.
    function _sort(int256[] memory values) private pure {
        assembly ("memory-safe") {
            let first := add(values, 0x20)
            let end := add(first, shl(5, mload(values)))
            for { let gaps := GAPS } gaps { gaps := shr(8, gaps) } {
                let gap := shl(5, and(gaps, 0xff))
                let second := add(first, gap)
                for { let item := second } lt(item, end) { item := add(item, 0x20) } {
                    let value := mload(item)
                    let at := item
                    for {} iszero(lt(at, second)) {} {
                        let before := mload(sub(at, gap))
                        if iszero(sgt(before, value)) { break }
                        mstore(at, before)
                        at := sub(at, gap)
                    }
                    mstore(at, value)
                }
            }
        }
    }
}
