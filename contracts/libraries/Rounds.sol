// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";
import {Bits} from "./Bits.sol";

/// @notice The last step that a round has taken; its phase depends on the time as well.
enum Stage {
    Idle,
    Commit,
    Score,
    Merge,
    Proposed,
    Final,
    Cancelled
}

/// @notice The newest round in one word. Widths in bits from the lowest: 32 id, 8 stage, 40
/// deadline of the stage (of Score: end of scoring, not of revealing). After the draw follow fields
/// of 16 bits: updates, aggregator, proposer, sealed slots, revealed slots, attested slots, and up
/// to four nodes whose proposals were rejected. Before the draw the same bits are: 1 wide, 175
/// missing, the bitmap of the seats whose update is missing. A round with a member beyond seat 174
/// is wide and keeps this bitmap in its own slot.
type Header is uint256;

using Rounds for Header global;

/// @title Storage of the newest round, and its phase as a pure function of storage and time
/// @notice One round is live at a time and the next reuses its slots, so that storage does not
/// grow with the number of rounds. A slot can hold content of an earlier round; it is read only
/// where the header says that the newest round wrote it.
library Rounds {
    using Bits for uint256;
    using Rounds for State;

    // Offsets of the header's fields in bits.
    uint256 private constant STAGE = 32;
    uint256 private constant DEADLINE = 40;
    uint256 private constant WIDE = 80;
    uint256 private constant MISSING = 81;
    uint256 private constant UPDATES = 80;
    uint256 private constant AGGREGATOR = 96;
    uint256 private constant PROPOSER = 112;
    uint256 private constant SEALED = 128;
    uint256 private constant REVEALED = 144;
    uint256 private constant ATTESTED = 160;
    uint256 private constant REJECTED = 176;

    /// @notice The newest round.
    /// @param accumulator Hash chain over the commitments.
    /// @param members Bitmap of the seats that take part.
    /// @param missing Bitmap of the seats whose update is missing; see `missingIn`.
    /// @param committee Node ids, 16 bits per slot, slot 0 lowest.
    /// @param outcome Hash over the accepted updates.
    /// @param proposal Proposed state root.
    /// @param verdicts By slot: the seal; after the reveal the hash of the scores.
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

    // Reads ------------------------------------------------------------------------------------

    /// @notice Number of the round; 0 before the first.
    function id(Header header) internal pure returns (uint32) {
        return uint32(Header.unwrap(header));
    }

    /// @notice The last step that the round has taken.
    function stage(Header header) internal pure returns (Stage) {
        return Stage(uint8(Header.unwrap(header) >> STAGE));
    }

    /// @notice When the stage ends (seconds since 1970).
    function deadline(Header header) internal pure returns (uint40) {
        return uint40(Header.unwrap(header) >> DEADLINE);
    }

    /// @notice Bitmap of the seats whose update is missing.
    function missingIn(State storage round, Header header) internal view returns (uint256) {
        bool inHeader = header.stage() == Stage.Commit && !header.wide();
        return inHeader ? Header.unwrap(header) >> MISSING : round.missing;
    }

    /// @notice Whether the round keeps `missing` in its own slot while it takes updates.
    function wide(Header header) internal pure returns (bool) {
        return Header.unwrap(header) & (1 << WIDE) != 0;
    }

    /// @notice The header after the draw, an empty one before: otherwise views would read the
    /// bitmap as the fields that later take its place.
    function afterDraw(Header header) internal pure returns (Header) {
        return header.stage() == Stage.Commit ? Header.wrap(0) : header;
    }

    /// @notice Number of updates. This and the following fields are valid only after the draw.
    function updates(Header header) internal pure returns (uint16) {
        return uint16(Header.unwrap(header) >> UPDATES);
    }

    /// @notice Node that proposes the merge.
    function aggregator(Header header) internal pure returns (uint16) {
        return uint16(Header.unwrap(header) >> AGGREGATOR);
    }

    /// @notice Node whose proposal is pending or final; 0 if none.
    function proposer(Header header) internal pure returns (uint16) {
        return uint16(Header.unwrap(header) >> PROPOSER);
    }

    /// @notice Bitmap of the slots with a verdict.
    function sealedSlots(Header header) internal pure returns (uint16) {
        return uint16(Header.unwrap(header) >> SEALED);
    }

    /// @notice Bitmap of the slots that opened their verdict.
    function revealedSlots(Header header) internal pure returns (uint16) {
        return uint16(Header.unwrap(header) >> REVEALED);
    }

    /// @notice Bitmap of the slots that attested the merge.
    function attestedSlots(Header header) internal pure returns (uint16) {
        return uint16(Header.unwrap(header) >> ATTESTED);
    }

    /// @notice Number of rejected proposals.
    function rejected(Header header) internal pure returns (uint8 total) {
        for (uint64 ids = _rejected(header); ids != 0; ids >>= 16) {
            ++total;
        }
    }

    /// @notice Whether a proposal of `node` was rejected.
    function barred(Header header, uint256 node) internal pure returns (bool) {
        for (uint64 ids = _rejected(header); ids != 0; ids >>= 16) {
            if (uint16(ids) == node) return true;
        }
        return false;
    }

    /// @notice Whether the round has not ended; also true if it can only be cancelled.
    function live(Header header) internal pure returns (bool) {
        return header.stage() > Stage.Idle && header.stage() < Stage.Final;
    }

    /// @notice Whether this is `round` and it accepts updates at `time`.
    function takes(Header header, uint64 round, uint256 time) internal pure returns (bool) {
        // Id and stage lie next to each other: one comparison covers both.
        uint256 committing = uint256(round) + (uint256(Stage.Commit) << STAGE);
        return uint40(Header.unwrap(header)) == committing && time < header.deadline();
    }

    /// @notice Whether settlement has been reached.
    function settled(Header header) internal pure returns (bool) {
        return header.stage() > Stage.Score && header.stage() < Stage.Cancelled;
    }

    /// @notice Id of the node in `slot` of the packed committee.
    function member(uint256 committee, uint256 slot) internal pure returns (uint16) {
        return uint16(committee >> (slot << 4));
    }

    // Changes: each returns the new header -----------------------------------------------------

    /// @notice Open the next round; it accepts updates of `members` until `end`.
    function open(State storage round, uint256 members, uint256 end) internal returns (Header) {
        uint256 last = Header.unwrap(round.header);
        uint256 isWide = members >> (256 - MISSING) == 0 ? 0 : 1;
        Header header = Header.wrap((uint256(uint32(last)) + 1) | (isWide << WIDE));
        header = header.enter(Stage.Commit, end);
        // The chain starts from the round's number, so that equal updates differ by round.
        round.accumulator = bytes32(uint256(header.id()));
        round.members = members;
        round.setMissing(header, members);
        return round.header;
    }

    /// @notice Store that only the updates of the seats in `left` are still missing.
    function setMissing(State storage round, Header header, uint256 left) internal {
        if (header.wide()) {
            round.missing = left;
        } else {
            uint256 rest = Header.unwrap(header) & ((1 << MISSING) - 1);
            header = Header.wrap(rest | (left << MISSING));
        }
        round.header = header;
    }

    /// @notice Stop accepting updates: move `missing` out of the header to make room for the fields
    /// after the draw.
    function close(State storage round, Header header) internal returns (Header) {
        if (!header.wide()) round.missing = round.missingIn(header);
        return Header.wrap(uint80(Header.unwrap(header)));
    }

    /// @notice The same round in another stage.
    function enter(Header header, Stage reached, uint256 end) internal pure returns (Header) {
        uint256 rest = Header.unwrap(header) & ~(uint256(type(uint48).max) << STAGE);
        return Header.wrap(rest | (uint256(reached) << STAGE) | (end << DEADLINE));
    }

    /// @notice Set the number of updates and the aggregator; both fields must be empty.
    function draw(Header header, uint256 count, uint256 node) internal pure returns (Header) {
        return Header.wrap(Header.unwrap(header) | (count << UPDATES) | (node << AGGREGATOR));
    }

    /// @notice Set the proposer; the field must be empty.
    function proposedBy(Header header, uint256 node) internal pure returns (Header) {
        return Header.wrap(Header.unwrap(header) | (node << PROPOSER));
    }

    /// @notice Mark that `slot` has sealed a verdict.
    function seal(Header header, uint256 slot) internal pure returns (Header) {
        return Header.wrap(Header.unwrap(header) | (1 << (SEALED + slot)));
    }

    /// @notice Mark that `slot` has opened its verdict.
    function reveal(Header header, uint256 slot) internal pure returns (Header) {
        return Header.wrap(Header.unwrap(header) | (1 << (REVEALED + slot)));
    }

    /// @notice Mark that `slot` has attested the merge.
    function attest(Header header, uint256 slot) internal pure returns (Header) {
        return Header.wrap(Header.unwrap(header) | (1 << (ATTESTED + slot)));
    }

    /// @notice Drop the proposal; its proposer is barred for the rest of the round.
    function reject(Header header) internal pure returns (Header) {
        uint256 ids = (uint256(_rejected(header)) << 16) | header.proposer();
        uint256 rest = Header.unwrap(header) & ((1 << REJECTED) - 1);
        rest &= ~((uint256(type(uint16).max) << PROPOSER) | (uint256(type(uint16).max) << ATTESTED));
        return Header.wrap(rest | (ids << REJECTED));
    }

    /// @dev Ids of the barred proposers, 16 bits each, the latest lowest.
    function _rejected(Header header) private pure returns (uint64) {
        return uint64(Header.unwrap(header) >> REJECTED);
    }

    // Phase ------------------------------------------------------------------------------------

    /// @notice Phase of a round at `time`.
    /// @param committed Number of committed updates; only read after the commit window.
    /// @param minUpdates Fewest updates with which the round continues.
    /// @param quorum Fewest verdicts with which it is settled.
    /// @param revealWindow Seconds from the end of scoring to the end of revealing.
    /// @return phase The phase of the round.
    /// @return cancellable Whether the round can only be cancelled.
    /// @return end When the phase ends, or ended if it is cancellable; 0 if nothing is awaited.
    function status(
        Header header,
        uint256 time,
        uint256 committed,
        uint256 minUpdates,
        uint256 quorum,
        uint256 revealWindow
    ) internal pure returns (IRounds.Phase phase, bool cancellable, uint256 end) {
        Stage reached = header.stage();
        end = header.deadline();
        if (reached == Stage.Commit) {
            bool over = time >= end;
            if (over && committed >= minUpdates) return (IRounds.Phase.Draw, false, 0);
            return (IRounds.Phase.Commit, over, end);
        }
        if (reached == Stage.Score) return _scoring(header, time, quorum, revealWindow);
        if (reached == Stage.Merge) return (IRounds.Phase.Merge, false, end);
        if (reached == Stage.Proposed) return (IRounds.Phase.Proposed, false, end);
        if (reached == Stage.Final) return (IRounds.Phase.Final, false, 0);
        if (reached == Stage.Cancelled) return (IRounds.Phase.Cancelled, false, 0);
        return (IRounds.Phase.Idle, false, 0);
    }

    /// @dev `status` in the stage Score, which covers the phases Score, Reveal and Settle.
    function _scoring(Header header, uint256 time, uint256 quorum, uint256 revealWindow)
        private
        pure
        returns (IRounds.Phase, bool, uint256)
    {
        uint256 end = header.deadline();
        if (time < end) return (IRounds.Phase.Score, false, end);
        uint256 given = header.sealedSlots();
        if (given.count() < quorum) return (IRounds.Phase.Score, true, end);
        uint256 opened = header.revealedSlots();
        if (opened == given) return (IRounds.Phase.Settle, false, 0);
        end += revealWindow;
        if (time < end) return (IRounds.Phase.Reveal, false, end);
        if (opened.count() < quorum) return (IRounds.Phase.Reveal, true, end);
        return (IRounds.Phase.Settle, false, 0);
    }
}
