// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IFederation} from "../interfaces/IFederation.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Disputes} from "../Disputes.sol";
import {Federation} from "../Federation.sol";
import {Vault} from "../Vault.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Fixture} from "./Fixture.sol";
import {Log} from "./Vm.sol";

/// @dev What costs stake, how much, and what then becomes of it; and merges that find no quorum.
contract SlashTest is Fixture {
    uint256 private constant NODES = 6;
    address private constant WATCHER = address(0xCAFE);

    function setUp() public {
        found(3, NODES);
    }

    /// @dev The slashes in the recorded events: id, offence, amount, reporter.
    struct Slash {
        uint256 id;
        IFederation.Offence offence;
        uint256 amount;
        address reporter;
    }

    function slashes() internal returns (Slash[] memory found_) {
        Log[] memory logs = vm.getRecordedLogs();
        found_ = new Slash[](logs.length);
        uint256 count;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != IFederation.NodeSlashed.selector) continue;
            Slash memory one = found_[count++];
            one.id = uint256(logs[i].topics[2]);
            (one.offence, one.amount, one.reporter) =
                abi.decode(logs[i].data, (IFederation.Offence, uint256, address));
        }
        assembly ("memory-safe") {
            mstore(found_, count)
        }
    }

    function isSlash(Slash memory one, uint256 id, IFederation.Offence offence, uint256 amount)
        internal
        pure
    {
        eq(one.id, id, "who");
        eq(uint256(one.offence), uint256(offence), "what for");
        eq(one.amount, amount, "how much");
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
        isSlash(found_[0], members[1], IFederation.Offence.Unrevealed, STAKE / 10);
        require(found_[0].reporter == address(0), "the rules found it");
        eq(vault.stakeOf(members[1]), STAKE - STAKE / 10, "stake");
        eq(vault.forfeited(), held - vault.staked(), "forfeited");
        eq(vault.owedTotal(), 0, "owed to nobody");
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
        isSlash(found_[0], members[2], IFederation.Offence.Unrevealed, STAKE / 10);
        conserved();
    }

    function test_NoVotesCostNothing() public {
        commitAll(NODES);
        draw();
        sealVerdict(0, votesOf(1, 0, NODES));
        pass(WINDOW);
        vm.recordLogs();
        federation.advance(1);
        eq(slashes().length, 0, "too few sealed: nobody could reveal");
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
            isSlash(found_[i], 2 * (i + 1), IFederation.Offence.Invalid, 1500);
        }
        conserved();
    }

    /// @dev Alone on a committee of one, an update is invalid because nobody voted on it.
    function test_WhatNobodyElseVotedOnIsNoOffence() public {
        found(1, 1);
        commitAll(1);
        draw();
        scores.push(bytes.concat(bytes4(0)));
        sealVerdict(0, scores[0]);
        reveal(0, scores[0]);
        vm.recordLogs();
        federation.settle(1, updates, scores, totals);
        eq(slashes().length, 0, "no slash");
        eq(vault.stakeOf(1), STAKE, "stake");
        eq(uint256(federation.phase()), uint256(IFederation.Phase.Final), "nothing to merge");
    }

    /// @dev Who is found out often enough has less than half left, and is out.
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
            require(out == (r == 4), "out with 4000 left of 10000");
            attest();
            finish();
        }
        eq(vault.stakeOf(1), STAKE - 4 * 1500, "what is left");
        eq(vault.unbondedAt(1), time + UNBONDING - DISPUTE_WINDOW, "unbonding since");
        open();
        vm.expectRevert(abi.encodeWithSelector(IFederation.NotActive.selector, signer(0)));
        vm.prank(signer(0));
        federation.commitUpdate(5, "digest");
        token.mint(account(0), 6000);
        vm.prank(account(0));
        token.approve(address(vault), 6000);
        enter(0, signer(100));
        eq(vault.stakeOf(1), STAKE, "whoever comes back fills the stake up");
        eq(token.balanceOf(account(0)), 0, "by what was missing");
        conserved();
    }

    // Merges without a quorum ------------------------------------------------------------------

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
        vm.expectRevert(
            abi.encodeWithSelector(IFederation.NothingDue.selector, IFederation.Phase.Proposed)
        );
        federation.advance(1);
        vm.recordLogs();
        lapse();
        Log[] memory logs = vm.getRecordedLogs();
        eq(logs.length, 1, "no slash: that nobody attested proves nothing");
        same(logs[0].topics[0], IFederation.MergeRejected.selector, "rejected");
        bytes32 data = keccak256(abi.encode(proposer, bytes32("garbage"), address(0)));
        same(keccak256(logs[0].data), data, "by nobody");
        same(federation.stateRoot(), keccak256("genesis"), "the state stands");
        eq(federation.round().deadline, time, "anybody else may propose at once");
    }

    function test_AnAttestedMergeWaitsForTheTimeToObject() public {
        settled();
        propose("root");
        pass(WINDOW - DISPUTE_WINDOW - 1);
        uint256 deadline = federation.round().deadline;
        attest();
        eq(federation.round().deadline, deadline - 1, "sooner");
        vm.expectRevert(
            abi.encodeWithSelector(IFederation.NothingDue.selector, IFederation.Phase.Proposed)
        );
        federation.advance(1);
        pass(5);
        federation.attestMerge(1, attestation(2, federation.committee()[2] - 1));
        eq(federation.round().deadline, deadline - 1, "more of them change nothing");
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
        eq(federation.round().deadline, deadline, "the end stays");
        pass(1);
        federation.advance(1);
        same(federation.stateRoot(), "root", "final");
    }

    function test_WithoutAnyProposalTheRoundEndsAsItBegan() public {
        settled();
        uint256 free = vault.free();
        pass(2 * WINDOW - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IFederation.NothingDue.selector, IFederation.Phase.Merge)
        );
        federation.advance(1);
        pass(1);
        federation.advance(1);
        eq(uint256(federation.phase()), uint256(IFederation.Phase.Final), "final");
        same(federation.stateRoot(), keccak256("genesis"), "on the base");
        eq(vault.free(), free + REWARD / 20, "what the merge would have earned is free");
        claim(1); // what the others earned stays earned
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
            abi.encodeWithSelector(IFederation.NotBonded.selector, aggregator + 1, 5500, 6000)
        );
        vm.prank(sender);
        federation.proposeMerge(id, "root");
    }

    // Equivocation -----------------------------------------------------------------------------

    /// @dev The proof that key `by` signed two digests for `round` and node `i`.
    function equivocate(uint64 round, uint256 i, uint256 by, bytes32[2] memory digests)
        internal
        view
        returns (bytes memory call)
    {
        bytes32[4] memory signatures;
        for (uint256 k; k < 2; ++k) {
            bytes32 data = keccak256(
                abi.encode(
                    Signatures.UPDATE_TYPEHASH, round, account(i), bytes32("base"), digests[k]
                )
            );
            bytes memory given = signed(by, typed(data));
            (signatures[2 * k], signatures[2 * k + 1]) = abi.decode(given, (bytes32, bytes32));
        }
        return abi.encodeCall(
            disputes.proveEquivocation, (round, "base", account(i), digests, signatures)
        );
    }

    function refuse(bytes memory call, bytes memory refusal) internal {
        (bool done, bytes memory answer) = address(disputes).call(call);
        require(!done, "expected a refusal");
        same(keccak256(answer), keccak256(refusal), "refusal");
    }

    function test_TwoUpdatesForOneRoundCost() public {
        open();
        bytes memory call = equivocate(1, 0, 0, [bytes32("a"), "b"]);
        vm.recordLogs();
        vm.prank(WATCHER);
        (bool done,) = address(disputes).call(call);
        require(done, "proven");
        Slash[] memory found_ = slashes();
        isSlash(found_[0], 1, IFederation.Offence.Equivocation, 9000);
        require(found_[0].reporter == WATCHER, "reporter");
        eq(vault.owed(WATCHER), 4500, "half");
        eq(federation.node(1).activeUntil, 2, "out after this round");
        require(disputes.proven(1, 1), "noted");
        refuse(call, abi.encodeWithSelector(IDisputes.AlreadyProven.selector, 1, 1));
        call = equivocate(2, 0, 0, [bytes32("a"), "b"]);
        refuse(call, abi.encodeWithSelector(IDisputes.NotEquivocal.selector)); // left
        conserved();
    }

    function test_OnlyTwoUpdatesOfOneNodeInOneRoundAreEquivocal() public {
        bytes memory refusal = abi.encodeWithSelector(IDisputes.NotEquivocal.selector);
        refuse(equivocate(1, 0, 0, [bytes32("a"), "a"]), refusal); // one update
        refuse(equivocate(1, 0, 1, [bytes32("a"), "b"]), refusal); // by another node's key
        refuse(equivocate(1, 0, 99, [bytes32("a"), "b"]), refusal); // by nobody's
        refuse(equivocate(0, 0, 0, [bytes32("a"), "b"]), refusal); // before it took part
        bytes memory call = equivocate(1, 0, 0, [bytes32("a"), "b"]);
        call[call.length - 40] ^= 0x01; // second signature
        refuse(call, refusal);
        leave(0);
        refuse(equivocate(1, 0, 0, [bytes32("a"), "b"]), refusal); // after it left
    }

    /// @dev A key that was given up is worth nothing to who finds it, in later rounds.
    function test_AnOldKeyIncriminatesForItsRoundsOnly() public {
        open();
        address signs = signer(100);
        vm.prank(account(0));
        federation.rotate(signs, 0, 0);
        bytes memory refusal = abi.encodeWithSelector(IDisputes.NotEquivocal.selector);
        refuse(equivocate(2, 0, 0, [bytes32("a"), "b"]), refusal);
        refuse(equivocate(1, 0, 100, [bytes32("a"), "b"]), refusal);
        (bool done,) = address(disputes).call(equivocate(1, 0, 0, [bytes32("a"), "b"]));
        require(done, "the key spoke for the node in round 1");
    }

    function test_AnEmptyStakeKeepsTheProofForLater() public {
        open();
        leave(0);
        pass(UNBONDING);
        federation.advance(1);
        vault.withdrawStake(1);
        bytes memory call = equivocate(1, 0, 0, [bytes32("a"), "b"]);
        refuse(call, abi.encodeWithSelector(IDisputes.NothingAtStake.selector, 1));
        vm.prank(account(0));
        token.approve(address(vault), STAKE);
        enter(0, signer(100));
        (bool done,) = address(disputes).call(call);
        require(done, "who comes back is still guilty");
        eq(vault.stakeOf(1), 1000, "slashed");
    }

    /// @dev What is unbonding can be slashed until it is withdrawn.
    function test_NobodyRunsAwayWithTheStake() public {
        open();
        leave(0);
        pass(UNBONDING);
        (bool done,) = address(disputes).call(equivocate(1, 0, 0, [bytes32("a"), "b"]));
        require(done, "proven");
        eq(vault.unbondedAt(1), time, "leaving twice does not make it later");
        federation.advance(1);
        vault.withdrawStake(1);
        eq(token.balanceOf(account(0)), 1000, "the rest");
        conserved();
    }

    // Terms ------------------------------------------------------------------------------------

    function refusedTerms(IFederation.Terms memory terms) internal {
        vm.expectRevert(IFederation.InvalidTerms.selector);
        new Federation(terms, token, address(this));
    }

    function test_TermsThatPromiseTooMuchAreRefused() public {
        IFederation.Terms memory terms = agreed(3);
        terms.disputeWindow = 0;
        refusedTerms(terms);
        terms.disputeWindow = terms.challengeWindow + 1;
        refusedTerms(terms);
        terms.disputeWindow = DISPUTE_WINDOW;
        terms.unbonding = 5 * WINDOW + DISPUTE_WINDOW;
        refusedTerms(terms);
        terms.unbonding += 1;
        terms.unrevealedPenalty = 10_001;
        refusedTerms(terms);
        (terms.unrevealedPenalty, terms.invalidPenalty) = (10_000, 10_001);
        refusedTerms(terms);
        (terms.invalidPenalty, terms.mergePenalty) = (10_000, 10_001);
        refusedTerms(terms);
        (terms.mergePenalty, terms.attestationPenalty) = (10_000, 10_001);
        refusedTerms(terms);
        (terms.attestationPenalty, terms.equivocationPenalty) = (10_000, 10_001);
        refusedTerms(terms);
        terms.equivocationPenalty = 10_000;
        Federation agreed_ = new Federation(terms, token, address(this));
        same(keccak256(abi.encode(agreed_.terms())), keccak256(abi.encode(terms)), "as agreed");
    }

    function test_TheOldTermsAreStillChecked() public {
        IFederation.Terms memory terms = agreed(3);
        terms.nodeShare += 1;
        refusedTerms(terms);
        terms = agreed(0);
        refusedTerms(terms);
        terms = agreed(16);
        refusedTerms(terms);
        terms = agreed(3);
        terms.minUpdates = 0;
        refusedTerms(terms);
        terms.minUpdates = 257;
        refusedTerms(terms);
        terms = agreed(3);
        terms.weightRule = 2;
        refusedTerms(terms);
        for (uint256 i; i < 5; ++i) {
            terms = agreed(3);
            if (i == 0) terms.commitWindow = 0;
            if (i == 1) terms.scoreWindow = 0;
            if (i == 2) terms.revealWindow = 0;
            if (i == 3) terms.mergeWindow = 0;
            if (i == 4) terms.challengeWindow = 0;
            refusedTerms(terms);
        }
    }

    /// @dev Without stakes there is nothing to take, and nothing stands in the way.
    function test_AFederationWithoutStakes() public {
        IFederation.Terms memory terms = agreed(3);
        terms.stake = 0;
        federation = new Federation(terms, token, address(this));
        vault = Vault(address(federation.vault()));
        disputes = Disputes(address(federation.disputes()));
        fund(REWARD);
        for (uint256 i; i < NODES; ++i) {
            join(i);
        }
        bytes memory call = equivocate(1, 0, 0, [bytes32("a"), "b"]);
        refuse(call, abi.encodeWithSelector(IDisputes.NothingAtStake.selector, 1));
        commitAll(NODES);
        draw();
        voteAlike(NODES);
        settle();
        propose("root");
        attest();
        finish();
        leave(0);
        pass(UNBONDING);
        vm.expectRevert(abi.encodeWithSelector(IVault.NothingToClaim.selector, 1));
        vault.withdrawStake(1);
    }
}
