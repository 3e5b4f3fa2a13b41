// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Rules of pay and of merge weight
/// @notice The credit of an update is its median if it is accepted and the median is positive, else
/// 0.
/// The Python module `collegium.protocol.rules.shares` has the same rules under the same numbers.
/// Bounds that make unchecked arithmetic safe: 256 credits of 31 bits, pools of 96 bits.
library Shares {
    /// @dev The same for every accepted update (pay: only if its credit is positive).
    uint256 internal constant EQUAL = 0;
    /// @dev In proportion to the credit.
    uint256 internal constant SCORE = 1;

    /// @dev Weights by score sum to at most this, so that each fits 16 bits.
    uint256 private constant FULL_WEIGHT = 65535;

    /// @notice How the pool and the weights of one round are divided.
    /// @param pool Token units for the accepted updates.
    /// @param credits Sum of all credits; 1 if there are none.
    /// @param parts Divisor of the pool; 1 if there are no credits.
    struct Split {
        uint256 payRule;
        uint256 weightRule;
        uint256 pool;
        uint256 credits;
        uint256 parts;
    }

    /// @notice Whether there is a pay rule with this number.
    function isPayRule(uint256 rule) internal pure returns (bool) {
        return rule <= SCORE;
    }

    /// @notice Whether there is a weight rule with this number.
    function isWeightRule(uint256 rule) internal pure returns (bool) {
        return rule <= SCORE;
    }

    /// @notice Prepare the split of a round.
    /// @param medians Medians of all updates; positive ones of at least `minScore` are credits.
    /// @param credits Sum of all credits.
    function split(
        uint256 payRule,
        uint256 weightRule,
        uint256 pool,
        int256[] memory medians,
        int256 minScore,
        uint256 credits
    ) internal pure returns (Split memory) {
        // If no update has a credit, all accepted ones weigh the same and none is paid.
        if (credits == 0) return Split(SCORE, EQUAL, 0, 1, 1);
        uint256 parts = payRule == EQUAL ? _positive(medians, minScore) : credits;
        return Split(payRule, weightRule, pool, credits, parts);
    }

    /// @notice Merge weight and pay of an accepted update.
    function worth(Split memory round, uint256 credit)
        internal
        pure
        returns (uint256 weight, uint256 pay)
    {
        unchecked {
            weight = round.weightRule == SCORE ? FULL_WEIGHT * credit / round.credits : 1;
            if (round.payRule == EQUAL && credit != 0) credit = 1;
            pay = round.pool * credit / round.parts;
        }
    }

    /// @dev Number of updates with a credit.
    function _positive(int256[] memory medians, int256 minScore)
        private
        pure
        returns (uint256 count)
    {
        unchecked {
            for (uint256 i; i < medians.length; ++i) {
                if (medians[i] > 0 && medians[i] >= minScore) ++count;
            }
        }
    }
}
