// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Packed} from "./Packed.sol";

/// @title Blocks of 32 lanes, of updates and of states
/// @notice Let s be the sum of w * q * 2^e over updates with weight w, code q and exponent e, and W
/// the sum of the weights. Then lane g of a state becomes clamp_int32(g + floor((2s + W) / 2W)).
/// Integers only. The merge rule decides what is summed and with which weights, see
/// `rules/Merge.sol`. Bounds that make unchecked arithmetic safe: 256 weights of 16 bits, codes of
/// 8 bits, exponents up to 24.
library Lanes {
    using Packed for bytes;

    /// @dev Blocks in one leaf.
    uint256 internal constant BLOCKS = 8;
    /// @dev Bytes of one leaf of a state: 256 int32, big-endian.
    uint256 internal constant STATE_BYTES = 1024;

    uint256 private constant LANES = 32;
    uint256 private constant MAX_EXPONENT = 24;

    /// @notice Weighted sums over the updates by lane, and the sum of the weights.
    struct Sums {
        int256[LANES] lanes;
        uint256 weight;
    }

    /// @notice Bits of a code in an update's leaf of this length; 0 if no leaf has this length.
    function width(uint256 length) internal pure returns (uint256) {
        if (length == 264) return 8;
        if (length == 136) return 4;
        return length == 72 ? 2 : 0;
    }

    /// @notice Add a block of an update to the sums.
    /// @param leaf 8 exponents, then 256 codes of 2, 4 or 8 bits, the first in the highest bits.
    /// @return valid Whether this block has a valid exponent and no code below its range; other
    /// blocks are not checked.
    function add(Sums memory sums, bytes calldata leaf, uint256 at, uint256 weight)
        internal
        pure
        returns (bool valid)
    {
        unchecked {
            uint256 bits = width(leaf.length);
            sums.weight += weight;
            uint256 exponent = uint8(leaf[at]);
            if (exponent > MAX_EXPONENT) return false;
            return _add(sums.lanes, leaf.word(BLOCKS + at * 4 * bits), bits, weight << exponent);
        }
    }

    /// @notice Whether a block of `proposed` is the result of merging the sums into `base`.
    function merged(bytes calldata base, bytes calldata proposed, uint256 at, Sums memory sums)
        internal
        pure
        returns (bool)
    {
        unchecked {
            int256 half = int256(sums.weight);
            uint256 offset = at * 4 * LANES;
            for (uint256 lane; lane < LANES; ++lane) {
                int256 next = _int32(base, offset) + _floor(2 * sums.lanes[lane] + half, 2 * half);
                if (next > type(int32).max) next = type(int32).max;
                if (next < type(int32).min) next = type(int32).min;
                if (next != _int32(proposed, offset)) return false;
                offset += 4;
            }
        }
        return true;
    }

    /// @dev Add scaled codes to the lanes. Not valid if a code is below the symmetric range, which
    /// leaves out the lowest number of its width.
    function _add(int256[LANES] memory lanes, bytes32 codes, uint256 bits, uint256 scale)
        private
        pure
        returns (bool valid)
    {
        assembly ("memory-safe") {
            valid := 1
            let lowest := sub(0, shl(sub(bits, 1), 1))
            let drop := sub(256, bits)
            for { let end := add(lanes, 0x400) } lt(lanes, end) { lanes := add(lanes, 0x20) } {
                let code := sar(drop, codes)
                valid := and(valid, iszero(eq(code, lowest)))
                mstore(lanes, add(mload(lanes), mul(scale, code)))
                codes := shl(bits, codes)
            }
        }
    }

    /// @dev floor(a / b) for a positive b; the EVM's division rounds towards zero.
    function _floor(int256 a, int256 b) private pure returns (int256 quotient) {
        unchecked {
            quotient = a / b;
            if (a % b < 0) --quotient;
        }
    }

    /// @dev The lane at this byte offset of a state.
    function _int32(bytes calldata state, uint256 offset) private pure returns (int256) {
        return int32(uint32(bytes4(state.word(offset))));
    }
}
