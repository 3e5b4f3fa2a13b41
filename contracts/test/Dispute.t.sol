// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IDisputes} from "../interfaces/IDisputes.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {MergeFixture} from "./MergeFixture.sol";

/// @dev Disputes about right and wrong merges.
contract DisputeTest is MergeFixture {
    uint256 private constant NODES = 6;
    address private constant WATCHER = address(0xCAFE);

    /// @dev Play a round up to its settlement; `width` gives the bits of each node's codes.
    function play(uint256 seed, uint8 weights, function(uint256) pure returns (uint256) width)
        internal
    {
        play(seed, weights, width, 3);
    }

    function play(
        uint256 seed,
        uint8 weights,
        function(uint256) pure returns (uint256) width,
        uint8 validators
    ) internal {
        rule = weights;
        baseLeaf = stateOf(seed);
        found(validators, NODES);
        for (uint256 i; i < NODES; ++i) {
            updateLeaf[i] = lanesOf(uint256(keccak256(abi.encode(seed, i))), width(i));
        }
        commitAll(NODES);
        draw();
        vote(seed);
        settle();
    }

    function eight(uint256) internal pure returns (uint256) {
        return 8;
    }

    function four(uint256) internal pure returns (uint256) {
        return 4;
    }

    function two(uint256) internal pure returns (uint256) {
        return 2;
    }

    function mixed(uint256 i) internal pure returns (uint256) {
        return 2 << (i % 3);
    }

    /// @dev For all widths and weights: no proof disproves a right merge, and a merge with one
    /// wrong lane is disproved by the proof of that block and by no other.
    function oneWrongLane(uint256 lane, uint256 by) internal {
        if (federation.phase() != IRounds.Phase.Merge) return; // nothing was accepted
        bytes memory right = merge();
        uint256 before = vm.snapshotState();
        proposeLeaf(right);
        for (uint8 block_; block_ < 8; ++block_) {
            refusedWith(proofAbout(right, block_), IDisputes.MergeCorrect.selector);
        }
        vm.revertToState(before);
        lane = bound(lane, 0, 255);
        bytes memory wrong = changed(right, lane, int256(bound(by, 1, 2 ** 32 - 1)));
        proposeLeaf(wrong);
        for (uint8 block_; block_ < 8; ++block_) {
            if (block_ == lane / 32) continue;
            refusedWith(proofAbout(wrong, block_), IDisputes.MergeCorrect.selector);
        }
        IDisputes.MergeProof memory proof = proofAbout(wrong, uint8(lane / 32));
        vm.prank(WATCHER);
        disputes.disputeMerge(proof);
        eq(federation.round().rejected, 1, "rejected");
        eq(vault.owed(WATCHER), 3000, "the challenger gets half of the bond");
        conserved();
        nextProposes(right);
    }

    /// @dev After the rejection another node proposes at once, and the round ends on the right
    /// state.
    function nextProposes(bytes memory leaf) internal {
        bytes32 root = rootOf(leaf, path("state"));
        uint16 aggregator = federation.round().aggregator;
        vm.prank(signer(aggregator % NODES));
        federation.proposeMerge(1, root);
        attest();
        finish();
        same(federation.stateRoot(), root, "final");
    }

    /// forge-config: default.fuzz.runs = 16
    function testFuzz_OneWrongLaneOf8Bits(uint256 seed, uint256 lane, uint256 by) public {
        play(seed, 0, eight);
        oneWrongLane(lane, by);
    }

    /// forge-config: default.fuzz.runs = 16
    function testFuzz_OneWrongLaneOf4Bits(uint256 seed, uint256 lane, uint256 by) public {
        play(seed, 1, four);
        oneWrongLane(lane, by);
    }

    /// forge-config: default.fuzz.runs = 16
    function testFuzz_OneWrongLaneOf2Bits(uint256 seed, uint256 lane, uint256 by) public {
        play(seed, 0, two);
        oneWrongLane(lane, by);
    }

    /// forge-config: default.fuzz.runs = 16
    function testFuzz_OneWrongLaneOfMixedWidths(uint256 seed, uint256 lane, uint256 by) public {
        play(seed, 1, mixed);
        oneWrongLane(lane, by);
    }

    function refusedWith(IDisputes.MergeProof memory proof, bytes4 selector) internal {
        refusedWith(proof, abi.encodeWithSelector(selector));
    }

    function refusedWith(IDisputes.MergeProof memory proof, bytes memory refusal) internal {
        vm.expectRevert(refusal);
        disputes.disputeMerge(proof);
    }

    function wrongLeaf(IDisputes.MergeProof memory proof, uint256 index) internal {
        refusedWith(proof, abi.encodeWithSelector(IDisputes.WrongLeaf.selector, index));
    }

    /// @dev Lanes at both ends of the range, which the merge would move out of range.
    function test_ClampedLanes() public {
        bytes memory base = new bytes(1024);
        for (uint256 lane; lane < 256; ++lane) {
            put(base, lane, lane % 2 == 0 ? type(int32).max - 3 : type(int32).min + 3);
        }
        baseLeaf = base;
        found(3, NODES);
        for (uint256 i; i < NODES; ++i) {
            bytes memory leaf = lanesOf(i, 8);
            for (uint256 lane; lane < 256; ++lane) {
                setCode(leaf, lane, lane % 4 < 2 ? int256(1) : -1);
            }
            for (uint256 block_; block_ < 8; ++block_) {
                leaf[block_] = bytes1(uint8(3 * block_)); // 1 to 2^21: out of range from block 1 on
            }
            updateLeaf[i] = leaf;
        }
        commitAll(NODES);
        draw();
        voteAlike(NODES);
        settle();
        bytes memory right = merge();
        eq(uint256(get(right, 32)), uint256(int256(type(int32).max)), "clamped above");
        require(get(right, 35) == type(int32).min, "clamped below");
        require(get(right, 0) == int256(type(int32).max) - 2, "not clamped");
        bytes memory wrong = changed(right, 32, -1); // a lane whose sum is far out of range
        proposeLeaf(wrong);
        refusedWith(proofAbout(wrong, 0), IDisputes.MergeCorrect.selector);
        disputes.disputeMerge(proofAbout(wrong, 1));
        nextProposes(right);
    }

    function test_ProposerAndAttestersPayAndOthersDoNot() public {
        play(3, 1, mixed, uint8(NODES)); // all are on the committee
        bytes memory wrong = changed(merge(), 7, 1);
        proposeLeaf(wrong);
        uint16 proposer = federation.round().proposer;
        uint16[] memory members = federation.committee();
        uint16 honest; // the first that is not the proposer
        for (uint8 slot; slot < NODES; ++slot) {
            if (honest == 0 && members[slot] != proposer) honest = members[slot];
            else federation.attestMerge(1, attestation(slot, members[slot] - 1));
        }
        uint256[7] memory before;
        for (uint16 id = 1; id <= NODES; ++id) {
            before[id] = vault.stakeOf(id);
        }
        uint256 forfeited = vault.forfeited();
        IDisputes.MergeProof memory proof = proofAbout(wrong, 0);
        vm.prank(WATCHER);
        disputes.disputeMerge(proof);
        uint256 taken;
        for (uint16 id = 1; id <= NODES; ++id) {
            uint256 cost = id == honest ? 0 : 5000;
            if (id == proposer) cost = 6000; // only once, although it attested as well
            eq(before[id] - vault.stakeOf(id), cost, "taken");
            taken += cost;
            bool left = federation.node(id).activeUntil == 2;
            require(
                left == (2 * vault.stakeOf(id) < STAKE),
                "a node leaves if less than half of its stake remains"
            );
        }
        eq(vault.owed(WATCHER), taken / 2, "half is the challenger's");
        eq(vault.forfeited() - forfeited, taken / 2, "half is forfeited");
        IRounds.Round memory round = federation.round();
        eq(round.proposer, 0, "there is no proposal");
        eq(round.attestedSlots, 0, "attestations are removed");
        require(round.proposal == 0 && round.phase == IRounds.Phase.Merge, "merge again");
        conserved();
        vault.collect(WATCHER);
        eq(token.balanceOf(WATCHER), taken / 2, "paid");
        vault.recycle();
        conserved();
    }

    function test_AProofThatIsCopiedWorksOnce() public {
        play(4, 1, eight);
        bytes memory wrong = changed(merge(), 99, 5);
        proposeLeaf(wrong);
        IDisputes.MergeProof memory proof = proofAbout(wrong, 3);
        vm.prank(address(0xBAD));
        disputes.disputeMerge(proof);
        vm.prank(WATCHER);
        refusedWith(proof, abi.encodeWithSelector(IRounds.WrongPhase.selector, IRounds.Phase.Merge));
        eq(vault.owed(address(0xBAD)), 3000, "the copier has the reward");
        eq(vault.owed(WATCHER), 0, "who was copied paid for gas only");
        eq(federation.round().rejected, 1, "the merge is rejected");
    }

    function test_ADisputeNeedsItsRoundAndItsPhase() public {
        play(5, 1, eight);
        bytes memory right = merge();
        IDisputes.MergeProof memory proof = proofAbout(right, 0);
        refusedWith(proof, abi.encodeWithSelector(IRounds.WrongPhase.selector, IRounds.Phase.Merge));
        proof.round = 2;
        refusedWith(proof, abi.encodeWithSelector(IRounds.WrongRound.selector, 1));
        proof.round = 1;
        proposeLeaf(changed(right, 0, 1));
        attest();
        finish();
        refusedWith(proof, abi.encodeWithSelector(IRounds.WrongPhase.selector, IRounds.Phase.Final));
    }

    function test_ListsThatAreNotTheOutcomeAreRefused() public {
        play(6, 1, eight);
        bytes memory wrong = changed(merge(), 0, 1);
        proposeLeaf(wrong);
        IDisputes.MergeProof memory proof = proofAbout(wrong, 0);
        bytes memory list = proof.accepted;
        proof.accepted = bytes.concat(list);
        proof.accepted[list.length - 1] ^= 0x01; // another weight
        refusedWith(proof, IDisputes.WrongOutcome.selector);
        proof.accepted = bytes.concat(list, cut(list, 0, 36)); // one of them twice
        refusedWith(proof, IDisputes.WrongOutcome.selector);
        proof.accepted = list;
        bytes32[] memory manifests = proof.manifests;
        proof.manifests = new bytes32[](manifests.length + 1);
        refusedWith(proof, IDisputes.WrongOutcome.selector);
        proof.manifests = manifests;
        IDisputes.Leaf[] memory leaves = proof.updates;
        proof.updates = new IDisputes.Leaf[](leaves.length - 1);
        refusedWith(proof, IDisputes.WrongOutcome.selector);
        proof.updates = leaves;
        proof.block = 8;
        refusedWith(proof, IDisputes.WrongBlock.selector);
        proof.block = 0;
        disputes.disputeMerge(proof);
    }

    /// forge-config: default.fuzz.runs = 24
    function testFuzz_ALeafThatIsNotTheirsIsRefused(uint256 which, uint256 at, uint8 flip) public {
        play(7, 1, mixed);
        bytes memory wrong = changed(merge(), 0, 1);
        proposeLeaf(wrong);
        IDisputes.MergeProof memory proof = proofAbout(wrong, 0);
        which = bound(which, 0, 1 + proof.updates.length);
        bytes1 by = bytes1(uint8(bound(flip, 1, 255)));
        IDisputes.Leaf memory leaf = leafOf(proof, which);
        bytes memory data = leaf.data;
        data[at % data.length] ^= by;
        wrongLeaf(proof, which);
        data[at % data.length] ^= by;
        leaf.path[at % depth] ^= bytes32(by);
        wrongLeaf(proof, which);
        leaf.path[at % depth] ^= bytes32(by);
        leaf.data = bytes.concat(data, "");
        leaf.data = cut(data, 0, data.length - 1);
        wrongLeaf(proof, which);
        leaf.data = data;
        bytes32[] memory siblings = leaf.path;
        leaf.path = new bytes32[](depth + 1); // of the base, so that the others are too short
        wrongLeaf(proof, which);
        leaf.path = siblings;
        if (which >= 2) {
            proof.manifests[which - 2] ^= bytes32(by);
            wrongLeaf(proof, which);
            proof.manifests[which - 2] ^= bytes32(by);
        }
        proof.leaf ^= 1; // another leaf that exists
        wrongLeaf(proof, 0);
        proof.leaf = leafAt + 4; // a leaf that does not exist, with the same path
        wrongLeaf(proof, 0);
        proof.leaf = leafAt;
        disputes.disputeMerge(proof);
    }

    function leafOf(IDisputes.MergeProof memory proof, uint256 index)
        private
        pure
        returns (IDisputes.Leaf memory)
    {
        if (index < 2) return index == 0 ? proof.base : proof.merged;
        return proof.updates[index - 2];
    }

    /// @dev An inner node of 65 bytes is not a leaf, and a tree of one leaf is valid.
    function test_ATreeOfOneLeaf() public {
        (depth, leafAt) = (0, 0);
        play(8, 1, two);
        bytes memory wrong = changed(merge(), 255, -1);
        proposeLeaf(wrong);
        IDisputes.MergeProof memory proof = proofAbout(wrong, 7);
        proof.leaf = 1;
        wrongLeaf(proof, 0);
        proof.leaf = 0;
        disputes.disputeMerge(proof);
    }

    /// @dev If the committee accepts an update outside the format, no proof is possible.
    function test_CodesAndExponentsOutsideTheFormatProveNothing() public {
        rule = 1;
        baseLeaf = stateOf(9);
        found(3, NODES);
        for (uint256 i; i < NODES; ++i) {
            updateLeaf[i] = lanesOf(i, 2 << (i % 3));
        }
        updateLeaf[3][5] = bytes1(uint8(25)); // exponent of block 5
        updateLeaf[4] = withCode(updateLeaf[4], 40, -8); // 4 bits, block 1
        updateLeaf[5] = withCode(updateLeaf[5], 64, -128); // 8 bits, block 2
        updateLeaf[0] = withCode(updateLeaf[0], 96, -2); // 2 bits, block 3
        commitAll(NODES);
        draw();
        voteAlike(NODES);
        settle();
        proposeLeaf(stateOf(10)); // wrong everywhere
        wrongLeaf(proofAbout(stateOf(10), 5), 2 + 3);
        wrongLeaf(proofAbout(stateOf(10), 1), 2 + 4);
        wrongLeaf(proofAbout(stateOf(10), 2), 2 + 5);
        wrongLeaf(proofAbout(stateOf(10), 3), 2 + 0);
        disputes.disputeMerge(proofAbout(stateOf(10), 4));
    }

    function test_ALeafOfNoWidthProvesNothing() public {
        updateLeaf[2] = cut(lanesOf(2, 8), 0, 263);
        nothingIsProven();
    }

    function test_ATreeOfAnotherDepthProvesNothing() public {
        updateLeaf[2] = lanesOf(2, 8);
        deeper[2] = 1;
        nothingIsProven();
    }

    /// @dev An update that the committee should have found invalid makes every proof impossible.
    function nothingIsProven() private {
        baseLeaf = stateOf(9);
        found(3, NODES);
        for (uint256 i; i < NODES; ++i) {
            if (i != 2) updateLeaf[i] = lanesOf(i, 8);
        }
        commitAll(NODES);
        draw();
        voteAlike(NODES);
        settle();
        proposeLeaf(stateOf(10));
        for (uint8 block_; block_ < 8; ++block_) {
            wrongLeaf(proofAbout(stateOf(10), block_), 2 + 2);
        }
    }

    /// @dev With any amount of gas a proof either reverts completely or takes full effect.
    /// forge-config: default.fuzz.runs = 16
    function testFuzz_APoorSenderProvesNothing(uint256 limit) public {
        (depth, leafAt) = (1, 1);
        play(14, 1, two);
        bytes memory right = merge();
        proposeLeaf(right);
        bytes memory call = abi.encodeCall(disputes.disputeMerge, (proofAbout(right, 0)));
        (bool done,) = address(disputes).call{gas: bound(limit, 0, 120_000)}(call);
        require(!done, "a right merge cannot be disproved");
    }

    function withCode(bytes memory leaf, uint256 lane, int256 value)
        private
        pure
        returns (bytes memory)
    {
        setCode(leaf, lane, value);
        return leaf;
    }

    function test_OnlyTheJudgeDisprovesAndPunishes() public {
        play(12, 1, eight);
        proposeLeaf(stateOf(1));
        bytes memory refusal = abi.encodeWithSelector(IRounds.NotDisputes.selector, address(this));
        vm.expectRevert(refusal);
        federation.disprove(1, address(this));
        vm.expectRevert(refusal);
        federation.punish(1, 1, IRounds.Offence.Equivocation, address(this));
    }

    /// @dev After the fourth wrong merge the round ends on the state that it began with.
    function test_FourRejectedMergesEndTheRound() public {
        play(13, 1, four);
        bytes32 base = federation.stateRoot();
        uint256 free = vault.free();
        bytes memory wrong = changed(merge(), 1, 1);
        uint16 aggregator = federation.round().aggregator;
        for (uint256 k; k < 4; ++k) {
            bytes32 root = rootOf(wrong, path("state"));
            address sender = signer((aggregator - 1 + k) % NODES);
            vm.prank(sender);
            federation.proposeMerge(1, root);
            if (k % 2 == 0) disputes.disputeMerge(proofAbout(wrong, 0));
            else lapse();
            eq(federation.round().rejected, k + 1, "rejected");
            conserved();
            if (k == 3) break;
            bytes memory barred = abi.encodeWithSelector(
                IRounds.ProposerBarred.selector, (aggregator - 1 + k) % NODES + 1
            );
            vm.expectRevert(barred);
            vm.prank(sender);
            federation.proposeMerge(1, root);
        }
        eq(uint256(federation.phase()), uint256(IRounds.Phase.Final), "final");
        same(federation.stateRoot(), base, "the state is the base again");
        eq(vault.reserved(), 0, "nothing stays reserved");
        eq(vault.free(), free + REWARD / 20, "what the merge would have earned is free");
    }
}
