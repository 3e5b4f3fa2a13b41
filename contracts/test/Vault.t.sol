// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Vault} from "../Vault.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Ledger} from "../libraries/Ledger.sol";
import {FalseToken, FeeToken, ReentrantToken, SilentToken} from "./Tokens.sol";
import {Test} from "./Vm.sol";

/// @dev The vault alone, with misbehaving tokens. The test contract acts as the federation and its
/// sponsor.
contract VaultTest is Test {
    address private constant ALICE = address(0xA11CE);
    uint32 private constant UNBONDING = 500;

    bool private needed;

    function needs(uint16) external view returns (bool) {
        return needed;
    }

    function hasRole(bytes32, address who) external view returns (bool) {
        return who == address(this);
    }

    function vaultOf(address token) internal returns (Vault vault) {
        vault = new Vault(address(this), IERC20(token), UNBONDING);
        (bool ok,) = token.call(abi.encodeCall(IERC20.approve, (address(vault), 1e30)));
        require(ok || token.code.length != 0, "approve");
    }

    /// @dev Reserve and settle so that node 1 has earned `amount`.
    function earn(Vault vault, uint96 amount) internal {
        vault.pullStake(1, ALICE, 0);
        vault.reserve(amount);
        vault.settle(Ledger.leaf(1, amount), amount, 0);
    }

    function testFuzz_OfAFeeTokenOnlyWhatArrivesCounts(uint96 amount) public {
        Vault vault = vaultOf(address(new FeeToken()));
        vault.deposit(amount);
        eq(vault.free(), amount - amount / 100, "free");
        eq(vault.token().balanceOf(address(vault)), vault.free(), "balance");
    }

    function test_AFeeTokenIsNoStake() public {
        Vault vault = vaultOf(address(new FeeToken()));
        vm.expectRevert(abi.encodeWithSelector(IVault.WrongStake.selector, 1000, 990));
        vault.pullStake(1, address(this), 1000);
    }

    function test_AFalseTokenMovesNothing() public {
        FalseToken token = new FalseToken();
        Vault vault = vaultOf(address(token));
        bytes memory refusal =
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, token);
        vm.expectRevert(refusal);
        vault.deposit(5);
        vm.expectRevert(refusal);
        vault.pullStake(1, ALICE, 5);
        eq(vault.deposited() + vault.staked(), 0, "no deposit and no stake");
    }

    function test_ASilentTokenWorks() public {
        Vault vault = vaultOf(address(new SilentToken()));
        vault.deposit(100);
        earn(vault, 60);
        vault.claim(1, 60, new bytes32[](0));
        eq(vault.token().balanceOf(ALICE), 60, "paid");
        vault.withdraw(40);
        eq(vault.token().balanceOf(address(vault)), 0, "empty");
    }

    function test_ATokenThatCallsBackFindsTheVaultClosed() public {
        ReentrantToken token = new ReentrantToken();
        Vault vault = vaultOf(address(token));
        vault.deposit(1000);
        earn(vault, 100);
        bytes32[] memory none = new bytes32[](0);
        bytes[3] memory calls = [
            abi.encodeCall(vault.claim, (1, 100, none)),
            abi.encodeCall(vault.deposit, (1)),
            abi.encodeCall(vault.withdraw, (1))
        ];
        for (uint256 i; i < calls.length; ++i) {
            reenter(token, vault, calls[i], abi.encodeCall(vault.deposit, (10)));
            reenter(token, vault, calls[i], abi.encodeCall(vault.withdraw, (10)));
        }
        reenter(token, vault, calls[0], abi.encodeCall(vault.claim, (1, 100, none)));
        eq(token.balanceOf(ALICE), 100, "paid once");
        eq(token.balanceOf(address(vault)), vault.free(), "balance");
    }

    function reenter(ReentrantToken token, Vault vault, bytes memory inner, bytes memory outer)
        internal
    {
        token.arm(address(vault), inner);
        (bool ok,) = address(vault).call(outer);
        require(ok, "the outer call goes on");
        require(!token.done(), "the inner call was refused");
        same(bytes32(token.answer()), bytes32(IVault.Reentered.selector), "closed");
    }

    function testFuzz_ReservedAndEarnedAreOutOfTheSponsorsReach(uint96 amount, uint96 held) public {
        FeeToken token = new FeeToken();
        Vault vault = vaultOf(address(token));
        vault.deposit(amount);
        uint256 free = vault.free();
        held = uint96(bound(held, 0, free));
        vault.reserve(held);
        vm.expectRevert(
            abi.encodeWithSelector(IVault.InsufficientFree.selector, free - held, free + 1 - held)
        );
        vault.withdraw(free + 1 - held);
        vault.withdraw(free - held);
        eq(vault.reserved(), held, "reserved");
    }

    function test_OnlyTheFederationMovesEscrow() public {
        Vault vault = vaultOf(address(new SilentToken()));
        bytes[7] memory calls = [
            abi.encodeCall(vault.unbond, (1)),
            abi.encodeCall(vault.slash, (1, 1, ALICE)),
            abi.encodeCall(vault.reserve, (1)),
            abi.encodeCall(vault.release, (1)),
            abi.encodeCall(vault.settle, (0, 1, 1)),
            abi.encodeCall(vault.credit, (1, 1)),
            abi.encodeCall(vault.pullStake, (1, ALICE, 1))
        ];
        for (uint256 i; i < calls.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IVault.NotFederation.selector, ALICE));
            vm.prank(ALICE);
            (bool done,) = address(vault).call(calls[i]);
            require(done, "forge turns the expected refusal into success");
        }
        vm.expectRevert(abi.encodeWithSelector(IVault.NotSponsor.selector, ALICE));
        vm.prank(ALICE);
        vault.withdraw(0);
    }

    function test_DepositsFitTheLedger() public {
        Vault vault = vaultOf(address(new SilentToken()));
        vault.deposit(type(uint96).max);
        vm.expectRevert(abi.encodeWithSelector(IVault.DepositTooLarge.selector, 1));
        vault.deposit(1);
    }

    function testFuzz_ClaimsAreCumulative(uint96 first, uint96 second, uint96 extra) public {
        first = uint96(bound(first, 1, 1e27));
        second = uint96(bound(second, 1, 1e27));
        extra = uint96(bound(extra, 0, 1e27));
        Vault vault = vaultOf(address(new SilentToken()));
        vault.deposit(4e27);
        earn(vault, first);
        bytes32[] memory none = new bytes32[](0);
        vault.claim(1, first, none);
        vault.reserve(second + extra);
        vault.settle(Ledger.leaf(1, uint256(first) + second), second, 0);
        vault.credit(1, extra);
        vm.expectRevert(abi.encodeWithSelector(IVault.WrongProof.selector, 1, first));
        vault.claim(1, first, none);
        vault.claim(1, uint256(first) + second, none);
        eq(vault.token().balanceOf(ALICE), uint256(first) + second + extra, "paid in all");
        vm.expectRevert(abi.encodeWithSelector(IVault.NothingToClaim.selector, 1));
        vault.claim(1, uint256(first) + second, none);
    }

    // Stakes -----------------------------------------------------------------------------------

    /// @dev A vault with a well-behaved token and a stake of node 1, whose account is this test.
    function staked(uint96 amount) internal returns (Vault vault) {
        vault = vaultOf(address(new SilentToken()));
        vault.pullStake(1, address(this), amount);
    }

    function balanced(Vault vault, uint256 escrow) internal view {
        uint256 stakes = vault.staked() + vault.owedTotal() + vault.forfeited();
        eq(vault.token().balanceOf(address(vault)), escrow + stakes, "balance");
    }

    function testFuzz_WhatIsTakenIsThere(uint96 stake, uint96[5] memory amounts, bool[5] memory by)
        public
    {
        stake = uint96(bound(stake, 0, 1e28));
        Vault vault = staked(stake);
        uint256 owed;
        for (uint256 i; i < 5; ++i) {
            amounts[i] = uint96(bound(amounts[i], 0, uint256(stake) / 2 + 1));
            address reporter = by[i] ? ALICE : address(0);
            uint256 before = vault.stakeOf(1);
            (uint256 taken, uint256 left) = vault.slash(1, amounts[i], reporter);
            eq(
                taken,
                amounts[i] < before ? amounts[i] : before,
                "at most the remaining stake is taken"
            );
            eq(left, before - taken, "left");
            eq(vault.stakeOf(1), left, "stake");
            if (by[i]) owed += taken / 2;
            eq(vault.owed(ALICE), owed, "owed");
            eq(vault.staked() + vault.owedTotal() + vault.forfeited(), stake, "nothing is lost");
            balanced(vault, 0);
        }
    }

    function test_WhatIsOwedIsPaidOnce() public {
        Vault vault = staked(1001);
        vault.slash(1, 1001, ALICE);
        vault.collect(ALICE);
        eq(vault.token().balanceOf(ALICE), 500, "half, rounded down");
        vm.expectRevert(abi.encodeWithSelector(IVault.NothingOwed.selector, ALICE));
        vault.collect(ALICE);
        eq(vault.owedTotal(), 0, "nothing is owed");
        balanced(vault, 0);
        vault.recycle();
        eq(vault.free(), 501, "the rest is free escrow");
        eq(vault.deposited(), 501, "recycled tokens count as deposited");
        vm.expectRevert(abi.encodeWithSelector(IVault.NothingOwed.selector, address(0)));
        vault.recycle();
        balanced(vault, 501);
        vault.withdraw(501);
    }

    /// @dev Full escrow blocks only recycling, not slashing or anything else.
    function test_ForfeitedStakesWaitIfTheEscrowIsFull() public {
        Vault vault = staked(1000);
        vault.deposit(type(uint96).max);
        vault.slash(1, 1000, address(0));
        vm.expectRevert(abi.encodeWithSelector(IVault.DepositTooLarge.selector, 1000));
        vault.recycle();
        eq(vault.forfeited(), 1000, "forfeited tokens stay");
        balanced(vault, type(uint96).max);
    }

    function test_AStakeStaysWhileTheRoundNeedsIt() public {
        Vault vault = staked(1000);
        eq(vault.unbonding(), UNBONDING, "time");
        vm.expectRevert(abi.encodeWithSelector(IVault.StakeLocked.selector, 1, type(uint64).max));
        vault.withdrawStake(1);
        vault.unbond(1);
        uint256 until = block.timestamp + UNBONDING;
        bytes memory refusal = abi.encodeWithSelector(IVault.StakeLocked.selector, 1, until);
        vm.warp(until - 1);
        vm.expectRevert(refusal);
        vault.withdrawStake(1);
        vm.warp(until);
        needed = true;
        vm.expectRevert(refusal);
        vault.withdrawStake(1);
        needed = false;
        vault.withdrawStake(1);
        eq(vault.staked(), 0, "the whole stake is taken");
        vm.expectRevert(abi.encodeWithSelector(IVault.NothingToClaim.selector, 1));
        vault.withdrawStake(1);
        vault.pullStake(1, address(this), 600);
        eq(vault.stakeOf(1), 600, "the stake after it came back");
        vm.expectRevert(abi.encodeWithSelector(IVault.StakeLocked.selector, 1, type(uint64).max));
        vault.withdrawStake(1);
        balanced(vault, 0);
    }

    function test_OnlyWhatIsMissingIsPulled() public {
        Vault vault = staked(1000);
        vault.slash(1, 300, address(0));
        vault.pullStake(1, address(this), 1000);
        eq(vault.staked(), 1000, "the full stake");
        eq(vault.forfeited(), 300, "what was lost stays lost");
        balanced(vault, 0);
        vault.pullStake(1, address(this), 1000);
        balanced(vault, 0);
    }

    /// @dev With a token that calls back, stake and reward are still paid once.
    function test_ATokenThatCallsBackIsPaidOnce() public {
        ReentrantToken token = new ReentrantToken();
        Vault vault = vaultOf(address(token));
        vault.pullStake(1, address(this), 1000);
        vault.slash(1, 600, ALICE);
        vault.unbond(1);
        vm.warp(block.timestamp + UNBONDING);
        bytes memory stake = abi.encodeCall(vault.withdrawStake, (1));
        bytes memory reward = abi.encodeCall(vault.collect, (ALICE));
        uint256 before = token.balanceOf(address(this));
        reenter(token, vault, reward, stake);
        eq(token.balanceOf(address(this)), before + 400, "the stake, once");
        vault.pullStake(1, address(this), 1000);
        vault.unbond(1);
        vm.warp(block.timestamp + UNBONDING);
        reenter(token, vault, stake, reward);
        eq(token.balanceOf(ALICE), 300, "the reward, once");
        balanced(vault, 0);
    }

    /// @dev A token that fails to transfer blocks only payments.
    function test_AFalseTokenBlocksPaymentsOnly() public {
        FalseToken token = new FalseToken();
        Vault vault = vaultOf(address(token));
        vault.pullStake(1, ALICE, 0);
        vault.unbond(1);
        (uint256 taken,) = vault.slash(1, 5, ALICE);
        eq(taken, 0, "there is nothing to take");
        eq(vault.owed(ALICE) + vault.forfeited(), 0, "no reward and nothing forfeited");
    }
}
