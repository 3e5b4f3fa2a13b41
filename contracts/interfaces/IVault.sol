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

    /// @notice `amount` of the free escrow is set aside for a round.
    event Reserved(uint256 amount);

    /// @notice `amount` set aside is free again.
    event Released(uint256 amount);

    /// @notice A round was settled: `earned` can be claimed under `ledgerRoot`.
    event Settled(bytes32 ledgerRoot, uint256 earned, uint256 released);

    /// @notice Node `id` earned `amount` for a merge, outside the ledger.
    event Credited(uint16 indexed id, uint256 amount);

    /// @notice Node `id`, owned by `account`, filled its stake up by `amount`.
    event Staked(uint16 indexed id, address indexed account, uint256 amount);

    /// @notice Node `id` left; its stake can be withdrawn from `until` on (seconds since 1970).
    event Unbonding(uint16 indexed id, uint64 until);

    /// @notice The stake of node `id` was paid back to its account.
    event StakeWithdrawn(uint16 indexed id, address indexed account, uint256 amount);

    /// @notice `amount` of the stake of node `id` was taken; `reward` of it is owed to `reporter`,
    /// the rest is forfeited. No reporter, no reward.
    event Slashed(uint16 indexed id, uint96 amount, address indexed reporter, uint96 reward);

    /// @notice A reporter was paid all that it was owed.
    event Collected(address indexed reporter, uint256 amount);

    /// @notice Forfeited stakes became free escrow, as if deposited.
    event Recycled(uint256 amount);

    /// @notice Node `id` was paid `amount`; `total` of the ledger is claimed now.
    event Claimed(uint16 indexed id, address indexed account, uint256 amount, uint256 total);

    /// @notice The sender is not the federation.
    error NotFederation(address sender);

    /// @notice The token called back into the vault while it moved tokens.
    error Reentered();

    /// @notice The sender does not administer the federation.
    error NotSponsor(address sender);

    /// @notice Less than what was asked for is free.
    error InsufficientFree(uint256 free, uint256 needed);

    /// @notice All deposits together would not fit the ledger's 96 bits.
    error DepositTooLarge(uint256 amount);

    /// @notice The token delivered another amount than the stake.
    error WrongStake(uint256 expected, uint256 received);

    /// @notice (id, total) is not a leaf of the ledger.
    error WrongProof(uint16 id, uint256 total);

    /// @notice Everything is claimed, or no stake is left.
    error NothingToClaim(uint16 id);

    /// @notice The stake answers for the node until `until` (2^64 - 1: it has not left), and for as
    /// long as the live round needs it.
    error StakeLocked(uint16 id, uint64 until);

    /// @notice Nothing is owed to `reporter`; zero: nothing is forfeited.
    error NothingOwed(address reporter);

    /// @notice Add free escrow; what really arrives is counted.
    function deposit(uint256 amount) external;

    /// @notice Take free escrow back. Only who administers the federation.
    function withdraw(uint256 amount) external;

    /// @notice Pay node `id` what it earned and has not claimed; anybody may call.
    /// @param total The node's cumulative total in the ledger.
    /// @param proof Path of the leaf (id, total); a node that earned a bonus only has total 0.
    function claim(uint16 id, uint256 total, bytes32[] calldata proof) external;

    /// @notice Pay the stake of a node that left to its account; anybody may call.
    function withdrawStake(uint16 id) external;

    /// @notice Pay a reporter of offences what it is owed; anybody may call.
    function collect(address reporter) external;

    /// @notice Turn forfeited stakes into free escrow; anybody may call.
    function recycle() external;

    /// @notice Set free escrow aside for a round. Only the federation.
    function reserve(uint96 amount) external;

    /// @notice Return what was set aside. Only the federation.
    function release(uint96 amount) external;

    /// @notice Move reserved escrow to earned and free, under a new ledger. Only the federation.
    function settle(bytes32 ledgerRoot, uint96 earned, uint96 released) external;

    /// @notice Move reserved escrow to what `id` has earned. Only the federation.
    function credit(uint16 id, uint96 amount) external;

    /// @notice Open the account of a node, or reopen it, and fill its stake up to `stake`. Ends
    /// unbonding. Only the federation.
    function pullStake(uint16 id, address account, uint96 stake) external;

    /// @notice Let the time run after which the stake can be withdrawn. Only the federation.
    function unbond(uint16 id) external;

    /// @notice Take up to `amount` of a stake. Only the federation.
    /// @param reporter Who proved the offence and is owed half; zero if the rules found it.
    /// @return taken What was there to take.
    /// @return left Stake still held.
    function slash(uint16 id, uint96 amount, address reporter)
        external
        returns (uint96 taken, uint96 left);

    /// @notice The token of escrow, stakes and pay.
    function token() external view returns (IERC20);

    /// @notice The federation that this vault serves.
    function federation() external view returns (address);

    /// @notice Escrow nobody has a claim to.
    function free() external view returns (uint256);

    /// @notice Escrow set aside for the live round.
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

    /// @notice Taken from stakes and owed to nobody.
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

    /// @notice Earned by node `id` outside the ledger and not yet paid.
    function bonus(uint16 id) external view returns (uint256);

    /// @notice Stake held for node `id`.
    function stakeOf(uint16 id) external view returns (uint256);

    /// @notice When the stake of node `id` can be withdrawn; 2^64 - 1 if it has not left.
    function unbondedAt(uint16 id) external view returns (uint64);
}
