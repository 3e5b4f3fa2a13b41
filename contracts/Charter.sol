// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFederation} from "./interfaces/IFederation.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title What the members agreed on, fixed for the life of the federation
/// @dev Immutables: every call reads some of the terms, and none may ever change.
abstract contract Charter is IFederation {
    uint256 private constant WHOLE = 10_000; // basis points
    uint8 private constant BY_SCORE = 1;

    bytes32 private immutable CARD;
    bytes32 private immutable GENESIS;
    uint16 private immutable NODE_SHARE;
    uint16 private immutable VALIDATOR_SHARE;
    uint16 private immutable AGGREGATOR_SHARE;

    uint96 internal immutable REWARD;
    uint96 internal immutable STAKE;
    uint8 internal immutable COMMITTEE;
    uint16 internal immutable MIN_UPDATES;
    int32 internal immutable MIN_SCORE;
    uint8 internal immutable WEIGHT_RULE;
    uint32 internal immutable COMMIT_WINDOW;
    uint32 internal immutable SCORE_WINDOW;
    uint32 internal immutable REVEAL_WINDOW;
    uint32 internal immutable MERGE_WINDOW;
    uint32 internal immutable CHALLENGE_WINDOW;

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
        CARD = agreed.card;
        GENESIS = agreed.genesis;
        REWARD = agreed.reward;
        STAKE = agreed.stake;
        NODE_SHARE = agreed.nodeShare;
        VALIDATOR_SHARE = agreed.validatorShare;
        AGGREGATOR_SHARE = agreed.aggregatorShare;
        COMMITTEE = agreed.committee;
        MIN_UPDATES = agreed.minUpdates;
        MIN_SCORE = agreed.minScore;
        WEIGHT_RULE = agreed.weightRule;
        COMMIT_WINDOW = agreed.commitWindow;
        SCORE_WINDOW = agreed.scoreWindow;
        REVEAL_WINDOW = agreed.revealWindow;
        MERGE_WINDOW = agreed.mergeWindow;
        CHALLENGE_WINDOW = agreed.challengeWindow;
        quorum = (2 * agreed.committee + 2) / 3;
    }

    /// @inheritdoc IFederation
    function terms() external view returns (Terms memory agreed) {
        agreed.card = CARD;
        agreed.genesis = GENESIS;
        agreed.reward = REWARD;
        agreed.stake = STAKE;
        agreed.nodeShare = NODE_SHARE;
        agreed.validatorShare = VALIDATOR_SHARE;
        agreed.aggregatorShare = AGGREGATOR_SHARE;
        agreed.committee = COMMITTEE;
        agreed.minUpdates = MIN_UPDATES;
        agreed.minScore = MIN_SCORE;
        agreed.weightRule = WEIGHT_RULE;
        agreed.commitWindow = COMMIT_WINDOW;
        agreed.scoreWindow = SCORE_WINDOW;
        agreed.revealWindow = REVEAL_WINDOW;
        agreed.mergeWindow = MERGE_WINDOW;
        agreed.challengeWindow = CHALLENGE_WINDOW;
    }

    /// @dev The part of the reward that the merge earns.
    function _aggregatorPool() internal view returns (uint96) {
        return uint96(uint256(REWARD) * AGGREGATOR_SHARE / WHOLE);
    }

    /// @dev The terms that settlement depends on.
    function _rules() internal view returns (Settlement.Rules memory) {
        return Settlement.Rules({
            nodePool: uint256(REWARD) * NODE_SHARE / WHOLE,
            validatorPool: uint256(REWARD) * VALIDATOR_SHARE / WHOLE,
            minScore: MIN_SCORE,
            byScore: WEIGHT_RULE == BY_SCORE
        });
    }
}
