// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";
import {Fixture} from "./Fixture.sol";
import {Log} from "./Vm.sol";

/// @dev Merges with and without a quorum.
contract MergingTest is Fixture {
    uint256 private constant NODES = 6;

    function setUp() public {
        found(3, NODES);
    }

    function settled() internal {
        commitAll(NODES);
        draw();
        voteAlike(NODES);
        settle();
    }

    function test_AMergeWithoutAQuorumFalls() public {
        settled();
        propose("garbage");
        uint16 proposer = federation.round().proposer;
        federation.attestMerge(1, attestation(0, federation.committee()[0] - 1));
        vm.expectRevert(abi.encodeWithSelector(IRounds.NothingDue.selector, IRounds.Phase.Proposed));
        federation.advance(1);
        vm.recordLogs();
        lapse();
        Log[] memory logs = vm.getRecordedLogs();
        eq(logs.length, 1, "no one is slashed, because missing attestations prove nothing");
        same(logs[0].topics[0], IRounds.MergeRejected.selector, "rejected");
        bytes32 data = keccak256(abi.encode(proposer, bytes32("garbage"), address(0)));
        same(keccak256(logs[0].data), data, "no reporter");
        same(federation.stateRoot(), keccak256("genesis"), "the state is unchanged");
        eq(federation.round().deadline, time, "any other node may propose at once");
    }

    function test_AnAttestedMergeWaitsForTheTimeToObject() public {
        settled();
        propose("root");
        pass(WINDOW - DISPUTE_WINDOW - 1);
        uint256 deadline = federation.round().deadline;
        attest();
        eq(federation.round().deadline, deadline - 1, "sooner");
        vm.expectRevert(abi.encodeWithSelector(IRounds.NothingDue.selector, IRounds.Phase.Proposed));
        federation.advance(1);
        pass(5);
        federation.attestMerge(1, attestation(2, federation.committee()[2] - 1));
        eq(
            federation.round().deadline,
            deadline - 1,
            "further attestations do not move the deadline"
        );
        pass(5);
        federation.advance(1);
        same(federation.stateRoot(), "root", "final");
    }

    function test_AttestationsNeverPutTheEndOff() public {
        settled();
        propose("root");
        pass(WINDOW - 1);
        uint256 deadline = federation.round().deadline;
        attest();
        eq(federation.round().deadline, deadline, "the deadline is unchanged");
        pass(1);
        federation.advance(1);
        same(federation.stateRoot(), "root", "final");
    }

    function test_WithoutAnyProposalTheRoundEndsAsItBegan() public {
        settled();
        uint256 free = vault.free();
        pass(2 * WINDOW - 1);
        vm.expectRevert(abi.encodeWithSelector(IRounds.NothingDue.selector, IRounds.Phase.Merge));
        federation.advance(1);
        pass(1);
        federation.advance(1);
        eq(uint256(federation.phase()), uint256(IRounds.Phase.Final), "final");
        same(federation.stateRoot(), keccak256("genesis"), "the state is the base");
        eq(vault.free(), free + REWARD / 20, "what the merge would have earned is free");
        claim(1); // the others keep what they earned
        conserved();
        open();
    }

    function test_WhoCannotPayForAWrongMergeDoesNotPropose() public {
        commitAll(NODES);
        draw();
        uint256 aggregator = federation.round().aggregator - 1;
        bytes memory votes;
        for (uint256 i; i < NODES; ++i) {
            votes = bytes.concat(votes, bytes4(uint32(i == aggregator ? 1 << 31 : 1000)));
        }
        for (uint256 r = 1;; ++r) {
            voteFor(votes);
            settle();
            if (vault.stakeOf(uint16(aggregator + 1)) < 6000) break;
            pass(2 * WINDOW);
            federation.advance(uint64(r));
            commitAll(NODES);
            draw();
        }
        pass(WINDOW);
        uint64 id = roundId();
        address sender = signer(aggregator);
        vm.expectRevert(
            abi.encodeWithSelector(IRounds.NotBonded.selector, aggregator + 1, 5500, 6000)
        );
        vm.prank(sender);
        federation.proposeMerge(id, "root");
    }
}
