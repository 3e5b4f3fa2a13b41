// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Fixture} from "./Fixture.sol";

/// @dev Whole rounds: money, phases, deadlines and permissions.
contract RoundTest is Fixture {
    uint256 private constant NODES = 6;

    function setUp() public {
        found(3, NODES);
    }

    function commitAll() internal {
        commitAll(NODES);
    }

    function testFuzz_MoneyIsConservedAndPaidOnce(uint256 seed, uint8 rounds) public {
        rounds = uint8(bound(rounds, 1, 3));
        for (uint256 r; r < rounds; ++r) {
            commitAll();
            conserved();
            draw();
            vote(uint256(keccak256(abi.encode(seed, r))));
            settle();
            conserved();
            if (federation.phase() == IRounds.Phase.Final) continue;
            proposeBonded(keccak256(abi.encode(seed, r)));
            attest();
            finish();
            conserved();
        }
        uint256 paid;
        for (uint16 id = 1; id <= NODES; ++id) {
            uint256 due = totals[id - 1] + vault.bonus(id);
            if (due == 0) continue;
            claim(id);
            eq(token.balanceOf(account(id - 1)), due, "paid");
            paid += due;
            vm.expectRevert(abi.encodeWithSelector(IVault.NothingToClaim.selector, id));
            this.claimOutside(id);
        }
        eq(paid, vault.earned(), "all that was earned is paid");
        eq(vault.claimedTotal(), vault.earned(), "nothing is left to claim");
        eq(vault.reserved(), 0, "nothing is reserved between rounds");
        conserved();
    }

    function claimOutside(uint16 id) external {
        claim(id);
    }

    function testFuzz_OnlyTheLedgerIsPaid(uint16 id, uint256 total, uint256 seed) public {
        commitAll();
        draw();
        vote(seed);
        settle();
        id = uint16(bound(id, 1, NODES));
        if (total == totals[id - 1]) ++total;
        bytes32[] memory proof = proofOf(id);
        vm.expectRevert(abi.encodeWithSelector(IVault.WrongProof.selector, id, total));
        vault.claim(id, total, proof);
        // An inner node of the tree cannot pass for a leaf, because leaves are hashed twice.
        vm.expectRevert();
        vault.claim(uint16(uint256(proof[0])), uint256(proof[0]), proof);
    }

    function test_EveryStepHasItsPhase() public {
        open();
        wrongEverywhere(IRounds.Phase.Commit);
        for (uint256 i; i < NODES; ++i) {
            commit(i);
        }
        pass(1);
        wrongEverywhere(IRounds.Phase.Draw);
        draw();
        wrongEverywhere(IRounds.Phase.Score);
        for (uint8 slot; slot < 3; ++slot) {
            scores.push(votesOf(7, slot, NODES));
            sealVerdict(slot, scores[slot]);
        }
        wrongEverywhere(IRounds.Phase.Reveal);
        for (uint8 slot; slot < 3; ++slot) {
            reveal(slot, scores[slot]);
        }
        wrongEverywhere(IRounds.Phase.Settle);
        settle();
        wrongEverywhere(IRounds.Phase.Merge);
        propose("root");
        wrongEverywhere(IRounds.Phase.Proposed);
        attest();
        wrongEverywhere(IRounds.Phase.Proposed);
        finish();
        wrongEverywhere(IRounds.Phase.Final);
        same(federation.stateRoot(), "root", "state root");
    }

    /// @dev In each phase, calls of other phases and calls for another round revert.
    function wrongEverywhere(IRounds.Phase now_) internal {
        eq(uint256(federation.phase()), uint256(now_), "phase");
        bytes[] memory calls = stepsOf(roundId());
        bytes[] memory others = stepsOf(roundId() + 1);
        IRounds.Phase[7] memory own = [
            IRounds.Phase.Commit,
            IRounds.Phase.Commit,
            IRounds.Phase.Score,
            IRounds.Phase.Reveal,
            IRounds.Phase.Settle,
            IRounds.Phase.Merge,
            IRounds.Phase.Proposed
        ];
        for (uint256 i; i < calls.length; ++i) {
            bytes memory answer = refused(others[i]);
            same(keccak256(answer), refusal(IRounds.WrongRound.selector, roundId()), "round");
            if (own[i] == now_) continue;
            answer = refused(calls[i]);
            bytes32 wrong = refusal(IRounds.WrongPhase.selector, uint256(now_));
            same(keccak256(answer), wrong, "phase");
        }
        bool due = now_ == IRounds.Phase.Draw;
        (bool done,) = due
            ? (false, new bytes(0))
            : address(federation).call(abi.encodeCall(federation.advance, roundId()));
        require(!done, "nothing was due");
    }

    function stepsOf(uint64 id) internal view returns (bytes[] memory calls) {
        calls = new bytes[](7);
        calls[0] = abi.encodeCall(federation.commitUpdate, (id, 0));
        calls[1] = abi.encodeCall(federation.commitUpdates, (id, ""));
        calls[2] = abi.encodeCall(federation.commitVerdict, (id, 0, 0));
        calls[3] = abi.encodeCall(federation.revealVerdict, (id, 0, "", 0));
        calls[4] = abi.encodeCall(federation.settle, (id, "", new bytes[](0), new uint96[](0)));
        calls[5] = abi.encodeCall(federation.proposeMerge, (id, 0));
        calls[6] = abi.encodeCall(federation.attestMerge, (id, ""));
    }

    function refused(bytes memory call) internal returns (bytes memory answer) {
        bool done;
        (done, answer) = address(federation).call(call);
        require(!done, "expected a refusal");
    }

    function refusal(bytes4 selector, uint256 argument) internal pure returns (bytes32) {
        return keccak256(abi.encodeWithSelector(selector, argument));
    }

    function test_PauseStopsOnlyTheOpeningOfRounds() public {
        commitAll();
        federation.pause();
        draw();
        vote(3);
        settle();
        propose("root");
        attest();
        finish();
        for (uint16 id = 1; id <= NODES; ++id) {
            if (totals[id - 1] + vault.bonus(id) != 0) claim(id);
        }
        eq(vault.claimedTotal(), vault.earned(), "all earnings can be claimed");
        federation.revoke(1);
        bytes32 base = federation.stateRoot();
        vm.expectRevert(Pausable.EnforcedPause.selector);
        federation.openRound(base);
        federation.unpause();
        open();
    }

    function test_TooFewUpdatesCancel() public {
        open();
        uint256 free = vault.free();
        pass(WINDOW);
        require(federation.cancellable(), "due");
        federation.advance(1);
        eq(uint256(federation.phase()), uint256(IRounds.Phase.Cancelled), "phase");
        eq(vault.free(), free + REWARD, "the reward returned");
        conserved();
        commitAll();
        eq(roundId(), 2, "the next round opens on the same base");
    }

    function test_TooFewVerdictsCancel() public {
        commitAll();
        draw();
        scores.push(votesOf(1, 0, NODES));
        sealVerdict(0, scores[0]);
        pass(WINDOW);
        federation.advance(1);
        eq(uint256(federation.phase()), uint256(IRounds.Phase.Cancelled), "phase");
        conserved();
    }

    function test_AQuorumSettlesWithoutTheOthers() public {
        commitAll();
        draw();
        for (uint8 slot; slot < 3; ++slot) {
            scores.push(votesOf(1, slot, NODES));
            if (slot != 1) sealVerdict(slot, scores[slot]);
        }
        scores[1] = "";
        pass(WINDOW);
        reveal(0, scores[0]);
        eq(uint256(federation.phase()), uint256(IRounds.Phase.Reveal), "one verdict is missing");
        reveal(2, scores[2]);
        settle();
        conserved();
    }

    function test_TooFewRevealsCancel() public {
        commitAll();
        draw();
        for (uint8 slot; slot < 3; ++slot) {
            sealVerdict(slot, votesOf(1, slot, NODES));
        }
        reveal(0, votesOf(1, 0, NODES));
        pass(WINDOW);
        federation.advance(1);
        eq(uint256(federation.phase()), uint256(IRounds.Phase.Cancelled), "phase");
        conserved();
    }

    function test_AfterItsDeadlineAnyNodeProposes() public {
        commitAll();
        draw();
        vote(1);
        settle();
        uint16 aggregator = federation.round().aggregator;
        address other = signer(aggregator % NODES);
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotAggregator.selector, aggregator));
        vm.prank(other);
        federation.proposeMerge(1, "root");
        pass(WINDOW);
        vm.prank(other);
        federation.proposeMerge(1, "root");
        attest();
        finish();
        same(federation.stateRoot(), "root", "final");
        eq(vault.bonus(uint16(aggregator % NODES + 1)), REWARD / 20, "who proposed is paid");
        conserved();
    }

    function test_VotesCannotBeCopiedChangedOrGuessed() public {
        commitAll();
        draw();
        bytes memory votes = votesOf(1, 0, NODES);
        bytes32 copied = sealOf(0, votes);
        address copier = member(1);
        vm.prank(copier);
        federation.commitVerdict(1, 1, copied);
        sealVerdict(0, votes);
        sealVerdict(2, votesOf(1, 2, NODES));
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongOpening.selector, 1));
        vm.prank(copier);
        federation.revealVerdict(1, 1, votes, salt(0));
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotMember.selector, 0));
        vm.prank(copier);
        federation.revealVerdict(1, 0, votes, salt(0));
        reveal(0, votes);
        address owner = member(0);
        vm.expectRevert(abi.encodeWithSelector(IRounds.NothingSealed.selector, 0));
        vm.prank(owner);
        federation.revealVerdict(1, 0, votes, salt(0));
    }

    function testFuzz_SettleTakesNoOtherLists(uint256 seed, uint256 flip) public {
        commitAll();
        draw();
        vote(seed);
        bytes memory good = updates;
        bytes memory bad = bytes.concat(good);
        bad[flip % bad.length] = bytes1(uint8(bad[flip % bad.length]) ^ 1);
        vm.expectRevert(IRounds.WrongUpdates.selector);
        federation.settle(1, bad, scores, totals);
        bytes[] memory votes = scores;
        votes[1] = bytes.concat(votes[1]);
        votes[1][flip % votes[1].length] ^= 0x01;
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongScores.selector, 1));
        federation.settle(1, good, votes, totals);
        votes[1] = scores[1];
        vm.expectRevert(IRounds.WrongLedger.selector);
        federation.settle(1, good, votes, new uint96[](1));
        settle();
        conserved();
    }

    /// @dev A round reuses the storage of the one before; storage grows only with the number of
    /// nodes.
    function test_RoundsWriteNoNewSlots() public {
        uint256 known;
        for (uint256 r = 1; r <= 9; ++r) {
            vm.record();
            commitAll();
            draw();
            voteAlike(NODES);
            settle();
            propose(bytes32(r));
            attest();
            finish();
            uint256 fresh = freshSlots(address(federation)) + freshSlots(address(vault));
            // After six rounds every seat has been the aggregator once.
            if (r > NODES) eq(fresh, 0, "no new storage slots after the first rounds");
            known += fresh;
        }
        le(1, known, "storage slots were recorded");
    }

    mapping(address => mapping(bytes32 => bool)) private _written;

    function freshSlots(address target) private returns (uint256 count) {
        (, bytes32[] memory writes) = vm.accesses(target);
        for (uint256 i; i < writes.length; ++i) {
            if (_written[target][writes[i]]) continue;
            _written[target][writes[i]] = true;
            ++count;
        }
    }

    function test_WhatDoesNotFitTheRoundIsRefused() public {
        bytes memory wrong =
            abi.encodeWithSelector(IRounds.WrongBase.selector, keccak256("genesis"));
        vm.expectRevert(wrong);
        federation.openRound("other");
        commitAll();
        draw();
        same(federation.verdict(0), 0, "nothing sealed");
        bytes memory votes = votesOf(1, 0, NODES);
        sealVerdict(0, votes);
        bytes32 seal = sealOf(0, votes);
        same(federation.verdict(0), seal, "the sealed verdict");
        address sender = member(0);
        vm.expectRevert(abi.encodeWithSelector(IRounds.AlreadySealed.selector, 0));
        vm.prank(sender);
        federation.commitVerdict(1, 0, "another");
        sealVerdict(1, votes);
        sealVerdict(2, votes);
        for (uint8 slot; slot < 3; ++slot) {
            sender = member(slot);
            vm.expectRevert(abi.encodeWithSelector(IRounds.BadLength.selector, 20));
            vm.prank(sender);
            federation.revealVerdict(1, slot, new bytes(20), salt(slot));
            reveal(slot, votes);
            scores.push(votes);
        }
        same(federation.verdict(0), keccak256(votes), "the hash of what was revealed");
        bytes memory fewer = new bytes(34 * (NODES - 1));
        vm.expectRevert(IRounds.WrongUpdates.selector);
        federation.settle(1, fewer, scores, totals);
        vm.expectRevert(abi.encodeWithSelector(IRounds.WrongScores.selector, 3));
        federation.settle(1, updates, new bytes[](2), totals);
        vm.expectRevert(IRounds.WrongLedger.selector);
        federation.settle(1, updates, scores, new uint96[](NODES + 1));
        settle();
    }

    /// @dev Updates with a median of 0 are merged with equal weights and earn nothing.
    function test_WorthNothingEarnsNothing() public {
        commitAll();
        draw();
        voteFor(new bytes(4 * NODES));
        settle();
        for (uint256 i; i < NODES; ++i) {
            eq(uint8(results[18 * i + 5]), 1, "weight");
        }
        eq(vault.earned(), 3 * (REWARD / 30), "validators agree, and are paid");
        eq(vault.reserved(), REWARD / 20, "the aggregator's share is still reserved");
        conserved();
    }

    function test_OnlyTheCommitteeAttests() public {
        commitAll();
        draw();
        vote(1);
        settle();
        propose("root");
        bytes memory foreign = attestation(0, federation.committee()[1] - 1);
        vm.expectRevert(abi.encodeWithSelector(IRounds.BadSignature.selector, 0));
        federation.attestMerge(1, foreign);
        bytes memory one = attestation(0, federation.committee()[0] - 1);
        federation.attestMerge(1, bytes.concat(one, one));
        eq(federation.round().deadline, time + WINDOW, "one is no quorum");
        federation.attestMerge(1, attestation(2, federation.committee()[2] - 1));
        eq(federation.round().deadline, time + DISPUTE_WINDOW, "two attestations are a quorum");
        eq(federation.round().attestedSlots, 5, "slots 0 and 2");
    }
}
