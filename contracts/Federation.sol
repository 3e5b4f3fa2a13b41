// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Administered} from "./Administered.sol";
import {Charter} from "./Charter.sol";
import {Merging} from "./Merging.sol";
import {Settler} from "./Settler.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {Bits} from "./libraries/Bits.sol";
import {Draw} from "./libraries/Draw.sol";
import {Member} from "./libraries/Members.sol";
import {Packed} from "./libraries/Packed.sol";
import {Header, Rounds, Stage} from "./libraries/Rounds.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title Federation: one round of fine-tuning after the other
/// @notice The contract checks who, when and in what order; arithmetic and proofs are elsewhere.
/// Commitments and verdicts live in hashes that the next round overwrites; events carry the rest.
contract Federation is Merging, Pausable {
    using Bits for uint256;
    using Packed for bytes;
    using Packed for bytes32;
    using Rounds for Rounds.State;
    using Rounds for uint256;
    using Signatures for bytes32;
    using Signatures for bytes32[8];

    /// @notice Role that opens rounds.
    bytes32 public constant COORDINATOR = keccak256("COORDINATOR");

    /// @notice Role that stops the opening of rounds.
    bytes32 public constant PAUSER = keccak256("PAUSER");

    uint256 private constant COMMIT_BYTES = 116; // address, digest, r, vs

    /// @param agreed What the members agreed on.
    /// @param token Token of rewards and stakes.
    /// @param admin Sponsor: holds all roles until it grants them to others.
    constructor(Terms memory agreed, IERC20 token, address admin)
        Charter(agreed)
        Merging(token, agreed.unbonding)
        Administered(admin)
    {
        stateRoot = agreed.genesis;
        _grantRole(COUNCIL, admin);
        _grantRole(COORDINATOR, admin);
        _grantRole(PAUSER, admin);
    }

    /// @inheritdoc IFederation
    function openRound(bytes32 base) external onlyRole(COORDINATOR) whenNotPaused {
        Header header = _round.header;
        (Phase current,,) = _status(header);
        // INVARIANT: one round is live at a time.
        require(!header.live(), WrongPhase(current));
        // INVARIANT: every round starts from the last final state.
        require(base == stateRoot, WrongBase(stateRoot));
        uint256 members = _registered;
        uint256 needed = MIN_UPDATES > COMMITTEE ? MIN_UPDATES : COMMITTEE;
        // INVARIANT: a round that opens can be drawn and settled.
        require(members.count() >= needed, TooFewNodes(members.count(), needed));

        header = _round.open(members, block.timestamp + COMMIT_WINDOW);
        emit RoundOpened(header.id(), base, members, header.deadline());
        vault.reserve(REWARD);
    }

    /// @inheritdoc IFederation
    function commitUpdate(uint64 roundId, bytes32 digest) external {
        Header header = _duringCommit(roundId);
        Member member = _signers[msg.sender];
        // INVARIANT: only nodes of this round commit.
        require(member.activeIn(roundId), NotActive(msg.sender));
        (uint256 seat, uint16 id) = (1 << member.seat(), member.id());
        uint256 missing = _round.missingIn(header);
        // INVARIANT: one commitment per node and round.
        require(missing & seat != 0, AlreadyCommitted(id));

        _round.accumulator = _round.accumulator.chain(id, digest);
        emit UpdateCommitted(roundId, id, digest);
        _setMissing(header, missing ^ seat);
    }

    /// @inheritdoc IFederation
    function commitUpdates(uint64 roundId, bytes calldata items) external {
        Header header = _duringCommit(roundId);
        uint256 count = _items(items, COMMIT_BYTES);
        uint256 missing = _round.missingIn(header);
        bytes memory taken = Packed.list(count * Settlement.UPDATE_BYTES);
        bytes32[8] memory template =
            Signatures.template(Signatures.domainOf(address(this)), roundId, stateRoot);
        unchecked {
            uint256 item = items.position();
            for (uint256 end = item + items.length; item != end; item += COMMIT_BYTES) {
                missing = _take(taken, template, missing, item);
            }
        }
        if (taken.length == 0) return;

        _round.accumulator = _round.accumulator.chainMemory(taken);
        emit UpdatesCommitted(roundId, taken);
        _setMissing(header, missing);
    }

    /// @inheritdoc IFederation
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

    /// @inheritdoc IFederation
    function commitVerdict(uint64 roundId, uint8 slot, bytes32 seal) external {
        Header header = _during(roundId, Phase.Score);
        // INVARIANT: only the drawn committee votes, each in its slot.
        require(_isMember(slot, _signers[msg.sender], roundId), NotMember(slot));
        // INVARIANT: a vote cannot be changed.
        require(!uint256(header.sealedSlots()).has(slot), AlreadySealed(slot));

        header = header.seal(slot);
        // All are in: scoring ends now, and with it the wait.
        if (uint256(header.sealedSlots()).count() == COMMITTEE) {
            header = header.enter(Stage.Score, block.timestamp);
        }
        _round.header = header;
        _round.verdicts[slot] = seal;
        emit VerdictCommitted(roundId, slot, seal);
    }

    /// @inheritdoc IFederation
    function revealVerdict(uint64 roundId, uint8 slot, bytes calldata scores, bytes32 salt)
        external
    {
        Header header = _during(roundId, Phase.Reveal);
        Member member = _signers[msg.sender];
        // INVARIANT: only the drawn committee votes, each in its slot.
        require(_isMember(slot, member, roundId), NotMember(slot));
        uint256 closed = header.sealedSlots() & ~header.revealedSlots();
        // INVARIANT: a sealed verdict is opened once.
        require(closed.has(slot), NothingSealed(slot));
        // INVARIANT: a verdict has one score per update.
        require(scores.length == 4 * uint256(header.updates()), BadLength(scores.length));
        bytes32 seal = keccak256(
            abi.encode(block.chainid, address(this), roundId, member.account(), scores, salt)
        );
        // INVARIANT: votes were fixed before any was known, and cannot be copied.
        require(seal == _round.verdicts[slot], WrongOpening(slot));

        _round.header = header.reveal(slot);
        _round.verdicts[slot] = keccak256(scores);
        emit VerdictRevealed(roundId, slot, scores);
    }

    /// @inheritdoc IFederation
    function settle(
        uint64 roundId,
        bytes calldata updates,
        bytes[] calldata scores,
        uint96[] calldata ledger
    ) external {
        Header header = _during(roundId, Phase.Settle);
        // INVARIANT: what is settled is what was committed, in that order.
        require(_chained(header, updates) == _round.accumulator, WrongUpdates());
        _checkScores(header, scores);
        // INVARIANT: the ledger knows registered nodes only.
        require(ledger.length <= nodeCount(), WrongLedger());
        Settler.Case memory case_ =
            Settler.Case(_round.committee, header.revealedSlots(), nodeCount());
        Settler.Result memory result = SETTLER.settle(case_, updates, scores, Packed.words(ledger));
        // INVARIANT: the new ledger is the old one plus this round.
        require(result.before == vault.ledgerRoot(), WrongLedger());

        _round.header = result.merges
            ? header.enter(Stage.Merge, block.timestamp + MERGE_WINDOW)
            : header.enter(Stage.Final, 0);
        _book(roundId, result);
        _slashUnrevealed(header);
        for (uint256 i; i < result.invalid.length; i += Settlement.ID_BYTES) {
            _slash(roundId, result.invalid.idAt(i), Offence.Invalid, address(0));
        }
        if (!result.merges) emit RoundFinalised(roundId, stateRoot);
    }

    /// @inheritdoc IFederation
    function pause() external onlyRole(PAUSER) {
        _pause();
    }

    /// @inheritdoc IFederation
    function unpause() external onlyRole(PAUSER) {
        _unpause();
    }

    // Steps ------------------------------------------------------------------------------------

    /// @dev Take in the item at this calldata position, or say in an event why not.
    /// @param taken Packed (uint16 id, bytes32 digest); grows by the item.
    /// @param template What the batch has in common when it is signed.
    /// @param missing Bitmap of the seats whose update is not in.
    /// @return Bitmap of those whose update is not in now.
    function _take(bytes memory taken, bytes32[8] memory template, uint256 missing, uint256 item)
        private
        returns (uint256)
    {
        unchecked {
            address account = address(bytes20(Packed.load(item)));
            bytes32 digest = Packed.load(item + 20);
            bytes32 hash = template.updateHash(account, digest);
            address signer = hash.recover(Packed.load(item + 52), Packed.load(item + 84));
            Member member = _signers[signer];
            uint256 round = uint256(template[1]);
            uint256 seat = 1 << member.seat();
            if (missing & seat == 0 || !member.activeIn(round) || member.account() != account) {
                SkipReason reason = _reason(member, account, round);
                emit CommitSkipped(uint64(round), account, reason);
                return missing;
            }
            taken.pushUpdate(member.id(), digest);
            return missing ^ seat;
        }
    }

    /// @dev Why an item was left out: the first of the checks that fails.
    function _reason(Member member, address account, uint256 roundId)
        private
        pure
        returns (SkipReason)
    {
        if (!member.ownedBy(account)) return SkipReason.BadSignature;
        return member.activeIn(roundId) ? SkipReason.AlreadyCommitted : SkipReason.NotActive;
    }

    function _setMissing(Header header, uint256 missing) private {
        // All are in. The draw takes its seed from a later block, unknown to the last committer.
        if (missing == 0) header = header.enter(Stage.Commit, block.timestamp + 1);
        _round.setMissing(header, missing);
    }

    function _draw(Header header) private {
        uint256 members = _round.members;
        bytes32 seed = keccak256(abi.encode(block.prevrandao, address(this), uint64(header.id())));
        uint256[] memory seats = Draw.committee(seed, members, COMMITTEE);
        uint256 committee_;
        for (uint256 slot; slot < seats.length; ++slot) {
            committee_ |= uint256(_nodeAt(seats[slot])) << (slot << 4);
        }
        uint16 aggregator = _nodeAt(Draw.aggregator(members, header.id()));

        uint256 end = block.timestamp + SCORE_WINDOW;
        uint256 count = _committed(header).count();
        _round.header = _round.close(header).enter(Stage.Score, end).draw(count, aggregator);
        _round.committee = committee_;
        emit CommitteeDrawn(header.id(), seed, _unpack(committee_), aggregator, uint64(end));
    }

    function _cancel(Header header, Phase reached) private {
        if (reached == Phase.Commit) header = _round.close(header);
        _round.header = header.enter(Stage.Cancelled, 0);
        emit RoundCancelled(header.id(), reached);
        vault.release(REWARD);
        if (reached == Phase.Reveal) _slashUnrevealed(header);
    }

    /// @dev Move the money of a settled round and publish all that claims and auditors need.
    function _book(uint64 roundId, Settler.Result memory result) private {
        uint96 kept = result.merges ? AGGREGATOR_POOL : 0;
        uint96 released = REWARD - result.earned - kept;
        _round.outcome = result.accepted;
        emit RoundSettled(
            roundId,
            result.root,
            result.accepted,
            result.earned,
            released,
            result.results,
            result.fees,
            result.totals
        );
        vault.settle(result.root, result.earned, released);
    }

    /// @dev Slash all who sealed a vote and did not open it.
    function _slashUnrevealed(Header header) private {
        uint256 silent = header.sealedSlots() & ~header.revealedSlots();
        for (uint256 slot; slot < COMMITTEE; ++slot) {
            if (!silent.has(slot)) continue;
            _slash(header.id(), _round.committee.member(slot), Offence.Unrevealed, address(0));
        }
    }

    // Checks -----------------------------------------------------------------------------------

    /// @dev What the accumulator is if exactly `updates` were committed.
    function _chained(Header header, bytes calldata updates) private pure returns (bytes32) {
        uint256 length = header.updates() * Settlement.UPDATE_BYTES;
        // INVARIANT: as many updates are settled as were committed.
        require(updates.length == length, WrongUpdates());
        return bytes32(uint256(header.id())).chainCalldata(updates);
    }

    /// @dev Refuses scores that are not those that were revealed.
    function _checkScores(Header header, bytes[] calldata scores) private view {
        // INVARIANT: every slot is accounted for, revealed or not.
        require(scores.length == COMMITTEE, WrongScores(COMMITTEE));
        uint256 revealed = header.revealedSlots();
        for (uint256 slot; slot < scores.length; ++slot) {
            bytes calldata given = scores[slot];
            // INVARIANT: votes count as they were revealed, the others not at all.
            require(
                revealed.has(slot) ? keccak256(given) == _round.verdicts[slot] : given.length == 0,
                WrongScores(slot)
            );
        }
    }
}
