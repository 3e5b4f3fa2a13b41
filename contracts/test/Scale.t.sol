// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";
import {IRegistry} from "../interfaces/IRegistry.sol";
import {MergeFixture} from "./MergeFixture.sol";

/// @dev The largest possible round: 256 nodes, 15 validators, four million lanes. Every step fits
/// into a block.
contract ScaleTest is MergeFixture {
    uint256 private constant NODES = 256;
    uint256 private constant BLOCK_GAS = 30_000_000;

    function agreed(uint8 committee) internal view override returns (IRounds.Terms memory terms) {
        terms = super.agreed(committee);
        terms.invalidPenalty = 6000; // every node that pays it leaves: the most work possible
    }

    function setUp() public {
        (depth, leafAt, rule) = (14, 5000, 1);
        baseLeaf = stateOf(1);
        found(15, NODES);
    }

    /// @dev Upper bound on the gas of a call in its own transaction: the call and its calldata.
    /// Slots that the test has already touched cost less here; the margin to the block limit covers
    /// that.
    function inABlock(address target, bytes memory call, string memory what) internal {
        (bool done, bytes memory answer) = target.call(call);
        uint256 used = vm.lastCallGas().gasTotalUsed + 16 * call.length + 21_000;
        require(done, string(answer));
        le(used, BLOCK_GAS / 2, what);
    }

    function test_TheLargestDisputeFitsIntoABlock() public {
        bytes memory leaf = lanesOf(2, 8);
        for (uint256 i; i < NODES; ++i) {
            updateLeaf[i] = leaf;
        }
        open();
        commitAll();
        pass(1);
        draw();
        voteAlike(NODES);
        settle();
        bytes memory wrong = stateOf(3);
        proposeLeaf(wrong);
        bytes memory signatures;
        for (uint8 slot; slot < 15; ++slot) {
            uint256 by = federation.committee()[slot] - 1;
            signatures = bytes.concat(signatures, attestation(slot, by));
        }
        federation.attestMerge(1, signatures);
        bytes memory call = abi.encodeCall(disputes.disputeMerge, (proofAbout(wrong, 7)));
        inABlock(address(disputes), call, "dispute");
        eq(federation.round().rejected, 1, "rejected");
        conserved();
    }

    /// @dev All updates are voted invalid, a third of the votes is not opened, and all offenders
    /// leave.
    function test_TheLargestSlashFitsIntoABlock() public {
        open();
        commitAll();
        pass(1);
        draw();
        bytes memory votes;
        for (uint256 i; i < NODES; ++i) {
            votes = bytes.concat(votes, bytes4(uint32(1 << 31)));
        }
        for (uint8 slot; slot < 15; ++slot) {
            sealVerdict(slot, votes);
        }
        for (uint8 slot; slot < 10; ++slot) {
            reveal(slot, votes);
            scores.push(votes);
        }
        for (uint8 slot = 10; slot < 15; ++slot) {
            scores.push("");
        }
        pass(WINDOW);
        bytes memory call = abi.encodeCall(federation.settle, (1, updates, scores, totals));
        inABlock(address(federation), call, "settle");
        eq(federation.activeCount(), 0, "all have left");
        conserved();
    }

    function test_TheLargestRoundFitsIntoABlock() public {
        federation.admit(address(this), true);
        vm.expectRevert(IRegistry.FederationFull.selector);
        federation.register(address(this), 0, 0, new bytes32[](0));

        open();
        commitAll();
        pass(1);
        inABlock(address(federation), abi.encodeCall(federation.advance, (1)), "draw");
        vote(5);
        bytes memory call = abi.encodeCall(federation.settle, (1, updates, scores, totals));
        uint256 snapshot = vm.snapshotState();
        inABlock(address(federation), call, "settle");
        vm.revertToState(snapshot);
        settle();
        conserved();
        propose("root");
        attest();
        finish();
        for (uint16 id = 1; id <= NODES; id += 51) {
            if (totals[id - 1] + vault.bonus(id) != 0) claim(id);
        }
        conserved();
    }

    /// @dev More than 175 seats, so that the bitmap has its own slot; single and batched
    /// commitments.
    function commitAll() internal {
        commit(0);
        commit(255);
        bytes memory items;
        for (uint256 i = 1; i < 255; ++i) {
            items = bytes.concat(items, item(i, i));
            updates = bytes.concat(updates, abi.encodePacked(uint16(i + 1), digestOf(i)));
        }
        same(bytes32(federation.round().committed), bytes32(uint256(1) | (1 << 255)), "two");
        bytes memory call = abi.encodeCall(federation.commitUpdates, (1, items));
        inABlock(address(federation), call, "batch");
        eq(federation.round().updates, NODES, "all nodes have committed");
    }

    function test_TheBitmapOfAWideRoundIsItsOwn() public {
        open();
        commit(7);
        vm.expectRevert(abi.encodeWithSelector(IRounds.AlreadyCommitted.selector, 8));
        vm.prank(signer(7));
        federation.commitUpdate(1, "again");
        pass(WINDOW);
        draw();
        eq(federation.round().updates, 1, "one update");
        same(bytes32(federation.round().committed), bytes32(uint256(1) << 7), "the bit of seat 7");
        pass(WINDOW);
        federation.advance(1);
        // Narrow again: the nodes beyond seat 174 have left.
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
