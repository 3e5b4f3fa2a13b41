// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";
import {SlashFixture} from "./SlashFixture.sol";

/// @dev Offences that the contract detects, their penalty, and what then happens to the node.
contract SlashTest is SlashFixture {
    uint256 private constant NODES = 6;

    function setUp() public {
        found(3, NODES);
    }

    function test_AVoteNotOpenedCosts() public {
        commitAll(NODES);
        draw();
        uint16[] memory members = federation.committee();
        for (uint8 slot; slot < 3; ++slot) {
            scores.push(votesOf(1, slot, NODES));
            sealVerdict(slot, scores[slot]);
        }
        reveal(0, scores[0]);
        reveal(2, scores[2]);
        scores[1] = "";
        pass(WINDOW);
        uint256 held = vault.staked();
        vm.recordLogs();
        federation.settle(1, updates, scores, totals);
        Slash[] memory found_ = slashes();
        isSlash(found_[0], members[1], IRounds.Offence.Unrevealed, STAKE / 10);
        require(found_[0].reporter == address(0), "no reporter");
        eq(vault.stakeOf(members[1]), STAKE - STAKE / 10, "stake");
        eq(vault.forfeited(), held - vault.staked(), "forfeited");
        eq(vault.owedTotal(), 0, "no reward");
        conserved();
    }

    function test_ACancelledRevealCostsThoseWhoSealed() public {
        commitAll(NODES);
        draw();
        uint16[] memory members = federation.committee();
        sealVerdict(0, votesOf(1, 0, NODES));
        sealVerdict(2, votesOf(1, 2, NODES));
        pass(WINDOW);
        reveal(0, votesOf(1, 0, NODES));
        pass(WINDOW);
        vm.recordLogs();
        federation.advance(1);
        Slash[] memory found_ = slashes();
        eq(found_.length, 1, "slot 1 sealed nothing, slot 0 revealed");
        isSlash(found_[0], members[2], IRounds.Offence.Unrevealed, STAKE / 10);
        conserved();
    }

    function test_NoVotesCostNothing() public {
        commitAll(NODES);
        draw();
        sealVerdict(0, votesOf(1, 0, NODES));
        pass(WINDOW);
        vm.recordLogs();
        federation.advance(1);
        eq(slashes().length, 0, "no one is slashed if too few sealed to reveal");
    }

    function test_AnInvalidUpdateCosts() public {
        commitAll(NODES);
        draw();
        bytes memory votes;
        for (uint256 i; i < NODES; ++i) {
            int32 score = i % 2 == 0 ? int32(100) : type(int32).min;
            votes = bytes.concat(votes, bytes4(uint32(score)));
        }
        voteFor(votes);
        vm.recordLogs();
        federation.settle(1, updates, scores, totals);
        Slash[] memory found_ = slashes();
        eq(found_.length, 3, "nodes 2, 4 and 6");
        for (uint256 i; i < 3; ++i) {
            isSlash(found_[i], 2 * (i + 1), IRounds.Offence.Invalid, 1500);
        }
        conserved();
    }

    /// @dev The only validator's own update is invalid because no one else voted on it.
    function test_WhatNobodyElseVotedOnIsNoOffence() public {
        found(1, 1);
        commitAll(1);
        draw();
        scores.push(bytes.concat(bytes4(0)));
        sealVerdict(0, scores[0]);
        reveal(0, scores[0]);
        vm.recordLogs();
        federation.settle(1, updates, scores, totals);
        eq(slashes().length, 0, "no one is slashed");
        eq(vault.stakeOf(1), STAKE, "stake");
        eq(uint256(federation.phase()), uint256(IRounds.Phase.Final), "nothing to merge");
    }

    /// @dev A node with less than half of its stake left is removed.
    function test_WhoKeepsTooLittleLeaves() public {
        bytes memory votes = bytes.concat(bytes4(uint32(1 << 31)), bytes4(uint32(7)));
        for (uint256 i = 2; i < NODES; ++i) {
            votes = bytes.concat(votes, bytes4(uint32(7)));
        }
        for (uint256 r = 1; r <= 4; ++r) {
            commitAll(NODES);
            draw();
            voteFor(votes);
            settle();
            propose("root");
            bool out = federation.node(1).activeUntil == r + 1;
            require(out == (r == 4), "it is removed when 4000 of 10000 are left");
            attest();
            finish();
        }
        eq(vault.stakeOf(1), STAKE - 4 * 1500, "the remaining stake");
        eq(vault.unbondedAt(1), time + UNBONDING - DISPUTE_WINDOW, "unbonding since");
        open();
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotActive.selector, signer(0)));
        vm.prank(signer(0));
        federation.commitUpdate(5, "digest");
        token.mint(account(0), 6000);
        vm.prank(account(0));
        token.approve(address(vault), 6000);
        enter(0, signer(100));
        eq(vault.stakeOf(1), STAKE, "a node that comes back restores its full stake");
        eq(token.balanceOf(account(0)), 0, "it pays only what was missing");
        conserved();
    }
}
