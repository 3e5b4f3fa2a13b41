// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Lanes} from "../libraries/Lanes.sol";
import {Merge} from "../rules/Merge.sol";
import {Test} from "./Vm.sol";

/// @dev The trimmed mean against the simplest way to compute it, up to the largest round.
contract MergeTest is Test {
    function rowsOf(uint256 seed, uint256 count, uint256 spread)
        private
        pure
        returns (Lanes.Sums[] memory rows)
    {
        rows = Merge.room(Merge.TRIMMED, count);
        for (uint256 i; i < count; ++i) {
            rows[i].weight = uint256(keccak256(abi.encode(seed, i))) % 8 == 0 ? 0 : 1;
            for (uint256 lane; lane < 32; ++lane) {
                uint256 noise = uint256(keccak256(abi.encode(seed, i, lane)));
                rows[i].lanes[lane] = int256(noise % (2 * spread + 1)) - int256(spread);
            }
        }
        rows[seed % count].weight = 1; // at least one update has weight in a merge
    }

    /// @dev Sum of a lane's values without those of the lowest and highest ranks. Equal values rank
    /// by their row.
    function kept(Lanes.Sums[] memory rows, uint256 lane, uint256 low, uint256 high)
        private
        pure
        returns (int256 sum)
    {
        for (uint256 i; i < rows.length; ++i) {
            if (rows[i].weight == 0) continue;
            uint256 rank;
            for (uint256 j; j < rows.length; ++j) {
                if (rows[j].weight == 0) continue;
                int256 gap = rows[j].lanes[lane] - rows[i].lanes[lane];
                if (gap < 0 || (gap == 0 && j < i)) ++rank;
            }
            if (rank >= low && rank < high) sum += rows[i].lanes[lane];
        }
    }

    function compare(uint256 seed, uint256 count, uint256 spread, uint16 trim) private pure {
        Lanes.Sums[] memory rows = rowsOf(seed, count, spread);
        uint256 present;
        for (uint256 i; i < count; ++i) {
            present += rows[i].weight;
        }
        uint256 out = trim;
        while (2 * out >= present) --out;
        int256[32] memory expected;
        for (uint256 lane; lane < 32; ++lane) {
            expected[lane] = kept(rows, lane, out, present - out);
        }
        Lanes.Sums memory found = Merge.moved(Merge.TRIMMED, trim, rows);
        eq(found.weight, present - 2 * out, "values that are left");
        for (uint256 lane; lane < 32; ++lane) {
            require(found.lanes[lane] == expected[lane], "sum");
        }
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_TheExtremesAreLeftOut(uint256 seed, uint256 count, uint256 trim) public pure {
        compare(seed, bound(count, 1, 24), 127 << 24, uint16(bound(trim, 1, 127)));
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_EqualValuesToo(uint256 seed, uint256 count, uint256 trim) public pure {
        compare(seed, bound(count, 1, 24), 3, uint16(bound(trim, 1, 12)));
    }

    function test_TheLargestRound() public pure {
        compare(1, 256, 127 << 24, 40);
    }

    /// @dev For any order of the updates, a dispute of the largest round fits into a block.
    function test_TheLargestRoundCanBeJudged() public view {
        for (uint256 order; order < 3; ++order) {
            Lanes.Sums[] memory rows = Merge.room(Merge.TRIMMED, 256);
            for (uint256 i; i < 256; ++i) {
                rows[i].weight = 1;
                uint256 value = order == 0 ? i : order == 1 ? 255 - i : (i * 97) % 256;
                for (uint256 lane; lane < 32; ++lane) {
                    rows[i].lanes[lane] = int256(value);
                }
            }
            uint256 before = gasleft();
            Merge.moved(Merge.TRIMMED, 127, rows);
            le(before - gasleft(), 12_000_000, "gas");
        }
    }
}
