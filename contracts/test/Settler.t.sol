// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Settler} from "../Settler.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Shares} from "../rules/Shares.sol";
import {Test} from "./Vm.sol";

/// @dev The arithmetic of settlement alone, for cases that are hard to reach in a whole round.
contract SettlerTest is Test {
    Settler private settler;

    function setUp() public {
        IRounds.Terms memory terms;
        (terms.reward, terms.nodeShare, terms.validatorShare) = (1000, 8500, 1000);
        terms.payRule = uint8(Shares.SCORE);
        settler = new Settler(address(this), terms);
    }

    function update(uint16 id) private pure returns (bytes memory) {
        return abi.encodePacked(id, keccak256(abi.encode(id)));
    }

    function vote(int32 a, int32 b) private pure returns (bytes memory) {
        return abi.encodePacked(a, b);
    }

    /// @dev The ids 257 and 1 are equal modulo 256 but are different nodes: two votes on the update
    /// of node 257 count, and one on that of node 1.
    function test_IdsAreToldApart() public view {
        Settler.Case memory round = Settler.Case((2 << 16) | 1, 3, 257);
        bytes[] memory scores = new bytes[](2);
        (scores[0], scores[1]) = (vote(0, 10), vote(30, 20));
        bytes memory updates = bytes.concat(update(1), update(257));
        Settler.Result memory result = settler.settle(round, updates, scores, new bytes32[](0));
        (,,,,,, uint96[] memory totals) =
            abi.decode(result.log, (bytes32, bytes32, uint96, uint96, bytes, bytes, uint96[]));
        // 30 by validator 2 alone; 15 by both. 850 are shared 2 : 1.
        eq(totals[256], 283, "node 257");
        // Agreement: node 1 is off by 5 of 15, node 2 by 5 of 45: 100 are shared 3 : 4.
        eq(totals[0], 566 + 42, "node 1");
        eq(totals[1], 57, "node 2");
        eq(result.earned, 283 + 566 + 42 + 57, "the sum of all pay");
        eq(result.invalid.length, 0, "no update is invalid");
    }

    /// @dev Equal pay: updates with a positive median earn the same, others nothing.
    function test_EqualPayIsForWhatIsWorthSomething() public {
        IRounds.Terms memory terms;
        (terms.reward, terms.nodeShare) = (1001, 10_000);
        (terms.payRule, terms.minScore) = (uint8(Shares.EQUAL), -5);
        bytes[] memory scores = new bytes[](1);
        scores[0] = abi.encodePacked(int32(900), int32(1), int32(0), int32(-5), int32(-6));
        bytes memory updates = bytes.concat(update(1), update(2), update(3), update(4), update(5));
        Settler.Result memory result = new Settler(address(this), terms)
            .settle(Settler.Case(6, 1, 6), updates, scores, new bytes32[](0));
        (,,,,,, uint96[] memory totals) =
            abi.decode(result.log, (bytes32, bytes32, uint96, uint96, bytes, bytes, uint96[]));
        eq(totals[0], 500, "pay of the best update");
        eq(totals[1], 500, "pay of the worst accepted update");
        eq(result.earned, 1000, "the sum of all pay");
    }
}
