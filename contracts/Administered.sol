// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title Roles under one administrator, who is replaced in two steps
/// @notice Names, events and errors are those of OpenZeppelin's AccessControlDefaultAdminRules,
/// of which this is the part that a federation needs: without delays, and never without an
/// administrator, because free escrow could not be withdrawn any more.
abstract contract Administered is AccessControl {
    /// @notice Who administers the roles.
    address public defaultAdmin;

    address private _pending;
    uint48 private _since;

    /// @notice `newAdmin` may accept the administration from `acceptSchedule` on: at once.
    event DefaultAdminTransferScheduled(address indexed newAdmin, uint48 acceptSchedule);

    /// @notice Nobody may accept it any more.
    event DefaultAdminTransferCanceled();

    /// @notice The sender is not who was appointed.
    error AccessControlInvalidDefaultAdmin(address defaultAdmin);

    /// @notice This role changes hands in two steps only.
    error AccessControlEnforcedDefaultAdminRules();

    constructor(address admin) {
        defaultAdmin = admin;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
    }

    /// @notice First step: appoint a successor. Role: the administrator.
    function beginDefaultAdminTransfer(address newAdmin) external onlyRole(DEFAULT_ADMIN_ROLE) {
        (_pending, _since) = (newAdmin, uint48(block.timestamp));
        emit DefaultAdminTransferScheduled(newAdmin, _since);
    }

    /// @notice Take the first step back. Role: the administrator.
    function cancelDefaultAdminTransfer() external onlyRole(DEFAULT_ADMIN_ROLE) {
        (_pending, _since) = (address(0), 0);
        emit DefaultAdminTransferCanceled();
    }

    /// @notice Second step, by the successor. Other roles stay where they are.
    function acceptDefaultAdminTransfer() external {
        // INVARIANT: only who can act under this role gets it.
        require(msg.sender == _pending, AccessControlInvalidDefaultAdmin(msg.sender));
        _revokeRole(DEFAULT_ADMIN_ROLE, defaultAdmin);
        _grantRole(DEFAULT_ADMIN_ROLE, msg.sender);
        defaultAdmin = msg.sender;
        (_pending, _since) = (address(0), 0);
    }

    /// @notice Who was appointed, and since when; zero if nobody is.
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
        // INVARIANT: there is one administrator, always.
        require(role != DEFAULT_ADMIN_ROLE, AccessControlEnforcedDefaultAdminRules());
    }
}
