// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title Roles under one administrator, who is replaced in two steps
/// @notice Names, events and errors are those of OpenZeppelin's AccessControlDefaultAdminRules,
/// of which this contract keeps the part that a federation needs. There is no delay, and there is
/// always an administrator: without one, free escrow could never be withdrawn.
abstract contract Administered is AccessControl {
    /// @notice The administrator: grants and revokes all other roles.
    address public defaultAdmin;

    address private _pending;
    uint48 private _since;

    /// @notice `newAdmin` may accept the administration from `acceptSchedule` on, which is now.
    event DefaultAdminTransferScheduled(address indexed newAdmin, uint48 acceptSchedule);

    /// @notice The appointment was withdrawn; no one can accept it.
    event DefaultAdminTransferCanceled();

    /// @notice The sender is not the appointed successor.
    error AccessControlInvalidDefaultAdmin(address defaultAdmin);

    /// @notice The administrator's role can only be transferred, in two steps.
    error AccessControlEnforcedDefaultAdminRules();

    /// @param admin The first administrator.
    constructor(address admin) {
        defaultAdmin = admin;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @notice First step: appoint a successor. Role: the administrator.
    function beginDefaultAdminTransfer(address newAdmin) external onlyRole(DEFAULT_ADMIN_ROLE) {
        (_pending, _since) = (newAdmin, uint48(block.timestamp));
        emit DefaultAdminTransferScheduled(newAdmin, _since);
    }

    /// @notice Withdraw the appointment. Role: the administrator.
    function cancelDefaultAdminTransfer() external onlyRole(DEFAULT_ADMIN_ROLE) {
        (_pending, _since) = (address(0), 0);
        emit DefaultAdminTransferCanceled();
    }

    /// @notice Second step, by the successor. Other roles stay with their holders.
    function acceptDefaultAdminTransfer() external {
        // INVARIANT: the successor has shown that it can send calls, so the role is never lost.
        require(msg.sender == _pending, AccessControlInvalidDefaultAdmin(msg.sender));
        _revokeRole(DEFAULT_ADMIN_ROLE, defaultAdmin);
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
        defaultAdmin = msg.sender;
        (_pending, _since) = (address(0), 0);
    }

    /// @notice The appointed successor, and the time of the appointment; zeros if there is none.
    function pendingDefaultAdmin() external view returns (address newAdmin, uint48 schedule) {
        return (_pending, _since);
    }

    /// @inheritdoc AccessControl
    function grantRole(bytes32 role, address account) public override {
        _refuseAdmin(role);
        super.grantRole(role, account);
    }

    /// @inheritdoc AccessControl
    function revokeRole(bytes32 role, address account) public override {
        _refuseAdmin(role);
        super.revokeRole(role, account);
    }

    /// @inheritdoc AccessControl
    function renounceRole(bytes32 role, address account) public override {
        _refuseAdmin(role);
        super.renounceRole(role, account);
    }

    function _refuseAdmin(bytes32 role) private pure {
        // INVARIANT: there is exactly one administrator at any time.
        require(role != DEFAULT_ADMIN_ROLE, AccessControlEnforcedDefaultAdminRules());
    }
}
