// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Core} from "./Core.sol";
import {Part} from "./Part.sol";
import {Settler} from "./Settler.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {ISteps} from "./interfaces/ISteps.sol";
import {Binding} from "./libraries/Binding.sol";
import {Bits} from "./libraries/Bits.sol";
import {Draw} from "./libraries/Draw.sol";
import {Member} from "./libraries/Members.sol";
import {Packed} from "./libraries/Packed.sol";
import {Header, Rounds, Stage} from "./libraries/Rounds.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title The steps of a round that happen once: draw, settlement and merge, and the penalties
/// @notice The federation runs this code on its own storage (docs/decisions/0014). A call to this
/// contract's own address finds no round and reverts.
/// A merge is final only if a quorum attested it and no one disproved it in time. Neither silence
/// nor a quorum is enough (docs/decisions/0009).
contract Steps is Core, Part, ISteps {
    using Bits for uint256;
    using Packed for bytes;
    using Packed for bytes32;
    using Rounds for Rounds.State;
    using Rounds for uint256;

    uint256 private constant MAX_PROPOSALS = 4;

    modifier onlyDisputes() {
        // INVARIANT: only the judge of disputes decides what is proven.
        require(msg.sender == address(DISPUTES), NotDisputes(msg.sender));
        _;
    }

    /// @param federation The federation that runs this code.
    /// @param agreed What its members agreed on.
    /// @param parts Its other parts; `steps` is not read.
    constructor(address federation, Terms memory agreed, Parts memory parts)
        Core(agreed, parts)
        Part(federation, Binding.steps(federation, agreed, parts))
    {}

    /// @inheritdoc ISteps
    function advance(uint64 roundId) external {
        Header header = _newest(roundId);
        (Phase current, bool due,) = _status(header);
        if (due) {
            _cancel(header, current);
        } else if (current == Phase.Draw) {
            _draw(header);
        } else if (current == Phase.Merge && _past(header, CHALLENGE_WINDOW)) {
            _end(header);
        } else if (current == Phase.Proposed && _past(header, 0)) {
            _conclude(header);
        } else {
            revert NothingDue(current);
        }
    }

    /// @inheritdoc ISteps
    function settle(
        uint64 roundId,
        bytes calldata updates,
        bytes[] calldata scores,
        uint96[] calldata ledger
    ) external {
        Header header = _during(roundId, Phase.Settle);
        // INVARIANT: exactly the committed updates are settled, in commit order.
        require(_chained(header, updates) == _round.accumulator, WrongUpdates());
        _checkScores(header, scores);
        // INVARIANT: the ledger has entries of registered nodes only.
        require(ledger.length <= _nodeCount, WrongLedger());
        Settler.Case memory case_ =
            Settler.Case(_round.committee, header.revealedSlots(), _nodeCount);
        Settler.Result memory result =
            _ask(abi.encodeCall(Settler.settle, (case_, updates, scores, Packed.words(ledger))));
        // INVARIANT: the new ledger is the stored one plus this round's pay.
        require(result.before == VAULT.ledgerRoot(), WrongLedger());

        _round.header = result.merges
            ? header.enter(Stage.Merge, block.timestamp + MERGE_WINDOW)
            : header.enter(Stage.Final, 0);
        _book(roundId, result);
        _slashUnrevealed(header);
        for (uint256 i; i < result.invalid.length; i += Settlement.ID_BYTES) {
            _slash(roundId, result.invalid.idAt(i), Offence.Invalid, address(0));
        }
        if (!result.merges) emit RoundFinalised(roundId, _stateRoot);
    }

    /// @inheritdoc ISteps
    function disprove(uint64 roundId, address challenger) external onlyDisputes {
        Header header = _during(roundId, Phase.Proposed);
        uint16 proposer = header.proposer();
        _slash(roundId, proposer, Offence.Merge, challenger);
        uint256 attested = header.attestedSlots();
        for (uint256 slot; slot < COMMITTEE; ++slot) {
            uint16 id = _round.committee.member(slot);
            if (!attested.has(slot) || id == proposer) continue;
            _slash(roundId, id, Offence.Attestation, challenger);
        }
        _reject(header, challenger);
    }

    /// @inheritdoc ISteps
    function punish(uint64 roundId, uint16 id, Offence offence, address reporter)
        external
        onlyDisputes
    {
        _slash(roundId, id, offence, reporter);
    }

    // Steps ------------------------------------------------------------------------------------

    /// @dev Draw committee and aggregator, and start scoring.
    function _draw(Header header) private {
        uint256 members = _round.members;
        bytes32 seed = keccak256(abi.encode(block.prevrandao, address(this), uint64(header.id())));
        uint256[] memory seats = Draw.committee(seed, members, COMMITTEE);
        uint256 committee_;
        for (uint256 slot; slot < seats.length; ++slot) {
            committee_ |= uint256(_seated[seats[slot]]) << (slot << 4);
        }
        uint16 aggregator = _seated[Draw.aggregator(members, header.id())];

        uint256 end = block.timestamp + SCORE_WINDOW;
        uint256 count = _committed(header).count();
        _round.header = _round.close(header).enter(Stage.Score, end).draw(count, aggregator);
        _round.committee = committee_;
        emit CommitteeDrawn(header.id(), seed, _unpack(committee_), aggregator, uint64(end));
    }

    /// @dev End the round without a result and return its reward.
    function _cancel(Header header, Phase reached) private {
        if (reached == Phase.Commit) header = _round.close(header);
        _round.header = header.enter(Stage.Cancelled, 0);
        emit RoundCancelled(header.id(), reached);
        VAULT.release(REWARD);
        if (reached == Phase.Reveal) _slashUnrevealed(header);
    }

    /// @dev The settler's answer to `question`, used in place: a struct in memory differs from its
    /// ABI encoding only in its two lists, which memory names by absolute position and the encoding
    /// by offset. Decoding would copy them, for more gas than everything else here.
    function _ask(bytes memory question) private view returns (Settler.Result memory result) {
        address settler = address(SETTLER);
        assembly ("memory-safe") {
            let size := mload(question)
            let done := staticcall(gas(), settler, add(question, 0x20), size, 0, 0)
            let answer := mload(0x40)
            returndatacopy(answer, 0, returndatasize())
            if iszero(done) { revert(answer, returndatasize()) }
            mstore(0x40, add(answer, returndatasize())) // an encoding has whole words
            result := add(answer, 0x20)
            // Fields 6 and 7, `invalid` and `log`, are the lists.
            for { let at := add(result, 0xc0) } lt(at, add(result, 0x100)) { at := add(at, 0x20) } {
                mstore(at, add(result, mload(at)))
            }
        }
    }

    /// @dev Move the money of a settled round and log everything that claims and audits need.
    function _book(uint64 roundId, Settler.Result memory result) private {
        _round.outcome = result.accepted;
        bytes32 topic = RoundSettled.selector;
        bytes memory data = result.log;
        assembly ("memory-safe") {
            log2(add(data, 0x20), mload(data), topic, roundId)
        }
        VAULT.settle(result.root, result.earned, result.released);
    }

    /// @dev Slash all validators that sealed a vote and did not open it.
    function _slashUnrevealed(Header header) private {
        uint256 silent = header.sealedSlots() & ~header.revealedSlots();
        for (uint256 slot; slot < COMMITTEE; ++slot) {
            if (!silent.has(slot)) continue;
            _slash(header.id(), _round.committee.member(slot), Offence.Unrevealed, address(0));
        }
    }

    /// @dev Finalise an attested proposal whose deadline is over; reject one without a quorum.
    function _conclude(Header header) internal {
        _attested(header) ? _finalise(header) : _reject(header, address(0));
    }

    /// @dev Reject the proposal; after the fourth the round ends on the state that it began with.
    function _reject(Header header, address challenger) private {
        emit MergeRejected(header.id(), header.proposer(), _round.proposal, challenger);
        header = header.reject();
        if (header.rejected() == MAX_PROPOSALS) return _end(header);
        _round.header = header.enter(Stage.Merge, block.timestamp);
    }

    /// @dev End the round without a merge, on the state that it began with.
    function _end(Header header) internal {
        _round.header = header.enter(Stage.Final, 0);
        emit RoundFinalised(header.id(), _stateRoot);
        if (AGGREGATOR_POOL != 0) VAULT.release(AGGREGATOR_POOL);
    }

    /// @dev Make the proposed state the current one and pay its proposer.
    function _finalise(Header header) private {
        bytes32 root = _round.proposal;
        _round.header = header.enter(Stage.Final, 0);
        _stateRoot = root;
        emit RoundFinalised(header.id(), root);
        if (AGGREGATOR_POOL != 0) VAULT.credit(header.proposer(), AGGREGATOR_POOL);
    }

    /// @dev Take the penalty, or the whole stake if that is less. A node that keeps less than half
    /// of the required stake leaves.
    function _slash(uint64 roundId, uint16 id, Offence offence, address reporter) internal {
        (uint96 taken, uint96 left) = VAULT.slash(id, _penalty(offence), reporter);
        if (taken == 0) return;
        emit NodeSlashed(roundId, id, offence, taken, reporter);
        Member member = _member(id);
        // INVARIANT: every active node has something to lose.
        if (2 * uint256(left) < STAKE && member.stays()) _leave(id, member, IRegistry.LeaveReason.Slashed);
    }

    // Checks -----------------------------------------------------------------------------------

    /// @dev The accumulator that results if exactly `updates` were committed.
    function _chained(Header header, bytes calldata updates) private pure returns (bytes32) {
        uint256 length = header.updates() * Settlement.UPDATE_BYTES;
        // INVARIANT: the list has as many updates as were committed.
        require(updates.length == length, WrongUpdates());
        return bytes32(uint256(header.id())).chainCalldata(updates);
    }

    /// @dev Reverts unless the scores are those that were revealed.
    function _checkScores(Header header, bytes[] calldata scores) private view {
        // INVARIANT: there is one entry per slot, revealed or not.
        require(scores.length == COMMITTEE, WrongScores(COMMITTEE));
        uint256 revealed = header.revealedSlots();
        for (uint256 slot; slot < scores.length; ++slot) {
            bytes calldata given = scores[slot];
            // INVARIANT: only revealed votes count, unchanged.
            require(
                revealed.has(slot) ? keccak256(given) == _round.verdicts[slot] : given.length == 0,
                WrongScores(slot)
            );
        }
    }

    /// @dev Whether at least `seconds_` have passed since the deadline of the stage.
    function _past(Header header, uint256 seconds_) internal view returns (bool) {
        return block.timestamp >= header.deadline() + seconds_;
    }
}
