// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";
import {IRegistry} from "../interfaces/IRegistry.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Fixture} from "./Fixture.sol";
import {Log} from "./Vm.sol";

/// @dev Joining, changing keys, leaving, coming back.
contract MembersTest is Fixture {
    uint256 private constant NODES = 6;
    uint256 private constant FRESH = 100; // number of a key that no node has used

    function setUp() public {
        found(3, NODES);
    }

    function rotate(uint256 i, uint256 to) internal {
        address signs = signer(to);
        vm.prank(account(i));
        federation.rotate(signs, "new key", "new transport");
    }

    function refusedCommit(uint256 by) internal {
        (uint64 id, address sender) = (roundId(), signer(by));
        vm.expectRevert(abi.encodeWithSelector(IRounds.NotActive.selector, sender));
        vm.prank(sender);
        federation.commitUpdate(id, "digest");
    }

    // Joining ----------------------------------------------------------------------------------

    function test_AccountsAndSignersAreUsedOnce() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAdmitted.selector, address(this)));
        federation.register(signer(9), 0, 0, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AccountTaken.selector, account(0)));
        vm.prank(account(0));
        federation.register(signer(9), 0, 0, new bytes32[](0));
        federation.admit(address(this), true);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.SignerTaken.selector, signer(0)));
        federation.register(signer(0), 0, 0, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.SignerTaken.selector, address(0)));
        federation.register(address(0), 0, 0, new bytes32[](0));
        federation.revoke(1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotRegistered.selector, 1));
        federation.revoke(1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.UnknownNode.selector, 0));
        federation.exit();
        vm.expectRevert(abi.encodeWithSelector(IRegistry.UnknownNode.selector, 0));
        federation.rotate(signer(9), 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.UnknownNode.selector, 9));
        federation.revoke(9);
    }

    /// @dev Puts an account on the allow-list and returns its proof.
    function list(address who) internal returns (bytes32[] memory proof) {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(who))));
        bytes32 other = keccak256("sibling");
        proof = new bytes32[](1);
        proof[0] = other;
        (bytes32 a, bytes32 b) = leaf < other ? (leaf, other) : (other, leaf);
        federation.setAllowList(keccak256(abi.encodePacked(a, b)));
    }

    function test_TheAllowListAdmits() public {
        bytes32[] memory proof = list(address(this));
        token.mint(address(this), STAKE);
        token.approve(address(vault), STAKE);
        eq(federation.register(signer(9), 0, 0, proof), 7, "id");
        eq(vault.stakeOf(7), STAKE, "stake");
        conserved();
    }

    /// @dev The ledger has one leaf for each node that ever registered, at most 4096. A node that
    /// left can still come back.
    function test_NodesAreCountedForEver() public {
        for (uint256 i = NODES; i < 4096; ++i) {
            join(i);
            leave(i);
        }
        eq(federation.nodeCount(), 4096, "ever");
        federation.admit(address(this), true);
        address signs = signer(5000);
        vm.expectRevert(IRegistry.FederationFull.selector);
        federation.register(signs, 0, 0, new bytes32[](0));
        enter(4095, signs);
        eq(federation.activeCount(), NODES + 1, "active");
    }

    // Keys -------------------------------------------------------------------------------------

    function test_ANewSignerSpeaksFromTheNextRoundOn() public {
        open();
        rotate(0, FRESH);
        eq(federation.node(1).activeFrom, 2, "the new key is valid from the next round");
        require(federation.node(1).signer == signer(FRESH), "the registry shows the newest key");
        refusedCommit(FRESH);
        federation.commitUpdates(1, item(0, FRESH));
        eq(federation.round().updates, 0, "a relayed commitment is refused");
        commit(0); // the old signer still acts in this round
        pass(WINDOW);
        draw();
        pass(WINDOW);
        federation.advance(1);
        open();
        refusedCommit(0);
        federation.commitUpdates(2, bytes.concat(item(0, 0), item(0, FRESH)));
        eq(federation.round().updates, 1, "the new key commits");
        eq(federation.activeSigner(signer(0), 1), 1, "the old key's round is on record");
        eq(federation.activeSigner(signer(0), 2), 0, "old");
        eq(federation.activeSigner(signer(FRESH), 1), 0, "new, before");
        eq(federation.activeSigner(signer(FRESH), 2), 1, "new");
        eq(federation.nodeOfSigner(signer(0)), 1, "the old key still belongs to the node");
    }

    function test_OnlyKeysThatNobodyUsed() public {
        bytes memory taken = abi.encodeWithSelector(IRegistry.SignerTaken.selector, signer(1));
        address signs = signer(1);
        vm.expectRevert(taken);
        vm.prank(account(0));
        federation.rotate(signs, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.SignerTaken.selector, address(0)));
        vm.prank(account(0));
        federation.rotate(address(0), 0, 0);
        rotate(0, FRESH);
        rotate(0, FRESH + 1); // twice between two rounds: the first key never acts
        signs = signer(0);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.SignerTaken.selector, signs));
        vm.prank(account(0));
        federation.rotate(signs, 0, 0);
        open();
        refusedCommit(0);
        refusedCommit(FRESH);
        federation.commitUpdates(1, bytes.concat(item(0, 0), item(0, FRESH), item(0, FRESH + 1)));
        eq(federation.round().updates, 1, "only the newest key commits");
    }

    function test_TheSignerMayStay() public {
        open();
        vm.recordLogs();
        rotate(0, 0);
        Log[] memory logs = vm.getRecordedLogs();
        same(logs[0].topics[0], IRegistry.NodeRotated.selector, "event");
        same(logs[0].topics[1], bytes32(uint256(1)), "id");
        bytes32 data = keccak256(abi.encode(2, bytes32("new key"), bytes32("new transport")));
        same(keccak256(logs[0].data), data, "keys, from the next round on");
        same(federation.node(1).encryptionKey, "new key", "encryption key");
        eq(federation.node(1).activeFrom, 1, "the signer has not changed");
        commit(0);
    }

    /// @dev A committee member that changes its signer still votes and attests with the old one.
    function test_AChangeInARoundTakesEffectAfterIt() public {
        commitAll(NODES);
        draw();
        uint256 first = federation.committee()[0] - 1;
        rotate(first, FRESH);
        bytes32 seal = sealOf(0, votesOf(1, 0, NODES));
        bytes memory notMember = abi.encodeWithSelector(IRounds.NotMember.selector, 0);
        address signs = signer(FRESH);
        vm.expectRevert(notMember);
        vm.prank(signs);
        federation.commitVerdict(1, 0, seal);
        vote(1);
        settle();
        propose("root");
        bytes memory early = attestation(0, FRESH);
        vm.expectRevert(abi.encodeWithSelector(IRounds.BadSignature.selector, 0));
        federation.attestMerge(1, early);
        attest();
        finish();
    }

    // Leaving ----------------------------------------------------------------------------------

    function test_WhoLeavesInARoundPlaysItToItsEnd() public {
        open();
        vm.recordLogs();
        leave(0);
        Log[] memory logs = vm.getRecordedLogs();
        same(logs[0].topics[0], IRegistry.NodeLeft.selector, "left");
        bytes32 data = keccak256(abi.encode(2, IRegistry.LeaveReason.Exited));
        same(keccak256(logs[0].data), data, "the event says that it left after this round");
        same(logs[1].topics[0], IVault.Unbonding.selector, "unbonding");
        eq(vault.unbondedAt(1), time + UNBONDING, "unbonding starts now");
        commit(0);
        require(federation.needs(1), "the stake stays bonded for the round");
        locked(1, UNBONDING);
        pass(UNBONDING);
        locked(1, 0); // the time is over, the round is not
        draw();
        locked(1, 0);
        pass(WINDOW);
        federation.advance(1);
        require(!federation.needs(1), "the stake is free");
        vault.withdrawStake(1);
        eq(token.balanceOf(account(0)), STAKE, "paid to the account");
        eq(vault.stakeOf(1), 0, "the stake is withdrawn");
        vm.expectRevert(abi.encodeWithSelector(IVault.NothingToClaim.selector, 1));
        vault.withdrawStake(1);
        conserved();
        open();
        refusedCommit(0);
    }

    /// @dev The stake cannot be withdrawn before `time + left`.
    function locked(uint16 id, uint256 left) internal {
        uint256 until = left == 0 ? vault.unbondedAt(id) : time + left;
        vm.expectRevert(abi.encodeWithSelector(IVault.StakeLocked.selector, id, until));
        vault.withdrawStake(id);
    }

    function test_AStakeStaysWhileItsNodeDoes() public {
        eq(vault.unbondedAt(1), type(uint64).max, "not unbonding");
        pass(2 * UNBONDING);
        locked(1, 0);
        locked(99, 0); // a node that does not exist has none
        leave(0);
        open(); // a round in which it takes no part
        require(!federation.needs(1) && federation.needs(2), "only nodes of this round are needed");
        pass(UNBONDING - 1);
        locked(1, 0);
        pass(1);
        vault.withdrawStake(1);
    }

    function test_NobodyLeavesTwice() public {
        leave(0);
        bytes memory gone = abi.encodeWithSelector(IRegistry.NotRegistered.selector, 1);
        vm.expectRevert(gone);
        vm.prank(account(0));
        federation.exit();
        vm.expectRevert(gone);
        federation.revoke(1);
        address signs = signer(FRESH);
        vm.expectRevert(gone);
        vm.prank(account(0));
        federation.rotate(signs, 0, 0);
    }

    function test_WhoLeftComesBackUnderItsId() public {
        open();
        leave(0);
        enter(0, signer(FRESH)); // in the same round: it takes part in this one as before
        eq(federation.nodeOf(account(0)), 1, "same id");
        eq(federation.nodeCount(), NODES, "no new id");
        eq(federation.node(1).seat, NODES, "a seat that this round does not need");
        eq(vault.unbondedAt(1), type(uint64).max, "the stake is bonded again");
        commit(0);
        refusedCommit(FRESH);
        eq(federation.round().updates, 1, "one update of one node");
        pass(WINDOW);
        draw();
        pass(WINDOW);
        federation.advance(1);
        open();
        eq(federation.activeCount(), NODES, "active nodes as before");
        federation.commitUpdates(2, bytes.concat(item(0, 0), item(0, FRESH), item(0, FRESH)));
        eq(federation.round().updates, 1, "it commits once");
        conserved();
    }

    function test_ComingBackFillsTheStakeUp() public {
        leave(0);
        pass(UNBONDING);
        vault.withdrawStake(1);
        vm.prank(account(0));
        token.approve(address(vault), STAKE);
        enter(0, signer(FRESH));
        eq(vault.stakeOf(1), STAKE, "full");
        conserved();
        bytes memory taken = abi.encodeWithSelector(IRegistry.AccountTaken.selector, account(0));
        address signs = signer(FRESH + 1);
        vm.expectRevert(taken);
        vm.prank(account(0));
        federation.register(signs, 0, 0, new bytes32[](0));
        leave(0);
        signs = signer(0);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.SignerTaken.selector, signs));
        vm.prank(account(0));
        federation.register(signs, 0, 0, new bytes32[](0));
    }

    function test_WhoWasRevokedMustBeAdmittedAgain() public {
        vm.recordLogs();
        federation.revoke(1);
        Log[] memory logs = vm.getRecordedLogs();
        bytes32 data = keccak256(abi.encode(1, IRegistry.LeaveReason.Revoked));
        same(keccak256(logs[0].data), data, "at once: no round is live");
        require(!federation.admitted(account(0)), "the admission is withdrawn");
        bytes32[] memory proof = list(account(0));
        bytes memory refusal = abi.encodeWithSelector(IRegistry.NotAdmitted.selector, account(0));
        address signs = signer(FRESH);
        vm.expectRevert(refusal);
        vm.prank(account(0));
        federation.register(signs, 0, 0, proof);
        federation.admit(account(0), true);
        enter(0, signs);
        federation.admit(account(0), false);
        leave(0); // exits by itself this time, so the allow-list is enough
        signs = signer(FRESH + 1);
        vm.prank(account(0));
        federation.register(signs, 0, 0, proof);
    }

    /// @dev In each round a seat belongs to one node, however often nodes leave and join.
    function testFuzz_SeatsAreNotShared(uint256 seed) public {
        for (uint256 step; step < 40; ++step) {
            uint256 noise = uint256(keccak256(abi.encode(seed, step)));
            uint256 i = noise % NODES;
            bool present = federation.node(uint16(i + 1)).activeUntil == type(uint32).max;
            if (noise >> 128 & 3 == 0) pass(WINDOW);
            try this.turn(noise >> 64) {} catch {}
            if (present) noise >> 32 & 1 == 0 ? leave(i) : rotate(i, FRESH + step);
            else enter(i, signer(FRESH + step));
            uint256 seats;
            for (uint16 id = 1; id <= NODES; ++id) {
                IRegistry.Node memory node = federation.node(id);
                if (node.activeUntil != type(uint32).max) continue;
                require(seats >> node.seat & 1 == 0, "a seat is taken twice");
                seats |= uint256(1) << node.seat;
                eq(federation.seated(node.seat), id, "seated");
                eq(federation.activeSigner(node.signer, roundId() + 1), id, "speaks");
            }
            uint256 count;
            for (uint256 left = seats; left != 0; left &= left - 1) {
                ++count;
            }
            eq(federation.activeCount(), count, "active");
        }
        conserved();
    }

    /// @dev Open a round, or cancel it because it has too few updates.
    function turn(uint256 noise) external {
        if (noise & 1 == 0) federation.openRound(federation.stateRoot());
        else federation.advance(roundId());
    }
}
