// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";
import {Handler} from "./Handler.sol";
import {Test} from "./Vm.sol";

/// @dev Checks that must pass after any sequence of calls.
contract Checked is Handler {
    function checkMoney() external view {
        conserved();
        eq(paid, vault.claimedTotal(), "what was paid was claimed");
        IRounds.Phase now_ = federation.phase();
        bool between = now_ == IRounds.Phase.Idle || now_ >= IRounds.Phase.Final;
        bool merging = now_ == IRounds.Phase.Merge || now_ == IRounds.Phase.Proposed;
        uint256 held = between ? 0 : merging ? REWARD / 20 : REWARD;
        eq(vault.reserved(), held, "reserved");
    }

    /// @dev All totals in the ledger and all bonuses add up to what was earned.
    function checkLedger() external view {
        uint256 sum;
        for (uint256 i; i < totals.length; ++i) {
            sum += totals[i];
            le(vault.claimed(uint16(i + 1)), totals[i], "a node claims at most its total");
        }
        uint256 owed;
        for (uint256 i; i < totals.length; ++i) {
            owed += totals[i] - vault.claimed(uint16(i + 1)) + vault.bonus(uint16(i + 1));
        }
        eq(owed, vault.earned() - vault.claimedTotal(), "owed");
        le(sum, vault.earned(), "ledger");
    }

    /// @dev Stakes add up, none exceeds the required stake, and nodes with too little have left.
    function checkStakes() external view {
        uint256 sum;
        for (uint16 id = 1; id <= nodes; ++id) {
            uint256 stake = vault.stakeOf(id);
            sum += stake;
            le(stake, STAKE, "stake");
            bool stays = federation.node(id).activeUntil == type(uint32).max;
            require(!stays || 2 * stake >= STAKE, "an active node has at least half of its stake");
            require(stays == (vault.unbondedAt(id) == type(uint64).max), "unbonding once it left");
        }
        eq(sum, vault.staked(), "staked");
        eq(vault.owed(WATCHER), vault.owedTotal(), "only the reporter is owed");
    }

    /// @dev Without any cooperation, also while paused: all nodes leave, anyone ends the round by
    /// its deadlines, and all money is paid out.
    function closeDown() external {
        for (uint16 id = 1; id <= nodes; ++id) {
            if (federation.node(id).activeUntil == type(uint32).max) leave(id - 1);
        }
        for (uint256 steps; live(); ++steps) {
            le(steps, 12, "steps to the end of the round");
            if (federation.phase() == IRounds.Phase.Settle) settles();
            else try federation.advance(roundId()) {} catch {}
            pass(WINDOW);
        }
        pass(UNBONDING);
        for (uint16 id = 1; id <= nodes; ++id) {
            bool due = id <= totals.length && totals[id - 1] != vault.claimed(id);
            if (due || vault.bonus(id) != 0) claims(id);
            if (vault.stakeOf(id) != 0) vault.withdrawStake(id);
        }
        if (vault.owed(WATCHER) != 0) vault.collect(WATCHER);
        if (vault.forfeited() != 0) vault.recycle();
        vault.withdraw(vault.free());
        eq(vault.claimedTotal(), vault.earned(), "everything earned is claimed");
        eq(token.balanceOf(address(vault)), 0, "the vault is empty");
    }

    function live() private view returns (bool) {
        IRounds.Phase now_ = federation.phase();
        return now_ != IRounds.Phase.Idle && now_ < IRounds.Phase.Final;
    }
}

/// @dev Invariants of a federation under any sequence of calls.
contract InvariantTest is Test {
    struct Target {
        address addr;
        bytes4[] selectors;
    }

    Checked private handler;

    function setUp() public {
        handler = new Checked();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev Most calls are orderly steps; otherwise rounds would never get far.
    function targetSelectors() external view returns (Target[] memory targets) {
        targets = new Target[](1);
        targets[0].addr = address(handler);
        targets[0].selectors = new bytes4[](2);
        targets[0].selectors[0] = handler.plays.selector;
        targets[0].selectors[1] = handler.meddles.selector;
    }

    /// @dev One function for all invariants, so that each sequence is played only once.
    function invariant_NobodyIsCheated() external view {
        invariantsHold();
    }

    function invariantsHold() private view {
        handler.checkMoney();
        handler.checkLedger();
        handler.checkStakes();
        le(handler.mostCommitments(), 1, "commitments of a node in a round");
        eq(handler.backwards(), 0, "steps back");
        eq(handler.unjust(), 0, "right merges that were rejected, or wrong ones that were not");
    }

    /// @dev At the end of each sequence all nodes leave with their money.
    function afterInvariant() external {
        handler.closeDown();
    }

    /// @dev The invariants mean something only if the sequences reach every kind of event.
    function test_PlayReachesEverything() external {
        for (uint256 i; i < 600; ++i) {
            uint256 seed = uint256(keccak256(abi.encode(i)));
            if (i % 4 != 3) {
                try handler.plays(seed) {} catch {}
            } else {
                try handler.meddles(seed, seed >> 32, seed >> 64, seed >> 96) {} catch {}
            }
        }
        invariantsHold();
        le(5, handler.settled(), "rounds settled");
        le(5, handler.finals(), "rounds that ended after a settlement");
        le(2, handler.disproved(), "at least two merges were disproved");
        le(1, handler.returned(), "stakes returned");
        handler.closeDown();
        le(1, handler.paid(), "paid");
    }
}
