// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Charter} from "./Charter.sol";
import {Registry} from "./Registry.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {Bits} from "./libraries/Bits.sol";
import {Member} from "./libraries/Members.sol";
import {Header, Rounds, Stage} from "./libraries/Rounds.sol";

/// @title The newest round: its storage, its phase and the guard on it
abstract contract Phases is Charter, Registry {
    using Bits for uint256;
    using Rounds for Rounds.State;
    using Rounds for uint256;

    Rounds.State internal _round;

    /// @inheritdoc IFederation
    bytes32 public stateRoot;

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
        return (stateRoot, _round.proposal, _round.outcome);
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

    /// @dev The newest round, if that is `roundId`.
    function _newest(uint64 roundId) internal view returns (Header header) {
        header = _round.header;
        // INVARIANT: nothing meant for one round counts for another.
        require(header.id() == roundId && roundId != 0, WrongRound(header.id()));
    }

    /// @dev The newest round, if that is `roundId` and in phase `expected`.
    function _during(uint64 roundId, Phase expected) internal view returns (Header header) {
        header = _newest(roundId);
        (Phase actual,,) = _status(header);
        // INVARIANT: each step happens in its phase.
        require(actual == expected, WrongPhase(actual));
    }

    /// @dev The same for the phase Commit, without working out the phase: each update pays for it.
    function _duringCommit(uint64 roundId) internal view returns (Header header) {
        header = _round.header;
        if (!header.takes(roundId, block.timestamp)) _during(roundId, Phase.Commit);
    }

    function _status(Header header) internal view returns (Phase, bool, uint256) {
        // Commitments are counted when committing is over, not each time that one comes in.
        bool over = header.stage() == Stage.Commit && block.timestamp >= header.deadline();
        uint256 committed = over ? _committed(header).count() : 0;
        return header.status(block.timestamp, committed, MIN_UPDATES, quorum, REVEAL_WINDOW);
    }

    /// @dev Bitmap of the seats whose update is in.
    function _committed(Header header) internal view returns (uint256) {
        return _round.members & ~_round.missingIn(header);
    }

    /// @dev Whether the signer of this entry speaks, in this round, for the validator in `slot`.
    function _isMember(uint8 slot, Member member, uint64 roundId) internal view returns (bool) {
        return slot < COMMITTEE && member.activeIn(roundId)
            && _round.committee.member(slot) == member.id();
    }

    function _unpack(uint256 drawn) internal view returns (uint16[] memory ids) {
        ids = new uint16[](COMMITTEE);
        for (uint256 slot; slot < ids.length; ++slot) {
            ids[slot] = drawn.member(slot);
        }
    }

    function _newestRound() internal view override returns (uint32) {
        return _round.header.id();
    }

    function _seatsInUse() internal view override returns (uint256) {
        return _round.header.live() ? _round.members : 0;
    }
}
