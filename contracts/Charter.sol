// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "./interfaces/IRounds.sol";
import {Merge} from "./rules/Merge.sol";
import {Shares} from "./rules/Shares.sol";

/// @title Checks of the terms on which a federation is created
library Charter {
    uint256 private constant WHOLE = 10_000; // basis points

    /// @notice Reverts with InvalidTerms if the terms contradict each other or are out of range.
    function check(IRounds.Terms memory agreed) internal pure {
        uint256 shares = uint256(agreed.nodeShare) + agreed.validatorShare + agreed.aggregatorShare;
        // INVARIANT: a round pays out at most its reward.
        require(shares == WHOLE, IRounds.InvalidTerms());
        // INVARIANT: a committee has at least one member and fits the 15 slots of a round.
        require(agreed.committee >= 1 && agreed.committee <= 15, IRounds.InvalidTerms());
        // INVARIANT: a round needs at least one update, and no more than there are seats.
        require(agreed.minUpdates >= 1 && agreed.minUpdates <= 256, IRounds.InvalidTerms());
        // INVARIANT: pay, weights and merges follow rules that exist.
        require(
            Shares.isPayRule(agreed.payRule) && Shares.isWeightRule(agreed.weightRule)
                && Merge.isRule(agreed.mergeRule, agreed.mergeParameter),
            IRounds.InvalidTerms()
        );
        // INVARIANT: every phase lasts at least a second, so that nodes can act in it.
        require(
            agreed.commitWindow != 0 && agreed.scoreWindow != 0 && agreed.revealWindow != 0
                && agreed.mergeWindow != 0 && agreed.challengeWindow != 0,
            IRounds.InvalidTerms()
        );
        // INVARIANT: an attested merge can still be disproved, and a quorum never makes the wait
        // longer.
        require(
            agreed.disputeWindow != 0 && agreed.disputeWindow <= agreed.challengeWindow,
            IRounds.InvalidTerms()
        );
        // INVARIANT: unbonding outlasts a round, so that a stake is there for the round it secures.
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
