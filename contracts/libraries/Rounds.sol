// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IFederation} from "../interfaces/IFederation.sol";
import {Bits} from "./Bits.sol";

/// @title Storage of the newest round, and its phase as a pure function of it and of time
/// @notice One round is live at a time and the next reuses its slots, so that storage does not
/// grow with rounds. Slots with stale content of an earlier round are only read where the header
/// says that this round wrote them.
library Rounds {
    using Bits for uint256;

    /// @notice What has happened; which phase that is depends on the time as well.
    enum Stage {
        Idle,
        Commit,
        Score,
        Merge,
        Proposed,
        Final,
        Cancelled
    }

    /// @notice One storage slot.
    /// @param deadline End of the stage: of Score the end of scoring, not of revealing.
    /// @param updates Number of updates, set by the draw.
    struct Header {
        uint32 id;
        Stage stage;
        uint40 deadline;
        uint16 updates;
        uint16 aggregator;
        uint16 proposer;
        uint16 sealedSlots;
        uint16 revealedSlots;
        uint16 attestedSlots;
    }

    /// @notice The newest round.
    /// @param accumulator Hash chain over the commitments.
    /// @param members Bitmap of the seats that take part.
    /// @param missing Bitmap of those whose update is not in.
    /// @param committee Node ids, 16 bits per slot, slot 0 lowest.
    /// @param verdicts By slot: the seal, once revealed the hash of the scores.
    struct State {
        Header header;
        bytes32 accumulator;
        uint256 members;
        uint256 missing;
        uint256 committee;
        bytes32 outcome;
        bytes32 proposal;
        bytes32[15] verdicts;
    }

    /// @notice The terms that a phase depends on.
    struct Limits {
        uint256 minUpdates;
        uint256 quorum;
        uint256 revealWindow;
    }

    /// @notice Where a round stands.
    struct Status {
        IFederation.Phase phase;
        bool cancellable;
        uint256 deadline;
    }

    /// @notice Whether the round is under way, be it due for cancelling or not.
    function live(Header memory header) internal pure returns (bool) {
        return header.stage > Stage.Idle && header.stage < Stage.Final;
    }

    /// @notice Whether settlement has been reached.
    function settled(Header memory header) internal pure returns (bool) {
        return header.stage > Stage.Score && header.stage < Stage.Cancelled;
    }

    /// @notice Id of the node in `slot` of the packed committee.
    function member(uint256 committee, uint256 slot) internal pure returns (uint16) {
        return uint16(committee >> (slot << 4));
    }

    /// @notice Phase of a round at `time`.
    /// @param committed Number of updates that are in.
    function status(Header memory header, Limits memory limits, uint256 committed, uint256 time)
        internal
        pure
        returns (Status memory)
    {
        Stage stage = header.stage;
        if (stage == Stage.Commit) return _commit(header, limits, committed, time);
        if (stage == Stage.Score) return _score(header, limits, time);
        if (stage == Stage.Merge) {
            return Status(IFederation.Phase.Merge, false, header.deadline);
        }
        if (stage == Stage.Proposed) {
            return Status(IFederation.Phase.Proposed, false, header.deadline);
        }
        if (stage == Stage.Final) return Status(IFederation.Phase.Final, false, 0);
        if (stage == Stage.Cancelled) return Status(IFederation.Phase.Cancelled, false, 0);
        return Status(IFederation.Phase.Idle, false, 0);
    }

    function _commit(Header memory header, Limits memory limits, uint256 committed, uint256 time)
        private
        pure
        returns (Status memory)
    {
        bool over = time >= header.deadline;
        if (over && committed >= limits.minUpdates) {
            return Status(IFederation.Phase.Draw, false, 0);
        }
        return Status(IFederation.Phase.Commit, over, header.deadline);
    }

    function _score(Header memory header, Limits memory limits, uint256 time)
        private
        pure
        returns (Status memory)
    {
        if (time < header.deadline) {
            return Status(IFederation.Phase.Score, false, header.deadline);
        }
        if (uint256(header.sealedSlots).count() < limits.quorum) {
            return Status(IFederation.Phase.Score, true, header.deadline);
        }
        uint256 end = header.deadline + limits.revealWindow;
        bool over = time >= end;
        bool enough = uint256(header.revealedSlots).count() >= limits.quorum;
        if (header.revealedSlots == header.sealedSlots || (over && enough)) {
            return Status(IFederation.Phase.Settle, false, 0);
        }
        return Status(IFederation.Phase.Reveal, over, end);
    }
}
