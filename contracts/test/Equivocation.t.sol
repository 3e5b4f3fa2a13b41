// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Disputes} from "../Disputes.sol";
import {Federation} from "../Federation.sol";
import {Vault} from "../Vault.sol";
import {IDisputes} from "../interfaces/IDisputes.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {SlashFixture} from "./SlashFixture.sol";

/// @dev Two updates that one key signed for one round.
contract EquivocationTest is SlashFixture {
    uint256 private constant NODES = 6;
    address private constant WATCHER = address(0xCAFE);

    function setUp() public {
        found(3, NODES);
    }

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
        isSlash(found_[0], 1, IRounds.Offence.Equivocation, 9000);
        require(found_[0].reporter == WATCHER, "reporter");
        eq(vault.owed(WATCHER), 4500, "half");
        eq(federation.node(1).activeUntil, 2, "active until the next round");
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
        refuse(equivocate(1, 0, 99, [bytes32("a"), "b"]), refusal); // by the key of no node
        refuse(equivocate(0, 0, 0, [bytes32("a"), "b"]), refusal); // before it took part
        bytes memory call = equivocate(1, 0, 0, [bytes32("a"), "b"]);
        call[call.length - 40] ^= 0x01; // second signature
        refuse(call, refusal);
        leave(0);
        refuse(equivocate(1, 0, 0, [bytes32("a"), "b"]), refusal); // after it left
    }

    /// @dev An old key that leaks cannot incriminate its node in later rounds.
    function test_AnOldKeyIncriminatesForItsRoundsOnly() public {
        open();
        address signs = signer(100);
        vm.prank(account(0));
        federation.rotate(signs, 0, 0);
        bytes memory refusal = abi.encodeWithSelector(IDisputes.NotEquivocal.selector);
        refuse(equivocate(2, 0, 0, [bytes32("a"), "b"]), refusal);
        refuse(equivocate(1, 0, 100, [bytes32("a"), "b"]), refusal);
        (bool done,) = address(disputes).call(equivocate(1, 0, 0, [bytes32("a"), "b"]));
        require(done, "the old key's signature in round 1 counts");
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
        require(done, "a node that came back can still be punished");
        eq(vault.stakeOf(1), 1000, "slashed");
    }

    /// @dev A stake can be slashed during unbonding, until it is withdrawn.
    function test_NobodyRunsAwayWithTheStake() public {
        open();
        leave(0);
        pass(UNBONDING);
        (bool done,) = address(disputes).call(equivocate(1, 0, 0, [bytes32("a"), "b"]));
        require(done, "proven");
        eq(vault.unbondedAt(1), time, "unbonding starts when it first leaves");
        federation.advance(1);
        vault.withdrawStake(1);
        eq(token.balanceOf(account(0)), 1000, "the rest of the stake is returned");
        conserved();
    }

    /// @dev A federation without stakes works; there is nothing to take.
    function test_AFederationWithoutStakes() public {
        IRounds.Terms memory terms = agreed(3);
        terms.stake = 0;
        federation = deploy(terms, token);
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
