// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Charter} from "./Charter.sol";
import {Settler} from "./Settler.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {IRounds} from "./interfaces/IRounds.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Bits} from "./libraries/Bits.sol";
import {Member} from "./libraries/Members.sol";
import {Header, Rounds, Stage} from "./libraries/Rounds.sol";

/// @title Terms, storage and phases that the federation and its steps share
/// @notice Both inherit this contract first, so that its storage has the same slots in both.
/// Immutables hold the terms that a round needs: every call reads some of them, and they never
/// change.
abstract contract Core is IRounds {
    using Bits for uint256;
    using Rounds for Rounds.State;
    using Rounds for uint256;

    /// @notice The newest keys of a node; see `IRegistry.Node`.
    struct Keys {
        address signer;
        bytes32 encryptionKey;
        bytes32 transportKey;
    }

    uint256 private constant WHOLE = 10_000; // basis points

    uint96 internal immutable REWARD;
    uint96 internal immutable STAKE;
    uint96 internal immutable AGGREGATOR_POOL; // the part of the reward that the merge earns
    uint8 internal immutable COMMITTEE;
    uint8 internal immutable QUORUM;
    uint16 internal immutable MIN_UPDATES;
    uint32 internal immutable COMMIT_WINDOW;
    uint32 internal immutable SCORE_WINDOW;
    uint32 internal immutable REVEAL_WINDOW;
    uint32 internal immutable MERGE_WINDOW;
    uint32 internal immutable CHALLENGE_WINDOW;
    uint32 internal immutable DISPUTE_WINDOW;
    uint256 private immutable PENALTIES; // by offence, 16 bits each
    IVault internal immutable VAULT;
    IDisputes internal immutable DISPUTES;
    Settler internal immutable SETTLER;

    // From here on the order is part of the storage layout: the steps run on these slots.
    Rounds.State internal _round;
    bytes32 internal _stateRoot;

    mapping(address signer => Member) internal _signers;
    mapping(uint16 id => Keys) internal _keys;
    mapping(uint256 seat => uint16 id) internal _seated;

    /// @dev Bitmap of the seats of the nodes that have not left.
    uint256 internal _registered;
    uint16 internal _nodeCount;

    /// @param agreed What the members agreed on; `Charter` checks it.
    /// @param parts The contracts that serve this federation.
    constructor(Terms memory agreed, Parts memory parts) {
        REWARD = agreed.reward;
        STAKE = agreed.stake;
        AGGREGATOR_POOL = uint96(uint256(agreed.reward) * agreed.aggregatorShare / WHOLE);
        COMMITTEE = agreed.committee;
        // Two thirds, rounded up.
        QUORUM = uint8((2 * uint256(agreed.committee) + 2) / 3);
        MIN_UPDATES = agreed.minUpdates;
        COMMIT_WINDOW = agreed.commitWindow;
        SCORE_WINDOW = agreed.scoreWindow;
        REVEAL_WINDOW = agreed.revealWindow;
        MERGE_WINDOW = agreed.mergeWindow;
        CHALLENGE_WINDOW = agreed.challengeWindow;
        DISPUTE_WINDOW = agreed.disputeWindow;
        uint16[5] memory penalties = Charter.penalties(agreed);
        uint256 packed;
        for (uint256 i; i < penalties.length; ++i) {
            packed |= uint256(penalties[i]) << (i << 4);
        }
        PENALTIES = packed;
        VAULT = IVault(parts.vault);
        DISPUTES = IDisputes(parts.disputes);
        SETTLER = Settler(parts.settler);
    }

    // Phases -----------------------------------------------------------------------------------

    /// @dev Header of the newest round; reverts unless that is round `roundId`.
    function _newest(uint64 roundId) internal view returns (Header header) {
        header = _round.header;
        // INVARIANT: a call that was meant for one round has no effect on another.
        require(header.id() == roundId && roundId != 0, WrongRound(header.id()));
    }

    /// @dev Header of the newest round; reverts unless that is round `roundId` in phase `expected`.
    function _during(uint64 roundId, Phase expected) internal view returns (Header header) {
        header = _newest(roundId);
        (Phase actual,,) = _status(header);
        // INVARIANT: each step happens in its phase.
        require(actual == expected, WrongPhase(actual));
    }

    /// @dev Phase, whether the round can only be cancelled, and the phase's end; `Rounds.status`.
    function _status(Header header) internal view returns (Phase, bool, uint256) {
        // Counted only after the commit window: a counter would cost each committer gas.
        bool over = header.stage() == Stage.Commit && block.timestamp >= header.deadline();
        uint256 committed = over ? _committed(header).count() : 0;
        return header.status(block.timestamp, committed, MIN_UPDATES, QUORUM, REVEAL_WINDOW);
    }

    /// @dev Bitmap of the seats whose update is committed.
    function _committed(Header header) internal view returns (uint256) {
        return _round.members & ~_round.missingIn(header);
    }

    /// @dev Whether this entry's signer acts for the validator in `slot` in this round.
    function _isMember(uint8 slot, Member member, uint64 roundId) internal view returns (bool) {
        return slot < COMMITTEE && member.activeIn(roundId)
            && _round.committee.member(slot) == member.id();
    }

    /// @dev Node ids of the packed committee, by slot.
    function _unpack(uint256 drawn) internal view returns (uint16[] memory ids) {
        ids = new uint16[](COMMITTEE);
        for (uint256 slot; slot < ids.length; ++slot) {
            ids[slot] = drawn.member(slot);
        }
    }

    /// @dev Whether a quorum of the committee has attested the proposal.
    function _attested(Header header) internal view returns (bool) {
        return uint256(header.attestedSlots()).count() >= QUORUM;
    }

    // Members ----------------------------------------------------------------------------------

    /// @dev The newest entry of node `id`; empty if there is no such node.
    function _member(uint16 id) internal view returns (Member) {
        return _signers[_keys[id].signer];
    }

    /// @dev Ends a membership after the live round; `member` is the newest entry of node `id`.
    function _leave(uint16 id, Member member, IRegistry.LeaveReason reason) internal {
        uint32 until = _round.header.id() + 1;
        _signers[_keys[id].signer] = member.ending(until);
        _registered &= ~(uint256(1) << member.seat());
        emit IRegistry.NodeLeft(id, until, reason);
        VAULT.unbond(id);
    }

    /// @dev Penalty for an offence in token units.
    function _penalty(Offence offence) internal view returns (uint96) {
        uint256 basisPoints = uint16(PENALTIES >> (uint256(offence) << 4));
        return uint96(STAKE * basisPoints / WHOLE);
    }
}
