// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Shares} from "../rules/Shares.sol";
import {Bits} from "./Bits.sol";
import {Packed} from "./Packed.sol";

/// @title Settlement of a round: medians, acceptance, merge weights and pay
/// @notice Computed from the updates and the revealed scores. Integers only; every division rounds
/// down. The Python module `collegium.protocol.settlement` computes the same numbers. Bounds that
/// make unchecked arithmetic safe: 256 updates, 15 validators, scores of 32 bits, pools of 96 bits.
library Settlement {
    using Bits for uint256;
    using Packed for bytes;

    /// @dev The score for an update that was not delivered or is invalid.
    int256 internal constant INVALID = type(int32).min;
    /// @dev Full agreement of a validator.
    uint256 internal constant AGREEMENT_SCALE = 1 << 32;
    /// @dev Bytes of one update in the packed list: uint16 id, bytes32 digest.
    uint256 internal constant UPDATE_BYTES = 34;
    /// @dev Bytes of one id in a packed list.
    uint256 internal constant ID_BYTES = 2;
    /// @dev Bytes of one result: int32 median, uint16 weight, uint96 pay.
    uint256 internal constant RESULT_BYTES = 18;
    /// @dev Bytes of one accepted update: uint16 id, bytes32 digest, uint16 weight.
    uint256 internal constant ACCEPTED_BYTES = 36;
    /// @dev Bytes of one validator's pay: uint96.
    uint256 internal constant FEE_BYTES = 12;

    /// @notice The terms that settlement needs; pools in token units, `minScore` in micro-nats.
    struct Rules {
        uint256 nodePool;
        uint256 validatorPool;
        int256 minScore;
        uint256 payRule;
        uint256 weightRule;
    }

    /// @notice One committee member that revealed its verdict.
    /// @param scores Calldata position of its scores, int32 each. Must be the first field, because
    /// the assembly below reads it there.
    /// @param distance Sum of |score - median| over the updates it voted on. Must be the second
    /// field for the same reason.
    /// @param own Sum of |median| over its own updates, on which it does not vote.
    /// @param id Node id.
    /// @param slot Place in the committee.
    /// @param agreement max(0, 1 - distance / norm), times AGREEMENT_SCALE.
    struct Validator {
        uint256 scores;
        uint256 distance;
        uint256 own;
        uint256 id;
        uint256 slot;
        uint256 agreement;
    }

    /// @dev Medians, packed ids of the owners of updates voted invalid, the sum of |median|, and
    /// the sum of all credits, which are the positive accepted medians.
    struct Tally {
        int256[] medians;
        bytes invalid;
        uint256 norm;
        uint256 credits;
    }

    /// @notice The result of a round.
    /// @param results Packed (int32 median, uint16 weight, uint96 pay) per update.
    /// @param fees Packed uint96 per committee slot.
    /// @param accepted Packed (uint16 id, bytes32 digest, uint16 weight) in commit order.
    /// @param invalid Packed uint16 ids of the nodes whose updates the other validators voted
    /// invalid.
    /// @param earned Sum of all pay in token units.
    struct Outcome {
        bytes results;
        bytes fees;
        bytes accepted;
        bytes invalid;
        uint256 earned;
    }

    /// @notice Settle a round, and add the pay to `totals` (index 0 is id 1).
    /// @param updates Packed (uint16 id, bytes32 digest) in commit order.
    /// @param panel The validators that revealed, in slot order; each has one score per update.
    /// @param slots Committee size.
    function compute(
        Rules memory rules,
        bytes calldata updates,
        Validator[] memory panel,
        uint256 slots,
        uint96[] memory totals
    ) internal pure returns (Outcome memory outcome) {
        Tally memory tally = _tally(rules.minScore, updates, panel);
        outcome.invalid = tally.invalid;
        _payNodes(rules, updates, tally, totals, outcome);
        _payValidators(rules, panel, tally.norm, slots, totals, outcome);
    }

    /// @dev Median per update, and the sums that pay is divided by.
    function _tally(int256 minScore, bytes calldata updates, Validator[] memory panel)
        private
        pure
        returns (Tally memory tally)
    {
        unchecked {
            int256[] memory medians = new int256[](updates.length / UPDATE_BYTES);
            tally.medians = medians;
            tally.invalid = Packed.list(medians.length * ID_BYTES);
            int256[] memory votes = new int256[](panel.length + 1);
            votes[0] = INVALID; // no vote is smaller, so sorting stops here
            uint256 likely = _hint(panel);
            (uint256 norm, uint256 credits) = (0, 0);
            for (uint256 i; i < medians.length; ++i) {
                uint256 owner = uint256(updates.word(i * UPDATE_BYTES)) >> 240;
                Validator[] memory voters = panel;
                if (likely.has(owner & 255)) voters = _others(panel, owner);
                _sort(votes, voters, i << 2);
                int256 median = _middle(votes, voters.length);
                medians[i] = median;
                if (median == INVALID) {
                    // If no other validator voted, INVALID means only that: the owner is not to
                    // blame.
                    if (voters.length != 0) tally.invalid.push(bytes32(owner << 240), ID_BYTES);
                    continue;
                }
                _compare(voters, i << 2, median);
                uint256 size = uint256(median < 0 ? -median : median);
                norm += size;
                if (median > 0 && median >= minScore) credits += size;
                if (voters.length != panel.length) _find(panel, owner).own += size;
            }
            (tally.norm, tally.credits) = (norm, credits);
        }
    }

    /// @dev Bitmap of the panel's ids modulo 256. A clear bit shows at once that an owner is not on
    /// the panel.
    function _hint(Validator[] memory panel) private pure returns (uint256 hint) {
        unchecked {
            for (uint256 k; k < panel.length; ++k) {
                hint |= 1 << (panel[k].id & 255);
            }
        }
    }

    /// @dev The panel without node `id`; the panel itself if the node is not on it.
    function _others(Validator[] memory panel, uint256 id)
        private
        pure
        returns (Validator[] memory others)
    {
        unchecked {
            if (_find(panel, id).id != id) return panel;
            others = new Validator[](panel.length - 1);
            uint256 next;
            for (uint256 k; k < panel.length; ++k) {
                if (panel[k].id != id) others[next++] = panel[k];
            }
        }
    }

    /// @dev Node `id` on the panel; an empty entry if it is not there.
    function _find(Validator[] memory panel, uint256 id)
        private
        pure
        returns (Validator memory validator)
    {
        unchecked {
            for (uint256 k; k < panel.length; ++k) {
                if (panel[k].id == id) return panel[k];
            }
        }
    }

    /// @dev Sort the voters' scores of one update into `votes`, from index 1 on.
    /// @param offset Position of the update's score in each list of scores.
    function _sort(int256[] memory votes, Validator[] memory voters, uint256 offset) private pure {
        // Insertion sort, in assembly because it runs once per update and validator.
        assembly ("memory-safe") {
            let last := add(votes, 0x20)
            let item := add(voters, 0x20)
            for { let end := add(item, shl(5, mload(voters))) } lt(item, end) {
                item := add(item, 0x20)
            } {
                let scores := mload(mload(item))
                let vote := sar(224, calldataload(add(scores, offset)))
                let at := last
                for { let before := mload(at) } sgt(before, vote) { before := mload(at) } {
                    mstore(add(at, 0x20), before)
                    at := sub(at, 0x20)
                }
                last := add(last, 0x20)
                mstore(add(at, 0x20), vote)
            }
        }
    }

    /// @dev Median of `count` sorted votes, which start at index 1; INVALID if there are none.
    function _middle(int256[] memory votes, uint256 count) private pure returns (int256) {
        if (count == 0) return INVALID;
        int256 lower;
        int256 upper;
        assembly ("memory-safe") {
            let at := add(votes, shl(5, add(shr(1, count), 1)))
            lower := mload(at)
            upper := mload(add(at, 0x20))
        }
        if (count & 1 == 1) return upper;
        unchecked {
            // The shift rounds down for negative sums too.
            return lower == INVALID ? INVALID : (lower + upper) >> 1;
        }
    }

    /// @dev Add |score - median| of one update to each voter's distance; INVALID counts as 0.
    function _compare(Validator[] memory voters, uint256 offset, int256 median) private pure {
        // Scores are read again: a word of calldata costs as little as a word of memory.
        assembly ("memory-safe") {
            let item := add(voters, 0x20)
            for { let end := add(item, shl(5, mload(voters))) } lt(item, end) {
                item := add(item, 0x20)
            } {
                let scores := mload(item)
                let distance := add(scores, 0x20)
                let vote := sar(224, calldataload(add(mload(scores), offset)))
                // The remainder by 2^31 is 0 for INVALID and the vote itself for all others.
                let gap := sub(smod(vote, 0x80000000), median)
                let sign := sar(255, gap) // 0 or -1; x ^ -1 is -x - 1
                mstore(distance, add(mload(distance), sub(xor(gap, sign), sign)))
            }
        }
    }

    /// @dev Results, accepted list and pay of the updates.
    function _payNodes(
        Rules memory rules,
        bytes calldata updates,
        Tally memory tally,
        uint96[] memory totals,
        Outcome memory outcome
    ) private pure {
        unchecked {
            int256[] memory medians = tally.medians;
            outcome.results = Packed.list(medians.length * RESULT_BYTES);
            outcome.accepted = Packed.list(medians.length * ACCEPTED_BYTES);
            Shares.Split memory split = _split(rules, medians, tally.credits);
            for (uint256 i; i < medians.length; ++i) {
                int256 median = medians[i];
                uint256 result = uint256(median) << 224;
                if (median >= rules.minScore && median != INVALID) {
                    (uint256 weight, uint256 pay) =
                        Shares.worth(split, median > 0 ? uint256(median) : 0);
                    result |= (weight << 208) | (pay << 112);
                    outcome.earned += pay;
                    uint256 id = _accept(outcome.accepted, updates, i, weight);
                    totals[id - 1] += uint96(pay);
                }
                outcome.results.push(bytes32(result), RESULT_BYTES);
            }
        }
    }

    /// @dev How this round's node pool and weights are divided.
    function _split(Rules memory rules, int256[] memory medians, uint256 credits)
        private
        pure
        returns (Shares.Split memory)
    {
        return Shares.split(
            rules.payRule, rules.weightRule, rules.nodePool, medians, rules.minScore, credits
        );
    }

    /// @dev Append update `i` and its weight to the accepted list; returns its owner's id.
    function _accept(bytes memory accepted, bytes calldata updates, uint256 i, uint256 weight)
        private
        pure
        returns (uint256 id)
    {
        assembly ("memory-safe") {
            let length := mload(accepted)
            let to := add(add(accepted, 0x20), length)
            let from := add(updates.offset, mul(i, UPDATE_BYTES))
            calldatacopy(to, from, UPDATE_BYTES)
            mstore(add(to, UPDATE_BYTES), shl(240, weight))
            mstore(accepted, add(length, ACCEPTED_BYTES))
            id := shr(240, calldataload(from))
        }
    }

    /// @dev Pay of the validators, in proportion to their agreement with the medians.
    function _payValidators(
        Rules memory rules,
        Validator[] memory panel,
        uint256 norm,
        uint256 slots,
        uint96[] memory totals,
        Outcome memory outcome
    ) private pure {
        unchecked {
            uint256 sum;
            for (uint256 k; k < panel.length; ++k) {
                panel[k].agreement = _agreement(norm - panel[k].own, panel[k].distance);
                sum += panel[k].agreement;
            }
            outcome.fees = Packed.list(slots * FEE_BYTES);
            uint256 next;
            for (uint256 slot; slot < slots; ++slot) {
                uint256 pay;
                if (next < panel.length && panel[next].slot == slot) {
                    Validator memory validator = panel[next++];
                    if (sum != 0) pay = rules.validatorPool * validator.agreement / sum;
                    totals[validator.id - 1] += uint96(pay);
                    outcome.earned += pay;
                }
                outcome.fees.push(bytes32(pay << 160), FEE_BYTES);
            }
        }
    }

    /// @dev max(0, 1 - distance / norm), times AGREEMENT_SCALE.
    function _agreement(uint256 norm, uint256 distance) private pure returns (uint256) {
        unchecked {
            if (norm == 0) return distance == 0 ? AGREEMENT_SCALE : 0;
            return distance >= norm ? 0 : (norm - distance) * AGREEMENT_SCALE / norm;
        }
    }
}
