// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Bits} from "../libraries/Bits.sol";
import {Draw} from "../libraries/Draw.sol";
import {Ledger} from "../libraries/Ledger.sol";
import {Packed} from "../libraries/Packed.sol";
import {Settlement} from "../libraries/Settlement.sol";

/// @dev Shows the libraries to tests in other languages.
contract Harness {
    using Packed for bytes;

    struct Answer {
        bytes results;
        bytes fees;
        bytes accepted;
        uint256 earned;
        uint96[] totals;
    }

    /// @param members Node id of each committee slot.
    /// @param scores Per slot; a slot that did not reveal is not in `revealed`.
    function settle(
        Settlement.Rules memory rules,
        bytes calldata updates,
        uint16[] calldata members,
        bytes[] calldata scores,
        uint256 revealed,
        uint96[] memory totals
    ) external pure returns (Answer memory answer) {
        Settlement.Validator[] memory panel = new Settlement.Validator[](Bits.count(revealed));
        uint256 found;
        for (uint256 slot; slot < members.length; ++slot) {
            if (!Bits.has(revealed, slot)) continue;
            panel[found].id = members[slot];
            panel[found].slot = slot;
            panel[found++].scores = scores[slot].position();
        }
        Settlement.Outcome memory outcome =
            Settlement.compute(rules, updates, panel, members.length, totals);
        answer = Answer(outcome.results, outcome.fees, outcome.accepted, outcome.earned, totals);
    }

    function committee(bytes32 seed, uint256 members, uint256 size)
        external
        pure
        returns (uint256[] memory)
    {
        return Draw.committee(seed, members, size);
    }

    function aggregator(uint256 members, uint256 round) external pure returns (uint256) {
        return Draw.aggregator(members, round);
    }

    function ledgerRoot(uint96[] memory totals) external pure returns (bytes32) {
        return Ledger.root(totals, totals.length);
    }

    function count(uint256 set) external pure returns (uint256) {
        return Bits.count(set);
    }
}
