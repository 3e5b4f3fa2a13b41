// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Core} from "./Core.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Bits} from "./libraries/Bits.sol";
import {Header, Rounds} from "./libraries/Rounds.sol";

/// @title Read-only functions of a federation
abstract contract Views is IFederation, Core {
    using Bits for uint256;
    using Rounds for uint256;

    address private immutable STEPS;

    /// @param steps_ Contract whose code the federation runs for the steps of `ISteps`.
    constructor(address steps_) {
        STEPS = steps_;
    }

    /// @inheritdoc IFederation
    function terms() external view returns (Terms memory) {
        // The settler's answer is passed on undecoded: decoding and encoding it would take 1 kB of
        // code.
        (bool done, bytes memory agreed) = address(SETTLER).staticcall(msg.data);
        assembly ("memory-safe") {
            if iszero(done) { revert(0, 0) }
            return(add(agreed, 0x20), mload(agreed))
        }
    }

    /// @inheritdoc IFederation
    function vault() external view returns (IVault) {
        return VAULT;
    }

    /// @inheritdoc IFederation
    function disputes() external view returns (IDisputes) {
        return DISPUTES;
    }

    /// @inheritdoc IFederation
    function settler() external view returns (address) {
        return address(SETTLER);
    }

    /// @inheritdoc IFederation
    function steps() public view returns (address) {
        return STEPS;
    }

    /// @inheritdoc IFederation
    function quorum() external view returns (uint8) {
        return QUORUM;
    }

    /// @inheritdoc IFederation
    function stateRoot() external view returns (bytes32) {
        return _stateRoot;
    }

    /// @inheritdoc IFederation
    function round() external view returns (Round memory newest) {
        Header header = _round.header;
        uint256 end;
        (newest.phase, newest.cancellable, end) = _status(header);
        newest.id = header.id();
        newest.deadline = uint64(end);
        newest.members = _round.members;
        newest.committed = _committed(header);
        newest.updates = uint16(newest.committed.count());
        newest.accumulator = _round.accumulator;
        if (header.settled()) newest.outcome = _round.outcome;
        header = header.afterDraw();
        newest.aggregator = header.aggregator();
        newest.sealedSlots = header.sealedSlots();
        newest.revealedSlots = header.revealedSlots();
        newest.attestedSlots = header.attestedSlots();
        newest.proposer = header.proposer();
        if (newest.proposer != 0) newest.proposal = _round.proposal;
        newest.rejected = header.rejected();
    }

    /// @inheritdoc IFederation
    function proposal(uint64 roundId) external view returns (bytes32, bytes32, bytes32) {
        _during(roundId, Phase.Proposed);
        return (_stateRoot, _round.proposal, _round.outcome);
    }

    /// @inheritdoc IFederation
    function phase() external view returns (Phase current) {
        (current,,) = _status(_round.header);
    }

    /// @inheritdoc IFederation
    function cancellable() external view returns (bool due) {
        (, due,) = _status(_round.header);
    }

    /// @inheritdoc IFederation
    function committee() external view returns (uint16[] memory ids) {
        if (_round.header.afterDraw().aggregator() != 0) ids = _unpack(_round.committee);
    }

    /// @inheritdoc IFederation
    function verdict(uint8 slot) external view returns (bytes32) {
        uint256 given = _round.header.afterDraw().sealedSlots();
        return given.has(slot) ? _round.verdicts[slot] : bytes32(0);
    }
}
