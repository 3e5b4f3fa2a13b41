// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";

/// @title Hashes that bind each part to its federation
/// @notice A part stores the hash of its kind and its constructor arguments, and the federation
/// compares it with the hash it expects. That detects mistakes. It does not detect foreign code,
/// which can return any hash: the audit compares the creation code of each part with the shipped
/// code.
library Binding {
    /// @notice Binding of a vault.
    function vault(address federation, address token, uint32 unbonding)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("Vault", federation, token, unbonding));
    }

    /// @notice Binding of a judge of disputes.
    function disputes(address federation, uint8 mergeRule, uint16 mergeParameter)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("Disputes", federation, mergeRule, mergeParameter));
    }

    /// @notice Binding of a settler.
    function settler(address federation, IRounds.Terms memory agreed)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("Settler", federation, agreed));
    }

    /// @notice Binding of the steps.
    /// @param parts The other parts; `steps` is not part of the hash.
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
