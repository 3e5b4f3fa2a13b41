// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Part} from "./Part.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Binding} from "./libraries/Binding.sol";
import {Ledger} from "./libraries/Ledger.sol";

/// @title Escrow of a federation
/// @notice Rewards move free -> reserved -> earned -> paid. Stakes are held separately. They return
/// to their nodes, or are slashed: half goes to the reporter who proved the offence, the rest to
/// the free escrow. One Merkle root over cumulative totals represents everything ever earned, so
/// one claim covers all rounds and none can be paid twice. No one can pause or redirect a claim.
contract Vault is IVault, Part {
    using SafeERC20 for IERC20;

    /// @notice Account of a node, and the part of its ledger total that it has claimed.
    struct Payee {
        address account;
        uint96 claimed;
    }

    /// @notice A node's stake, its pay for merges, and when its stake is unbonded (seconds since
    /// 1970).
    struct Extra {
        uint96 stake;
        uint96 bonus;
        uint64 unbondedAt; // 0: the node has not left
    }

    /// @inheritdoc IVault
    IERC20 public immutable token;

    /// @inheritdoc IVault
    address public immutable federation;

    /// @inheritdoc IVault
    uint32 public immutable unbonding;

    uint96 private _free;
    uint96 private _reserved;

    // The lock shares a slot that every claim writes anyway, so it costs almost no gas.
    uint96 private _earned;
    uint96 private _claimedTotal;
    bool private _entered;

    uint96 private _deposited;
    uint96 private _withdrawn;

    /// @inheritdoc IVault
    uint256 public staked;

    // Slashed stakes are not part of the escrow and its 96 bits, so that no slash can overflow.
    /// @inheritdoc IVault
    uint256 public forfeited;

    /// @inheritdoc IVault
    uint256 public owedTotal;

    /// @inheritdoc IVault
    mapping(address reporter => uint256) public owed;

    /// @inheritdoc IVault
    bytes32 public ledgerRoot;

    mapping(uint16 id => Payee) private _payees;
    mapping(uint16 id => Extra) private _extras;

    modifier nonReentrant() {
        // INVARIANT: a token cannot call back into the vault while it moves tokens.
        require(!_entered, Reentered());
        _entered = true;
        _;
        _entered = false;
    }

    modifier onlyFederation() {
        // INVARIANT: only the federation moves escrow, under the rules of its rounds.
        require(msg.sender == federation, NotFederation(msg.sender));
        _;
    }

    /// @param federation_ The federation that this vault serves.
    /// @param token_ Token of escrow, stakes and pay.
    /// @param unbonding_ Seconds from leaving until a stake can be withdrawn.
    constructor(address federation_, IERC20 token_, uint32 unbonding_)
        Part(federation_, Binding.vault(federation_, address(token_), unbonding_))
    {
        token = token_;
        federation = federation_;
        unbonding = unbonding_;
    }

    /// @inheritdoc IVault
    function deposit(uint256 amount) external nonReentrant {
        uint256 received = _pull(msg.sender, amount);
        _addFree(received);
        emit Deposited(msg.sender, received);
    }

    /// @inheritdoc IVault
    function withdraw(uint256 amount) external nonReentrant {
        // INVARIANT: only the administrator of the federation takes escrow back.
        require(IAccessControl(federation).hasRole(bytes32(0), msg.sender), NotSponsor(msg.sender));
        _takeFree(amount);
        _withdrawn += uint96(amount);
        emit Withdrawn(msg.sender, amount);
        token.safeTransfer(msg.sender, amount);
    }

    /// @inheritdoc IVault
    function claim(uint16 id, uint256 total, bytes32[] calldata proof) external nonReentrant {
        bytes32 leaf = Ledger.leaf(id, total);
        // INVARIANT: claimed <= earned, because the claimed total is in the ledger.
        require(MerkleProof.verifyCalldata(proof, ledgerRoot, leaf), WrongProof(id, total));
        Payee storage payee = _payees[id];
        (address account, uint256 amount) = (payee.account, total - payee.claimed);
        uint256 extra = _extras[id].bonus;
        if (extra != 0) {
            amount += extra;
            _extras[id].bonus = 0;
        }
        // INVARIANT: nothing is paid twice.
        require(amount != 0, NothingToClaim(id));
        payee.claimed = uint96(total);
        _claimedTotal += uint96(amount);
        emit Claimed(id, account, amount, total);
        token.safeTransfer(account, amount);
    }

    /// @inheritdoc IVault
    function withdrawStake(uint16 id) external nonReentrant {
        Extra storage extra = _extras[id];
        uint64 until = unbondedAt(id);
        // INVARIANT: a stake stays in the vault for as long as it can be slashed.
        require(
            block.timestamp >= until && !IRegistry(federation).needs(id), StakeLocked(id, until)
        );
        uint96 amount = extra.stake;
        // INVARIANT: no stake is paid twice.
        require(amount != 0, NothingToClaim(id));
        extra.stake = 0;
        staked -= amount;
        address account = _payees[id].account;
        emit StakeWithdrawn(id, account, amount);
        token.safeTransfer(account, amount);
    }

    /// @inheritdoc IVault
    function collect(address reporter) external nonReentrant {
        uint256 amount = owed[reporter];
        // INVARIANT: no reward is paid twice.
        require(amount != 0, NothingOwed(reporter));
        owed[reporter] = 0;
        owedTotal -= amount;
        emit Collected(reporter, amount);
        token.safeTransfer(reporter, amount);
    }

    /// @inheritdoc IVault
    function recycle() external {
        uint256 amount = forfeited;
        // INVARIANT: only what was taken from stakes becomes escrow.
        require(amount != 0, NothingOwed(address(0)));
        forfeited = 0;
        _addFree(amount);
        emit Recycled(amount);
    }

    /// @inheritdoc IVault
    function reserve(uint96 amount) external onlyFederation {
        _takeFree(amount);
        _reserved += amount;
        emit Reserved(amount);
    }

    /// @inheritdoc IVault
    function release(uint96 amount) external onlyFederation {
        _reserved -= amount;
        _free += amount;
        emit Released(amount);
    }

    /// @inheritdoc IVault
    function settle(bytes32 root, uint96 amount, uint96 released) external onlyFederation {
        _reserved -= amount + released;
        _free += released;
        _earned += amount;
        ledgerRoot = root;
        emit Settled(root, amount, released);
    }

    /// @inheritdoc IVault
    function credit(uint16 id, uint96 amount) external onlyFederation {
        _reserved -= amount;
        _earned += amount;
        _extras[id].bonus += amount;
        emit Credited(id, amount);
    }

    /// @inheritdoc IVault
    function pullStake(uint16 id, address account, uint96 stake)
        external
        onlyFederation
        nonReentrant
    {
        Extra storage extra = _extras[id];
        uint96 amount = stake - extra.stake;
        _payees[id].account = account;
        (extra.stake, extra.unbondedAt) = (stake, 0);
        staked += amount;
        emit Staked(id, account, amount);
        if (amount == 0) return;
        uint256 received = _pull(account, amount);
        // INVARIANT: a stake is held in full, or the node does not join.
        require(received == amount, WrongStake(amount, received));
    }

    /// @inheritdoc IVault
    function unbond(uint16 id) external onlyFederation {
        uint64 until = uint64(block.timestamp + unbonding);
        _extras[id].unbondedAt = until;
        emit Unbonding(id, until);
    }

    /// @inheritdoc IVault
    function slash(uint16 id, uint96 amount, address reporter)
        external
        onlyFederation
        returns (uint96 taken, uint96 left)
    {
        Extra storage extra = _extras[id];
        left = extra.stake;
        taken = amount < left ? amount : left;
        if (taken == 0) return (taken, left);
        left -= taken;
        extra.stake = left;
        staked -= taken;
        // At most half, so that a node that reports itself still loses the other half.
        uint96 reward = reporter == address(0) ? 0 : taken / 2;
        if (reward != 0) {
            owed[reporter] += reward;
            owedTotal += reward;
        }
        forfeited += taken - reward;
        emit Slashed(id, taken, reporter, reward);
    }

    /// @inheritdoc IVault
    function free() external view returns (uint256) {
        return _free;
    }

    /// @inheritdoc IVault
    function reserved() external view returns (uint256) {
        return _reserved;
    }

    /// @inheritdoc IVault
    function earned() external view returns (uint256) {
        return _earned;
    }

    /// @inheritdoc IVault
    function deposited() external view returns (uint256) {
        return _deposited;
    }

    /// @inheritdoc IVault
    function withdrawn() external view returns (uint256) {
        return _withdrawn;
    }

    /// @inheritdoc IVault
    function claimedTotal() external view returns (uint256) {
        return _claimedTotal;
    }

    /// @inheritdoc IVault
    function accountOf(uint16 id) external view returns (address) {
        return _payees[id].account;
    }

    /// @inheritdoc IVault
    function claimed(uint16 id) external view returns (uint256) {
        return _payees[id].claimed;
    }

    /// @inheritdoc IVault
    function bonus(uint16 id) external view returns (uint256) {
        return _extras[id].bonus;
    }

    /// @inheritdoc IVault
    function stakeOf(uint16 id) external view returns (uint256) {
        return _extras[id].stake;
    }

    /// @inheritdoc IVault
    function unbondedAt(uint16 id) public view returns (uint64) {
        uint64 until = _extras[id].unbondedAt;
        return until == 0 ? type(uint64).max : until;
    }

    /// @dev Add to the free escrow.
    function _addFree(uint256 amount) private {
        // INVARIANT: earned <= deposited < 2^96, so no total in the ledger can overflow.
        require(_deposited + amount <= type(uint96).max, DepositTooLarge(amount));
        _deposited += uint96(amount);
        _free += uint96(amount);
    }

    /// @dev Take from the free escrow.
    function _takeFree(uint256 amount) private {
        // INVARIANT: only free escrow is taken, never what is reserved or earned.
        require(amount <= _free, InsufficientFree(_free, amount));
        _free -= uint96(amount);
    }

    /// @dev Pull tokens and return how many arrived: some tokens take a fee from each transfer. The
    /// lock stops a token from calling back, so nothing else can arrive in between.
    function _pull(address from, uint256 amount) private returns (uint256) {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(from, address(this), amount);
        return token.balanceOf(address(this)) - before;
    }
}
