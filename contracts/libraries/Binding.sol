// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";

/// @title What each part of a federation was made for, as one hash
/// @notice A part keeps this hash of its kind and its constructor's arguments, and the federation
/// compares it with its own. That shows a mistake. It does not show foreign code, which can answer
/// whatever it likes: the audit compares the code that created each part with the shipped one.
library Binding {
    function vault(address federation, address token, uint32 unbonding)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("Vault", federation, token, unbonding));
    }

    function disputes(address federation, uint8 mergeRule, uint16 mergeParameter)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("Disputes", federation, mergeRule, mergeParameter));
    }

    function settler(address federation, IRounds.Terms memory agreed)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("Settler", federation, agreed));
    }

    /// @param parts The others; that of the steps themselves does not count.
    function steps(address federation, IRounds.Terms memory agreed, IRounds.Parts memory parts)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode("Steps", federation, agreed, parts.vault, parts.disputes, parts.settler)
        );
    }
}
