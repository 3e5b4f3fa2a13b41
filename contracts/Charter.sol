// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "./interfaces/IRounds.sol";
import {Merge} from "./rules/Merge.sol";
import {Shares} from "./rules/Shares.sol";

/// @title Which terms a federation can be created on
library Charter {
    uint256 private constant WHOLE = 10_000; // basis points

    /// @notice Refuses terms that contradict themselves or lie out of range.
    function check(IRounds.Terms memory agreed) internal pure {
        uint256 shares = uint256(agreed.nodeShare) + agreed.validatorShare + agreed.aggregatorShare;
        // INVARIANT: a round pays out at most its reward.
        require(shares == WHOLE, IRounds.InvalidTerms());
        // INVARIANT: a committee fits the 15 slots of a round, and is never empty.
        require(agreed.committee >= 1 && agreed.committee <= 15, IRounds.InvalidTerms());
        // INVARIANT: a round can reach its least number of updates, and it is never settled empty.
        require(agreed.minUpdates >= 1 && agreed.minUpdates <= 256, IRounds.InvalidTerms());
        // INVARIANT: pay, weights and merges follow rules that there are.
        require(
            Shares.isPayRule(agreed.payRule) && Shares.isWeightRule(agreed.weightRule)
                && Merge.isRule(agreed.mergeRule, agreed.mergeParameter),
            IRounds.InvalidTerms()
        );
        // INVARIANT: every phase lasts, so that those it is for can act in it.
        require(
            agreed.commitWindow != 0 && agreed.scoreWindow != 0 && agreed.revealWindow != 0
                && agreed.mergeWindow != 0 && agreed.challengeWindow != 0,
            IRounds.InvalidTerms()
        );
        // INVARIANT: a merge that finds its quorum can still be disproved, and in no more time than
        // one that does not.
        require(
            agreed.disputeWindow != 0 && agreed.disputeWindow <= agreed.challengeWindow,
            IRounds.InvalidTerms()
        );
        // INVARIANT: no stake leaves before the round that it answers for.
        require(
            agreed.unbonding
                > uint256(agreed.commitWindow) + agreed.scoreWindow + agreed.revealWindow
                    + agreed.mergeWindow + agreed.challengeWindow + agreed.disputeWindow,
            IRounds.InvalidTerms()
        );
        uint16[5] memory parts = penalties(agreed);
        for (uint256 i; i < parts.length; ++i) {
            // INVARIANT: no offence costs more than the whole stake.
            require(parts[i] <= WHOLE, IRounds.InvalidTerms());
        }
    }

    /// @notice Basis points of the stake, by offence.
    function penalties(IRounds.Terms memory agreed) internal pure returns (uint16[5] memory) {
        return [
            agreed.unrevealedPenalty,
            agreed.invalidPenalty,
            agreed.mergePenalty,
            agreed.attestationPenalty,
            agreed.equivocationPenalty
        ];
    }
}
