// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";
import {Fixture} from "./Fixture.sol";
import {Log} from "./Vm.sol";

/// @dev Commitments, alone and in batches.
contract CommitTest is Fixture {
    function setUp() public {
        found(3, 6);
        open();
    }

    function test_OneCommitmentPerNodeAndRound() public {
        commit(0);
        vm.expectRevert(abi.encodeWithSelector(IRounds.AlreadyCommitted.selector, 1));
        vm.prank(signer(0));
        federation.commitUpdate(1, "other");
        federation.commitUpdates(1, bytes.concat(item(0, 0), item(1, 1), item(1, 1), item(2, 2)));
        eq(federation.round().updates, 3, "updates after the batch");
        same(bytes32(federation.round().committed), bytes32(uint256(7)), "seats 0, 1 and 2");
    }

    function test_ABatchEqualsSingleCommitments() public {
        federation.commitUpdates(1, bytes.concat(item(4, 4), item(2, 2), item(0, 0)));
        bytes32 acc = bytes32(uint256(1));
        acc = keccak256(abi.encodePacked(acc, uint16(5), digestOf(4)));
        acc = keccak256(abi.encodePacked(acc, uint16(3), digestOf(2)));
        acc = keccak256(abi.encodePacked(acc, uint16(1), digestOf(0)));
        same(federation.round().accumulator, acc, "batch");
        commit(1);
        acc = keccak256(abi.encodePacked(acc, uint16(2), digestOf(1)));
        same(federation.round().accumulator, acc, "single");
    }

    function test_BadItemsAreSkippedWithTheReason() public {
        federation.revoke(6);
        join(6); // active from the next round on
        bytes memory items = bytes.concat(item(0, 1), item(6, 6), item(1, 1), item(1, 1));
        vm.recordLogs();
        federation.commitUpdates(1, items);
        Log[] memory logs = vm.getRecordedLogs();
        eq(logs.length, 4, "three skipped items and one event of the batch");
        skipped(logs[0], account(0), IRounds.SkipReason.BadSignature);
        skipped(logs[1], account(6), IRounds.SkipReason.NotActive);
        skipped(logs[2], account(1), IRounds.SkipReason.AlreadyCommitted);
        eq(federation.round().updates, 1, "valid commitments");
        commit(5); // revoked, but only from the next round on
    }

    function skipped(Log memory log, address who, IRounds.SkipReason why) internal pure {
        same(log.topics[0], IRounds.CommitSkipped.selector, "event");
        same(keccak256(log.data), keccak256(abi.encode(who, why)), "reason");
    }

    function testFuzz_ATamperedItemIsSkipped(uint256 at, uint8 by) public {
        bytes memory items = item(0, 0);
        items[at % items.length] ^= bytes1(uint8(bound(by, 1, 255)));
        federation.commitUpdates(1, items);
        eq(federation.round().updates, 0, "nothing was taken");
    }

    function testFuzz_BatchLength(bytes calldata items) public {
        uint64 id = roundId();
        if (items.length == 0 || items.length % 116 != 0) {
            vm.expectRevert(abi.encodeWithSelector(IRounds.BadLength.selector, items.length));
        }
        federation.commitUpdates(id, items);
        eq(federation.round().updates, 0, "updates after random signatures");
    }

    function test_AllInClosesEarly() public {
        for (uint256 i; i < 6; ++i) {
            commit(i);
        }
        eq(
            uint256(federation.phase()),
            uint256(IRounds.Phase.Commit),
            "the phase before the deadline has passed"
        );
        eq(federation.round().deadline, time + 1, "the phase ends in the next second");
        pass(1);
        eq(uint256(federation.phase()), uint256(IRounds.Phase.Draw), "draw");
    }

    function test_TheDeadlineEndsThePhase() public {
        pass(WINDOW - 1);
        commit(0);
        pass(1);
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongPhase.selector, IRounds.Phase.Draw));
        vm.prank(signer(1));
        federation.commitUpdate(1, "late");
    }

    function test_StrangersNewcomersAndHugeRoundsAreRefused() public {
        join(6);
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotActive.selector, signer(6)));
        vm.prank(signer(6));
        federation.commitUpdate(1, "digest");
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotActive.selector, address(this)));
        federation.commitUpdate(1, "digest");
        uint64 alias_ = (1 << 32) + 1;
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongRound.selector, 1));
        vm.prank(signer(0));
        federation.commitUpdate(alias_, "digest");
    }

    function test_SeatsAreReusedOnceTheyAreFree() public {
        federation.revoke(2);
        join(6);
        eq(federation.node(7).seat, 6, "seat 1 is in use until the round ends");
        pass(WINDOW);
        federation.advance(1);
        join(7);
        eq(federation.node(8).seat, 1, "the seat is free again");
        open();
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotActive.selector, signer(1)));
        vm.prank(signer(1));
        federation.commitUpdate(2, "digest");
        federation.commitUpdates(2, bytes.concat(item(1, 1), item(7, 7)));
        eq(federation.round().updates, 1, "only the node that took over the seat has committed");
    }
}
