// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "./IRounds.sol";

/// @title The steps of a round that happen once: draw, settlement and merge
/// @notice The federation answers these calls by running another contract's code on its own
/// storage.
interface ISteps {
    /// @notice Take the pending step: draw the committee, cancel the round, or finalise or reject
    /// the proposed merge. If no one proposes within `challengeWindow` after the merge deadline, or
    /// the fourth proposal is rejected, the round ends on the state that it began with.
    function advance(uint64 roundId) external;

    /// @notice Compute medians, weights and pay from what was committed and revealed.
    /// @param updates Packed (uint16 id, bytes32 digest) in commit order.
    /// @param scores Per committee slot; empty if not revealed.
    /// @param ledger Totals of the stored ledger, by id (index 0 is id 1).
    function settle(
        uint64 roundId,
        bytes calldata updates,
        bytes[] calldata scores,
        uint96[] calldata ledger
    ) external;

    /// @notice Reject the proposed merge as disproved, and slash the nodes that proposed and
    /// attested it. Only the contract that judges disputes can call this.
    function disprove(uint64 roundId, address challenger) external;

    /// @notice Slash node `id` for an offence in round `roundId`. Only the contract that judges
    /// disputes can call this.
    function punish(uint64 roundId, uint16 id, IRounds.Offence offence, address reporter) external;
}
