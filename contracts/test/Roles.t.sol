// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {Administered} from "../Administered.sol";
import {IVault} from "../interfaces/IVault.sol";
import {Fixture} from "./Fixture.sol";

/// @dev The administrator, and what each role can do.
contract RolesTest is Fixture {
    uint256 private constant NODES = 6;

    function setUp() public {
        found(3, NODES);
    }

    function test_TheAdministratorChangesInTwoSteps() public {
        address next = address(0xADD);
        federation.beginDefaultAdminTransfer(next);
        require(federation.defaultAdmin() == address(this), "nothing has changed yet");
        (address pending,) = federation.pendingDefaultAdmin();
        require(pending == next, "pending");
        vm.expectRevert(
            abi.encodeWithSelector(
                Administered.AccessControlInvalidDefaultAdmin.selector, address(this)
            )
        );
        federation.acceptDefaultAdminTransfer();
        vm.prank(next);
        federation.acceptDefaultAdminTransfer();
        require(
            federation.defaultAdmin() == next && federation.hasRole(0, next),
            "the successor is the administrator"
        );
        require(!federation.hasRole(0, address(this)), "the predecessor is not");
        (pending,) = federation.pendingDefaultAdmin();
        require(pending == address(0), "no successor is pending");
        vm.expectRevert(abi.encodeWithSelector(IVault.NotSponsor.selector, address(this)));
        vault.withdraw(1);
        vm.prank(next);
        vault.withdraw(1);
    }

    function test_AStepTakenBackCannotBeAccepted() public {
        address next = address(0xADD);
        federation.beginDefaultAdminTransfer(next);
        federation.cancelDefaultAdminTransfer();
        vm.expectRevert(
            abi.encodeWithSelector(Administered.AccessControlInvalidDefaultAdmin.selector, next)
        );
        vm.prank(next);
        federation.acceptDefaultAdminTransfer();
        bytes memory stranger = abi.encodeWithSelector(
            IAccessControl.AccessControlUnauthorizedAccount.selector, next, bytes32(0)
        );
        vm.expectRevert(stranger);
        vm.prank(next);
        federation.beginDefaultAdminTransfer(next);
        vm.expectRevert(stranger);
        vm.prank(next);
        federation.cancelDefaultAdminTransfer();
    }

    function test_ThereIsOneAdministratorAlways() public {
        bytes memory refusal =
            abi.encodeWithSelector(Administered.AccessControlEnforcedDefaultAdminRules.selector);
        vm.expectRevert(refusal);
        federation.grantRole(0, address(1));
        vm.expectRevert(refusal);
        federation.revokeRole(0, address(this));
        vm.expectRevert(refusal);
        federation.renounceRole(0, address(this));
    }

    function test_RolesAreSeparate() public {
        (address council, address coordinator, address pauser) =
            (address(0xC0), address(0xC1), address(0xC2));
        bytes32[3] memory roles =
            [federation.COUNCIL(), federation.COORDINATOR(), federation.PAUSER()];
        address[3] memory holders = [council, coordinator, pauser];
        for (uint256 i; i < 3; ++i) {
            federation.grantRole(roles[i], holders[i]);
            if (i == 0) federation.revokeRole(roles[i], address(this));
            else federation.renounceRole(roles[i], address(this));
        }
        bytes[7] memory calls = [
            abi.encodeCall(federation.revoke, (6)),
            abi.encodeCall(federation.admit, (address(1), true)),
            abi.encodeCall(federation.setAllowList, (bytes32(0))),
            abi.encodeCall(federation.pause, ()),
            abi.encodeCall(federation.unpause, ()),
            abi.encodeCall(federation.openRound, (federation.stateRoot())),
            abi.encodeCall(federation.grantRole, (roles[0], address(2)))
        ];
        uint8[7] memory owners = [0, 0, 0, 2, 2, 1, 3];
        for (uint256 who; who < 4; ++who) {
            for (uint256 i; i < calls.length; ++i) {
                if (who < 3) vm.prank(holders[who]);
                (bool done,) = address(federation).call(calls[i]);
                require(done == (owners[i] == who), "each account has its own role only");
            }
        }
    }
}
