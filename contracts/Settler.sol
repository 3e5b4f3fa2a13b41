// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Part} from "./Part.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {Binding} from "./libraries/Binding.sol";
import {Bits} from "./libraries/Bits.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Packed} from "./libraries/Packed.sol";
import {Rounds} from "./libraries/Rounds.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title The terms, and the arithmetic of settlement under them
/// @notice Nothing here ever changes, and the inputs are not trusted: the federation checks them
/// and books the result. This is a contract of its own because a contract's code is limited to
/// 24,576 bytes (EIP-170).
contract Settler is Part {
    using Bits for uint256;
    using Packed for bytes;
    using Rounds for uint256;

    /// @notice What the federation knows about the round.
    /// @param committee Node ids, 16 bits per slot, slot 0 lowest.
    /// @param revealed Bitmap of the slots that opened their verdict.
    /// @param nodes Nodes ever registered.
    struct Case {
        uint256 committee;
        uint256 revealed;
        uint256 nodes;
    }

    /// @notice The result of a round.
    /// @param before Root of the ledger that was passed in.
    /// @param root Root of the new one.
    /// @param accepted Hash over the accepted (uint16 id, bytes32 digest, uint16 weight).
    /// @param merges Whether any update was accepted.
    /// @param earned Sum of all pay in token units.
    /// @param released Token units that return to the free escrow.
    /// @param invalid Packed uint16 ids of the nodes whose updates the other validators voted
    /// invalid.
    /// @param log Data of the event `RoundSettled`; the federation logs it unchanged.
    struct Result {
        bytes32 before;
        bytes32 root;
        bytes32 accepted;
        bool merges;
        uint96 earned;
        uint96 released;
        bytes invalid;
        bytes log;
    }

    uint256 private constant WHOLE = 10_000; // basis points

    uint8 private immutable PAY_RULE;
    uint8 private immutable WEIGHT_RULE;

    IRounds.Terms private _terms;

    /// @param federation The federation that has these terms.
    /// @param agreed What its members agreed on; the federation checks it.
    constructor(address federation, IRounds.Terms memory agreed)
        Part(federation, Binding.settler(federation, agreed))
    {
        PAY_RULE = agreed.payRule;
        WEIGHT_RULE = agreed.weightRule;
        _terms = agreed;
    }

    /// @notice What was agreed.
    function terms() external view returns (IRounds.Terms memory) {
        return _terms;
    }

    /// @notice Settle a round.
    /// @param round What the federation knows about it.
    /// @param updates Packed (uint16 id, bytes32 digest) in commit order.
    /// @param scores Per slot, one int32 per update; only read if revealed.
    /// @param ledger Previous totals by id (index 0 is id 1); at most one per node.
    function settle(
        Case calldata round,
        bytes calldata updates,
        bytes[] calldata scores,
        bytes32[] calldata ledger
    ) external view returns (Result memory result) {
        uint96[] memory totals = new uint96[](round.nodes);
        Packed.copy(ledger, totals);
        result.before = Ledger.root(totals, ledger.length);
        Settlement.Validator[] memory panel = _panel(round, scores);
        Settlement.Outcome memory outcome =
            Settlement.compute(_rules(), updates, panel, scores.length, totals);
        result.root = Ledger.root(totals, totals.length);
        result.accepted = keccak256(outcome.accepted);
        result.merges = outcome.accepted.length != 0;
        result.earned = uint96(outcome.earned);
        // The merge's share stays reserved until the merge is final.
        uint256 kept = result.merges ? uint256(_terms.reward) * _terms.aggregatorShare / WHOLE : 0;
        result.released = uint96(_terms.reward - outcome.earned - kept);
        result.invalid = outcome.invalid;
        result.log = abi.encode(
            result.root,
            result.accepted,
            result.earned,
            result.released,
            outcome.results,
            outcome.fees,
            totals
        );
    }

    /// @dev The terms that settlement needs.
    function _rules() private view returns (Settlement.Rules memory) {
        return Settlement.Rules({
            nodePool: uint256(_terms.reward) * _terms.nodeShare / WHOLE,
            validatorPool: uint256(_terms.reward) * _terms.validatorShare / WHOLE,
            minScore: _terms.minScore,
            payRule: PAY_RULE,
            weightRule: WEIGHT_RULE
        });
    }

    /// @dev The validators that revealed, with their scores.
    function _panel(Case calldata round, bytes[] calldata scores)
        private
        pure
        returns (Settlement.Validator[] memory panel)
    {
        panel = new Settlement.Validator[](round.revealed.count());
        uint256 found;
        for (uint256 slot; slot < scores.length; ++slot) {
            if (!round.revealed.has(slot)) continue;
            Settlement.Validator memory validator = panel[found++];
            validator.id = round.committee.member(slot);
            validator.slot = slot;
            validator.scores = scores[slot].position();
        }
    }
}
