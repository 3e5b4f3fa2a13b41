// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Settler} from "./Settler.sol";
import {IFederation} from "./interfaces/IFederation.sol";

/// @title What the members agreed on, fixed for the life of the federation
/// @dev Immutables hold what the round needs: every call reads some of them, and none may ever
/// change. The settler keeps the whole text.
abstract contract Charter is IFederation {
    uint256 private constant WHOLE = 10_000; // basis points
    uint8 private constant BY_SCORE = 1;

    uint96 internal immutable REWARD;
    uint96 internal immutable STAKE;
    uint96 internal immutable AGGREGATOR_POOL; // the part of the reward that the merge earns
    uint8 internal immutable COMMITTEE;
    uint16 internal immutable MIN_UPDATES;
    uint32 internal immutable COMMIT_WINDOW;
    uint32 internal immutable SCORE_WINDOW;
    uint32 internal immutable REVEAL_WINDOW;
    uint32 internal immutable MERGE_WINDOW;
    uint32 internal immutable CHALLENGE_WINDOW;
    uint32 internal immutable DISPUTE_WINDOW;
    uint256 private immutable PENALTIES; // by offence, 16 bits each
    Settler internal immutable SETTLER;

    /// @inheritdoc IFederation
    uint8 public immutable quorum;

    constructor(Terms memory agreed) {
        uint256 shares = uint256(agreed.nodeShare) + agreed.validatorShare + agreed.aggregatorShare;
        // INVARIANT: a round pays out at most its reward.
        require(shares == WHOLE, InvalidTerms());
        // INVARIANT: a committee fits the 15 slots of a round, and is never empty.
        require(agreed.committee >= 1 && agreed.committee <= 15, InvalidTerms());
        // INVARIANT: a round can reach its least number of updates, and it is never settled empty.
        require(agreed.minUpdates >= 1 && agreed.minUpdates <= 256, InvalidTerms());
        // INVARIANT: weights follow one of the two rules there are.
        require(agreed.weightRule <= BY_SCORE, InvalidTerms());
        // INVARIANT: every phase lasts, so that those it is for can act in it.
        require(
            agreed.commitWindow != 0 && agreed.scoreWindow != 0 && agreed.revealWindow != 0
                && agreed.mergeWindow != 0 && agreed.challengeWindow != 0,
            InvalidTerms()
        );
        // INVARIANT: a merge that finds its quorum can still be disproved, and in no more time than
        // one that does not.
        require(
            agreed.disputeWindow != 0 && agreed.disputeWindow <= agreed.challengeWindow,
            InvalidTerms()
        );
        // INVARIANT: no stake leaves before the round that it answers for.
        require(
            agreed.unbonding
                > uint256(agreed.commitWindow) + agreed.scoreWindow + agreed.revealWindow
                    + agreed.mergeWindow + agreed.challengeWindow + agreed.disputeWindow,
            InvalidTerms()
        );
        uint16[5] memory penalties = [
            agreed.unrevealedPenalty,
            agreed.invalidPenalty,
            agreed.mergePenalty,
            agreed.attestationPenalty,
            agreed.equivocationPenalty
        ];
        uint256 packed;
        for (uint256 i; i < penalties.length; ++i) {
            // INVARIANT: no offence costs more than the whole stake.
            require(penalties[i] <= WHOLE, InvalidTerms());
            packed |= uint256(penalties[i]) << (i << 4);
        }
        PENALTIES = packed;
        REWARD = agreed.reward;
        STAKE = agreed.stake;
        AGGREGATOR_POOL = uint96(uint256(agreed.reward) * agreed.aggregatorShare / WHOLE);
        COMMITTEE = agreed.committee;
        MIN_UPDATES = agreed.minUpdates;
        COMMIT_WINDOW = agreed.commitWindow;
        SCORE_WINDOW = agreed.scoreWindow;
        REVEAL_WINDOW = agreed.revealWindow;
        MERGE_WINDOW = agreed.mergeWindow;
        CHALLENGE_WINDOW = agreed.challengeWindow;
        DISPUTE_WINDOW = agreed.disputeWindow;
        quorum = (2 * agreed.committee + 2) / 3;
        SETTLER = new Settler(agreed);
    }

    /// @inheritdoc IFederation
    function terms() external view returns (Terms memory) {
        // Handed on as it comes, because to decode it and encode it again would take 1 kB of code.
        (bool done, bytes memory agreed) = address(SETTLER).staticcall(msg.data);
        assembly ("memory-safe") {
            if iszero(done) { revert(0, 0) }
            return(add(agreed, 0x20), mload(agreed))
        }
    }

    /// @dev Token units that an offence costs.
    function _penalty(Offence offence) internal view returns (uint96) {
        uint256 basisPoints = uint16(PENALTIES >> (uint256(offence) << 4));
        return uint96(STAKE * basisPoints / WHOLE);
    }
}
