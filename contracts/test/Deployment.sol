// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Disputes} from "../Disputes.sol";
import {Federation} from "../Federation.sol";
import {Settler} from "../Settler.sol";
import {Steps} from "../Steps.sol";
import {Vault} from "../Vault.sol";
import {IFederation} from "../interfaces/IFederation.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Test} from "./Vm.sol";

/// @dev Creates federations as a sponsor does: first the parts, for the federation's later address.
abstract contract Deployment is Test {
    uint256 internal constant PARTS = 4;

    function deploy(IRounds.Terms memory terms, IERC20 token) internal returns (Federation) {
        IRounds.Parts memory parts = partsOf(after_(PARTS), terms, token);
        return new Federation(terms, token, address(this), parts);
    }

    /// @dev Parts for the federation at this address.
    function partsOf(address federation, IRounds.Terms memory terms, IERC20 token)
        internal
        returns (IRounds.Parts memory parts)
    {
        parts.vault = address(new Vault(federation, token, terms.unbonding));
        parts.disputes =
            address(new Disputes(IFederation(federation), terms.mergeRule, terms.mergeParameter));
        parts.settler = address(new Settler(federation, terms));
        parts.steps = address(new Steps(federation, terms, parts));
    }

    /// @dev Address of the contract that this one creates after `others` others.
    function after_(uint256 others) internal view returns (address) {
        return vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + others);
    }
}
