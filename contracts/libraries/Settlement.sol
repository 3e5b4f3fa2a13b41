// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Packed} from "./Packed.sol";

/// @title What a round is worth to whom
/// @notice Medians, acceptance, merge weights and pay, from updates and revealed scores. Integers
/// only; every division rounds down. The Python module `collegium.protocol.settlement` computes
/// the same numbers. Bounds that make unchecked arithmetic safe: 256 updates, 15 validators,
/// scores of 32 bits, pools of 96 bits.
library Settlement {
    using Packed for bytes;

    /// @dev A score that means: not delivered, or broke a rule.
    int256 internal constant INVALID = type(int32).min;
    /// @dev Sum of weights by score is at most this.
    uint256 internal constant WEIGHT_SCALE = 65535;
    /// @dev Full agreement of a validator.
    uint256 internal constant AGREEMENT_SCALE = 1 << 32;
    /// @dev Bytes of one update in the packed list: uint16 id, bytes32 digest.
    uint256 internal constant UPDATE_BYTES = 34;
    /// @dev Bytes of one result: int32 median, uint16 weight, uint96 pay.
    uint256 internal constant RESULT_BYTES = 18;
    /// @dev Bytes of one accepted update: uint16 id, bytes32 digest, uint16 weight.
    uint256 internal constant ACCEPTED_BYTES = 36;
    /// @dev Bytes of one validator's pay: uint96.
    uint256 internal constant FEE_BYTES = 12;

    /// @notice What the terms say about settlement.
    /// @param positive Sum of the positive medians among the accepted; set by `compute`.
    struct Rules {
        uint256 nodePool;
        uint256 validatorPool;
        int256 minScore;
        bool byScore;
        uint256 positive;
    }

    /// @notice One committee member that revealed its verdict.
    /// @param id Node id: its vote on its own update does not count.
    /// @param slot Place in the committee.
    /// @param scores Calldata position of its scores, int32 each.
    /// @param norm Sum of |median| over the updates it voted on.
    /// @param distance Sum of |score - median| over them.
    /// @param agreement max(0, 1 - distance / norm), scaled.
    struct Validator {
        uint256 id;
        uint256 slot;
        uint256 scores;
        uint256 norm;
        uint256 distance;
        uint256 agreement;
    }

    /// @notice The result of a round.
    /// @param results Packed (int32 median, uint16 weight, uint96 pay) per update.
    /// @param fees Packed uint96 per committee slot.
    /// @param accepted Packed (uint16 id, bytes32 digest, uint16 weight) in commit order.
    /// @param weight Sum of the weights; 0 iff nothing was accepted.
    /// @param earned Sum of all pay.
    struct Outcome {
        bytes results;
        bytes fees;
        bytes accepted;
        uint256 weight;
        uint256 earned;
    }

    /// @notice Settle a round, and add the pay to `totals` (index 0 is id 1).
    /// @param updates Packed (uint16 id, bytes32 digest) in commit order.
    /// @param panel The validators that revealed, by slot; each with one score per update.
    /// @param slots Committee size.
    function compute(
        Rules memory rules,
        bytes calldata updates,
        Validator[] memory panel,
        uint256 slots,
        uint96[] memory totals
    ) internal pure returns (Outcome memory outcome) {
        int256[] memory medians = _medians(updates, panel);
        _payNodes(rules, updates, medians, totals, outcome);
        _payValidators(rules, panel, slots, totals, outcome);
    }

    /// @dev Median per update; adds up each validator's norm and distance on the way.
    function _medians(bytes calldata updates, Validator[] memory panel)
        private
        pure
        returns (int256[] memory medians)
    {
        unchecked {
            uint256 count = updates.length / UPDATE_BYTES;
            medians = new int256[](count);
            int256[] memory votes = new int256[](panel.length);
            for (uint256 i; i < count; ++i) {
                uint256 owner = uint256(updates.word(i * UPDATE_BYTES)) >> 240;
                int256 median = _median(panel, votes, owner, i);
                medians[i] = median;
                if (median != INVALID) _compare(panel, owner, i, median);
            }
        }
    }

    /// @dev Insertion sort of the votes that count, into the shared buffer `votes`.
    function _median(Validator[] memory panel, int256[] memory votes, uint256 owner, uint256 i)
        private
        pure
        returns (int256)
    {
        unchecked {
            uint256 count;
            for (uint256 k; k < panel.length; ++k) {
                Validator memory validator = panel[k];
                if (validator.id == owner) continue;
                int256 vote = _vote(validator, i);
                uint256 at = count++;
                for (; at > 0 && votes[at - 1] > vote; --at) {
                    votes[at] = votes[at - 1];
                }
                votes[at] = vote;
            }
            if (count == 0) return INVALID;
            int256 upper = votes[count >> 1];
            if (count & 1 == 1) return upper;
            int256 lower = votes[(count >> 1) - 1];
            return lower == INVALID ? INVALID : (lower + upper) >> 1;
        }
    }

    /// @dev How far each validator was from a valid median.
    function _compare(Validator[] memory panel, uint256 owner, uint256 i, int256 median)
        private
        pure
    {
        unchecked {
            uint256 norm = uint256(median < 0 ? -median : median);
            for (uint256 k; k < panel.length; ++k) {
                Validator memory validator = panel[k];
                if (validator.id == owner) continue;
                int256 vote = _vote(validator, i);
                int256 gap = vote == INVALID ? median : vote - median;
                validator.norm += norm;
                validator.distance += uint256(gap < 0 ? -gap : gap);
            }
        }
    }

    /// @dev Score of update `i`: the contract checked that there is one per update.
    function _vote(Validator memory validator, uint256 i) private pure returns (int256 vote) {
        uint256 position = validator.scores;
        assembly ("memory-safe") {
            vote := sar(224, calldataload(add(position, shl(2, i))))
        }
    }

    function _payNodes(
        Rules memory rules,
        bytes calldata updates,
        int256[] memory medians,
        uint96[] memory totals,
        Outcome memory outcome
    ) private pure {
        unchecked {
            rules.positive = _positive(medians, rules.minScore);
            outcome.accepted = Packed.list(medians.length * ACCEPTED_BYTES);
            outcome.results = Packed.list(medians.length * RESULT_BYTES);
            for (uint256 i; i < medians.length; ++i) {
                int256 median = medians[i];
                uint256 result = uint256(median) << 224;
                if (median >= rules.minScore && median != INVALID) {
                    (uint256 weight, uint256 pay) = _share(rules, median);
                    result |= (weight << 208) | (pay << 112);
                    outcome.weight += weight;
                    outcome.earned += pay;
                    totals[_accept(outcome.accepted, updates, i, weight) - 1] += uint96(pay);
                }
                outcome.results.push(bytes32(result), RESULT_BYTES);
            }
        }
    }

    /// @dev Append update `i` to the list of the accepted; says whose it is.
    function _accept(bytes memory accepted, bytes calldata updates, uint256 i, uint256 weight)
        private
        pure
        returns (uint256 id)
    {
        unchecked {
            bytes32 head = updates.word(i * UPDATE_BYTES);
            id = uint256(head) >> 240;
            accepted.push(head, 2);
            accepted.push(updates.word(i * UPDATE_BYTES + 2), 32);
            accepted.push(bytes32(weight << 240), 2);
        }
    }

    /// @dev Sum of the positive medians among the accepted.
    function _positive(int256[] memory medians, int256 minScore)
        private
        pure
        returns (uint256 sum)
    {
        unchecked {
            for (uint256 i; i < medians.length; ++i) {
                int256 median = medians[i];
                if (median > 0 && median >= minScore) sum += uint256(median);
            }
        }
    }

    /// @dev Weight and pay of one accepted update.
    function _share(Rules memory rules, int256 median)
        private
        pure
        returns (uint256 weight, uint256 pay)
    {
        if (rules.positive == 0) return (1, 0);
        unchecked {
            uint256 score = median > 0 ? uint256(median) : 0;
            weight = rules.byScore ? WEIGHT_SCALE * score / rules.positive : 1;
            pay = rules.nodePool * score / rules.positive;
        }
    }

    function _payValidators(
        Rules memory rules,
        Validator[] memory panel,
        uint256 slots,
        uint96[] memory totals,
        Outcome memory outcome
    ) private pure {
        unchecked {
            uint256 sum;
            for (uint256 k; k < panel.length; ++k) {
                panel[k].agreement = _agreement(panel[k].norm, panel[k].distance);
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

    /// @dev max(0, 1 - distance / norm), scaled.
    function _agreement(uint256 norm, uint256 distance) private pure returns (uint256) {
        unchecked {
            if (norm == 0) return distance == 0 ? AGREEMENT_SCALE : 0;
            return distance >= norm ? 0 : (norm - distance) * AGREEMENT_SCALE / norm;
        }
    }
}
