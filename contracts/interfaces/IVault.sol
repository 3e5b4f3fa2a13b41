// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title Escrow of a federation
/// @notice Holds rewards and stakes and pays out by one Merkle root over cumulative totals.
/// Always: earned + reserved + free == deposited - withdrawn, and the token balance is at least
/// free + reserved + earned - claimed + staked + owed + forfeited.
interface IVault {
    /// @notice `amount` arrived as free escrow.
    event Deposited(address indexed from, uint256 amount);

    /// @notice The sponsor took free escrow back.
    event Withdrawn(address indexed to, uint256 amount);

    /// @notice `amount` of the free escrow was reserved for a round.
    event Reserved(uint256 amount);

    /// @notice `amount` of the reserved escrow is free again.
    event Released(uint256 amount);

    /// @notice A round was settled: `earned` can be claimed under `ledgerRoot`.
    event Settled(bytes32 ledgerRoot, uint256 earned, uint256 released);

    /// @notice Node `id` earned `amount` for a merge, outside the ledger.
    event Credited(uint16 indexed id, uint256 amount);

    /// @notice Node `id`, owned by `account`, added `amount` to its stake.
    event Staked(uint16 indexed id, address indexed account, uint256 amount);

    /// @notice Node `id` left; its stake can be withdrawn from `until` on (seconds since 1970).
    event Unbonding(uint16 indexed id, uint64 until);

    /// @notice The stake of node `id` was paid back to its account.
    event StakeWithdrawn(uint16 indexed id, address indexed account, uint256 amount);

    /// @notice `amount` of the stake of node `id` was taken; `reward` of it is owed to `reporter`,
    /// the rest is forfeited. Without a reporter there is no reward.
    event Slashed(uint16 indexed id, uint96 amount, address indexed reporter, uint96 reward);

    /// @notice A reporter was paid everything that it was owed.
    event Collected(address indexed reporter, uint256 amount);

    /// @notice Forfeited stakes became free escrow, as if deposited.
    event Recycled(uint256 amount);

    /// @notice Node `id` was paid `amount`; of its ledger total, `total` is now claimed.
    event Claimed(uint16 indexed id, address indexed account, uint256 amount, uint256 total);

    /// @notice The sender is not the federation.
    error NotFederation(address sender);

    /// @notice The token called back into the vault during a transfer.
    error Reentered();

    /// @notice The sender is not the administrator of the federation.
    error NotSponsor(address sender);

    /// @notice Less than `needed` is free.
    error InsufficientFree(uint256 free, uint256 needed);

    /// @notice The sum of all deposits would exceed the ledger's 96 bits.
    error DepositTooLarge(uint256 amount);

    /// @notice The token delivered another amount than the stake.
    error WrongStake(uint256 expected, uint256 received);

    /// @notice (id, total) is not a leaf of the ledger.
    error WrongProof(uint16 id, uint256 total);

    /// @notice Everything is already claimed, or no stake is left.
    error NothingToClaim(uint16 id);

    /// @notice The stake is locked until `until` (2^64 - 1 if the node has not left), and for as
    /// long as the live round needs it.
    error StakeLocked(uint16 id, uint64 until);

    /// @notice Nothing is owed to `reporter`; if that is zero, nothing is forfeited.
    error NothingOwed(address reporter);

    /// @notice Add free escrow; the amount that arrives is counted, after any fee of the token.
    function deposit(uint256 amount) external;

    /// @notice Take free escrow back. Only the administrator of the federation.
    function withdraw(uint256 amount) external;

    /// @notice Pay node `id` what it earned and has not claimed. Anyone can call this.
    /// @param total The node's cumulative total in the ledger.
    /// @param proof Path of the leaf (id, total); the total is 0 for a node that only earned a
    /// bonus.
    function claim(uint16 id, uint256 total, bytes32[] calldata proof) external;

    /// @notice Pay the stake of a node that left to its account. Anyone can call this.
    function withdrawStake(uint16 id) external;

    /// @notice Pay a reporter of offences what it is owed. Anyone can call this.
    function collect(address reporter) external;

    /// @notice Turn forfeited stakes into free escrow. Anyone can call this.
    function recycle() external;

    /// @notice Reserve free escrow for a round. Only the federation.
    function reserve(uint96 amount) external;

    /// @notice Return reserved escrow to the free escrow. Only the federation.
    function release(uint96 amount) external;

    /// @notice Move reserved escrow to earned and free, under a new ledger. Only the federation.
    function settle(bytes32 ledgerRoot, uint96 earned, uint96 released) external;

    /// @notice Move reserved escrow to the earnings of node `id`, outside the ledger. Only the
    /// federation.
    function credit(uint16 id, uint96 amount) external;

    /// @notice Open the account of a node, or reopen it, and fill its stake up to `stake`. Ends
    /// unbonding. Only the federation.
    function pullStake(uint16 id, address account, uint96 stake) external;

    /// @notice Start the unbonding time of a stake. Only the federation.
    function unbond(uint16 id) external;

    /// @notice Take up to `amount` of a stake. Only the federation.
    /// @param reporter Account that proved the offence and is owed half of what is taken; zero if
    /// the federation itself detected it.
    /// @return taken Token units taken.
    /// @return left Token units of stake that remain.
    function slash(uint16 id, uint96 amount, address reporter)
        external
        returns (uint96 taken, uint96 left);

    /// @notice The token of escrow, stakes and pay.
    function token() external view returns (IERC20);

    /// @notice The federation that this vault serves.
    function federation() external view returns (address);

    /// @notice Escrow that is neither reserved nor earned.
    function free() external view returns (uint256);

    /// @notice Escrow reserved for the live round.
    function reserved() external view returns (uint256);

    /// @notice Escrow ever earned, claimed or not.
    function earned() external view returns (uint256);

    /// @notice Everything ever deposited as escrow.
    function deposited() external view returns (uint256);

    /// @notice Everything ever withdrawn by the sponsor.
    function withdrawn() external view returns (uint256);

    /// @notice Everything ever paid to nodes.
    function claimedTotal() external view returns (uint256);

    /// @notice All stakes held.
    function staked() external view returns (uint256);

    /// @notice Seconds from leaving until a stake can be withdrawn.
    function unbonding() external view returns (uint32);

    /// @notice Tokens taken from stakes that are owed to no reporter.
    function forfeited() external view returns (uint256);

    /// @notice Reward that `reporter` can collect.
    function owed(address reporter) external view returns (uint256);

    /// @notice All rewards not yet collected.
    function owedTotal() external view returns (uint256);

    /// @notice Root of the ledger of cumulative totals.
    function ledgerRoot() external view returns (bytes32);

    /// @notice Account that node `id` is paid to; zero if unknown.
    function accountOf(uint16 id) external view returns (address);

    /// @notice Part of its ledger total that node `id` has claimed.
    function claimed(uint16 id) external view returns (uint256);

    /// @notice Pay of node `id` for merges, outside the ledger and not yet claimed.
    function bonus(uint16 id) external view returns (uint256);

    /// @notice Stake held for node `id`.
    function stakeOf(uint16 id) external view returns (uint256);

    /// @notice When the stake of node `id` can be withdrawn; 2^64 - 1 if it has not left.
    function unbondedAt(uint16 id) external view returns (uint64);
}
