// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFederation} from "../interfaces/IFederation.sol";
import {IRegistry} from "../interfaces/IRegistry.sol";
import {Fixture} from "./Fixture.sol";

/// @dev The largest round there is: 256 nodes, 15 validators. Every step fits into a block.
contract ScaleTest is Fixture {
    uint256 private constant NODES = 256;
    uint256 private constant BLOCK_GAS = 30_000_000;

    function setUp() public {
        found(15, NODES);
    }

    function test_TheLargestRoundFitsIntoABlock() public {
        federation.admit(address(this), true);
        vm.expectRevert(IRegistry.FederationFull.selector);
        federation.register(address(this), 0, 0, new bytes32[](0));

        open();
        commitAll();
        pass(1);
        uint256 start = gasleft();
        federation.advance(1);
        le(start - gasleft(), BLOCK_GAS / 10, "draw");
        vote(5);
        bytes memory call = abi.encodeCall(federation.settle, (1, updates, scores, totals));
        start = gasleft();
        settle();
        uint256 calldataGas = 16 * call.length; // at most
        le(start - gasleft() + calldataGas, BLOCK_GAS, "settle");
        conserved();
        propose("root");
        attest();
        finish();
        for (uint16 id = 1; id <= NODES; id += 51) {
            if (totals[id - 1] + vault.bonus(id) != 0) claim(id);
        }
        conserved();
    }

    /// @dev More than 175 seats: the bitmap lives in a slot of its own. Mixed ways to commit.
    function commitAll() internal {
        commit(0);
        commit(255);
        bytes memory items;
        for (uint256 i = 1; i < 255; ++i) {
            items = bytes.concat(items, item(i, i));
            updates = bytes.concat(updates, abi.encodePacked(uint16(i + 1), digestOf(i)));
        }
        same(bytes32(federation.round().committed), bytes32(uint256(1) | (1 << 255)), "two");
        uint256 start = gasleft();
        federation.commitUpdates(1, items);
        le(start - gasleft() + 16 * items.length, BLOCK_GAS, "batch");
        eq(federation.round().updates, NODES, "all are in");
    }

    function test_TheBitmapOfAWideRoundIsItsOwn() public {
        open();
        commit(7);
        vm.expectRevert(abi.encodeWithSelector(IFederation.AlreadyCommitted.selector, 8));
        vm.prank(signer(7));
        federation.commitUpdate(1, "again");
        pass(WINDOW);
        draw();
        eq(federation.round().updates, 1, "one update");
        same(bytes32(federation.round().committed), bytes32(uint256(1) << 7), "of seat 7");
        pass(WINDOW);
        federation.advance(1);
        // Narrow again: the nodes beyond seat 174 are gone.
        for (uint16 id = 176; id <= NODES; ++id) {
            federation.revoke(id);
        }
        open();
        commit(7);
        commit(174);
        same(bytes32(federation.round().committed), bytes32((uint256(1) << 7) | (1 << 174)), "two");
        pass(WINDOW);
        draw();
        eq(federation.round().updates, 2, "two updates");
        require(federation.round().committed == (uint256(1) << 7) | (1 << 174), "kept");
    }
}
