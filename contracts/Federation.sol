// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Charter} from "./Charter.sol";
import {Phases} from "./Phases.sol";
import {Vault} from "./Vault.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Bits} from "./libraries/Bits.sol";
import {Draw} from "./libraries/Draw.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Member} from "./libraries/Members.sol";
import {Packed} from "./libraries/Packed.sol";
import {Header, Rounds, Stage} from "./libraries/Rounds.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title Federation: one round of fine-tuning after the other
/// @notice The contract checks who, when and in what order; the arithmetic is in the libraries.
/// Commitments and verdicts live in hashes that the next round overwrites; events carry the rest.
contract Federation is Phases, EIP712, Pausable {
    using Bits for uint256;
    using Packed for bytes;
    using Packed for bytes32;
    using Rounds for Rounds.State;
    using Rounds for uint256;
    using Signatures for bytes32;
    using Signatures for bytes32[8];

    /// @dev One batch of relayed commitments while it is taken in.
    struct Batch {
        uint256 round;
        uint256 missing;
        bytes taken; // packed (uint16 id, bytes32 digest)
        bytes32[8] template;
    }

    /// @notice Role that opens rounds.
    bytes32 public constant COORDINATOR = keccak256("COORDINATOR");

    /// @notice Role that stops the opening of rounds.
    bytes32 public constant PAUSER = keccak256("PAUSER");

    uint256 private constant COMMIT_BYTES = 116; // address, digest, r, vs
    uint256 private constant ATTESTATION_BYTES = 65; // slot, r, vs

    /// @inheritdoc IFederation
    IVault public immutable vault;

    /// @param agreed What the members agreed on.
    /// @param token Token of rewards and stakes.
    /// @param admin Sponsor: holds all roles until it grants them to others.
    constructor(Terms memory agreed, IERC20 token, address admin)
        Charter(agreed)
        EIP712("Collegium", "1")
    {
        vault = new Vault(token);
        stateRoot = agreed.genesis;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
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
        Batch memory batch;
        batch.round = roundId;
        batch.missing = _round.missingIn(header);
        batch.taken = Packed.list(count * Settlement.UPDATE_BYTES);
        batch.template = Signatures.template(_domainSeparatorV4(), roundId, stateRoot);
        unchecked {
            uint256 item = items.position();
            for (; count != 0; --count) {
                _take(batch, item);
                item += COMMIT_BYTES;
            }
        }
        if (batch.taken.length == 0) return;

        _round.accumulator = _round.accumulator.chainMemory(batch.taken);
        emit UpdatesCommitted(roundId, batch.taken);
        _setMissing(header, batch.missing);
    }

    /// @inheritdoc IFederation
    function advance(uint64 roundId) external {
        Header header = _newest(roundId);
        (Phase current, bool due,) = _status(header);
        if (due) {
            _cancel(header, current);
        } else if (current == Phase.Draw) {
            _draw(header);
        } else if (current == Phase.Proposed && block.timestamp >= header.deadline()) {
            _finalise(header);
        } else {
            revert NothingDue(current);
        }
    }

    /// @inheritdoc IFederation
    function commitVerdict(uint64 roundId, uint8 slot, bytes32 seal) external {
        Header header = _during(roundId, Phase.Score);
        // INVARIANT: only the drawn committee votes, each in its slot.
        require(_isMember(slot, _signers[msg.sender].id()), NotMember(slot));
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
        require(_isMember(slot, member.id()), NotMember(slot));
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
        Settlement.Validator[] memory panel = _panel(header, scores);
        uint96[] memory totals = _previous(ledger);
        Settlement.Outcome memory outcome =
            Settlement.compute(_rules(), updates, panel, COMMITTEE, totals);

        bool merges = outcome.accepted.length != 0;
        _round.header = merges
            ? header.enter(Stage.Merge, block.timestamp + MERGE_WINDOW)
            : header.enter(Stage.Final, 0);
        _book(roundId, outcome, totals);
        if (!merges) emit RoundFinalised(roundId, stateRoot);
    }

    /// @inheritdoc IFederation
    function proposeMerge(uint64 roundId, bytes32 root) external {
        Header header = _during(roundId, Phase.Merge);
        Member member = _signers[msg.sender];
        // INVARIANT: only nodes of this round propose.
        require(member.activeIn(roundId), NotActive(msg.sender));
        bool late = block.timestamp >= header.deadline();
        // INVARIANT: until its deadline the merge is the aggregator's.
        require(late || member.id() == header.aggregator(), NotAggregator(header.aggregator()));

        uint256 end = block.timestamp + CHALLENGE_WINDOW;
        _round.header = header.enter(Stage.Proposed, end).proposedBy(member.id());
        _round.proposal = root;
        emit MergeProposed(roundId, member.id(), root, uint64(end));
    }

    /// @inheritdoc IFederation
    function attestMerge(uint64 roundId, bytes calldata signatures) external {
        Header header = _during(roundId, Phase.Proposed);
        uint256 count = _items(signatures, ATTESTATION_BYTES);
        bytes32 merge = keccak256(abi.encode(Signatures.MERGE_TYPEHASH, roundId, _round.proposal));
        bytes32 digest = _hashTypedDataV4(merge);
        for (uint256 i; i < count; ++i) {
            uint256 at = i * ATTESTATION_BYTES;
            uint8 slot = uint8(signatures[at]);
            address signer = digest.recover(signatures.word(at + 1), signatures.word(at + 33));
            // INVARIANT: only the committee attests, each for itself.
            require(_isMember(slot, _signers[signer].id()), BadSignature(slot));
            header = header.attest(slot);
        }
        _round.header = header;
        emit MergeAttested(roundId, header.attestedSlots());
        if (uint256(header.attestedSlots()).count() >= quorum) _finalise(header);
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
    function _take(Batch memory batch, uint256 item) private {
        unchecked {
            address account = address(bytes20(Packed.load(item)));
            bytes32 digest = Packed.load(item + 20);
            bytes32 hash = batch.template.updateHash(account, digest);
            address signer = hash.recover(Packed.load(item + 52), Packed.load(item + 84));
            Member member = _signers[signer];
            uint256 missing = batch.missing;
            uint256 seat = 1 << member.seat();
            // A missing seat was taken before the round opened, so `activeFrom` needs no look.
            if (
                missing & seat == 0 || batch.round >= member.activeUntil()
                    || member.account() != account
            ) {
                SkipReason reason = _reason(member, account, batch.round);
                emit CommitSkipped(uint64(batch.round), account, reason);
                return;
            }
            batch.missing = missing ^ seat;
            batch.taken.pushUpdate(member.id(), digest);
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
    }

    function _finalise(Header header) private {
        bytes32 root = _round.proposal;
        _round.header = header.enter(Stage.Final, 0);
        stateRoot = root;
        emit RoundFinalised(header.id(), root);
        uint96 pool = _aggregatorPool();
        if (pool != 0) vault.credit(header.proposer(), pool);
    }

    /// @dev Move the money of a settled round and publish all that claims and auditors need.
    function _book(uint64 roundId, Settlement.Outcome memory outcome, uint96[] memory totals)
        private
    {
        bytes32 accepted = keccak256(outcome.accepted);
        bytes32 root = Ledger.root(totals, totals.length);
        uint96 earned = uint96(outcome.earned);
        uint96 kept = outcome.accepted.length == 0 ? 0 : _aggregatorPool();
        uint96 released = REWARD - earned - kept;
        _round.outcome = accepted;
        emit RoundSettled(
            roundId, root, accepted, earned, released, outcome.results, outcome.fees, totals
        );
        vault.settle(root, earned, released);
    }

    function _onRegister(uint16 id, address account) internal override {
        vault.pullStake(id, account, STAKE);
    }

    // Checks -----------------------------------------------------------------------------------

    /// @dev Number of items of `width` bytes in `list`, at least one.
    function _items(bytes calldata list, uint256 width) private pure returns (uint256 count) {
        count = list.length / width;
        // INVARIANT: a packed list holds whole items, and says something.
        require(count != 0 && list.length % width == 0, BadLength(list.length));
    }

    /// @dev What the accumulator is if exactly `updates` were committed.
    function _chained(Header header, bytes calldata updates) private pure returns (bytes32) {
        uint256 length = header.updates() * Settlement.UPDATE_BYTES;
        // INVARIANT: as many updates are settled as were committed.
        require(updates.length == length, WrongUpdates());
        return bytes32(uint256(header.id())).chainCalldata(updates);
    }

    /// @dev The validators that revealed, with their scores as they revealed them.
    function _panel(Header header, bytes[] calldata scores)
        private
        view
        returns (Settlement.Validator[] memory panel)
    {
        // INVARIANT: every slot is accounted for, revealed or not.
        require(scores.length == COMMITTEE, WrongScores(COMMITTEE));
        uint256 revealed = header.revealedSlots();
        uint256 drawn = _round.committee;
        panel = new Settlement.Validator[](revealed.count());
        uint256 found;
        for (uint256 slot; slot < scores.length; ++slot) {
            bytes calldata given = scores[slot];
            bool opened = revealed.has(slot);
            // INVARIANT: votes count as they were revealed, the others not at all.
            require(
                opened ? keccak256(given) == _round.verdicts[slot] : given.length == 0,
                WrongScores(slot)
            );
            if (!opened) continue;
            Settlement.Validator memory validator = panel[found++];
            validator.id = drawn.member(slot);
            validator.slot = slot;
            validator.scores = given.position();
        }
    }

    /// @dev The previous totals, checked, with a place for each node that joined since.
    function _previous(uint96[] calldata ledger) private view returns (uint96[] memory totals) {
        // INVARIANT: the ledger knows registered nodes only.
        require(ledger.length <= nodeCount(), WrongLedger());
        totals = new uint96[](nodeCount());
        Packed.copy(ledger, totals);
        // INVARIANT: the new ledger is the old one plus this round.
        require(Ledger.root(totals, ledger.length) == vault.ledgerRoot(), WrongLedger());
    }
}
