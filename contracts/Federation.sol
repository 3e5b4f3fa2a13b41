// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Charter} from "./Charter.sol";
import {Registry} from "./Registry.sol";
import {Vault} from "./Vault.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Bits} from "./libraries/Bits.sol";
import {Draw} from "./libraries/Draw.sol";
import {Ledger} from "./libraries/Ledger.sol";
import {Packed} from "./libraries/Packed.sol";
import {Rounds} from "./libraries/Rounds.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title Federation: one round of fine-tuning after the other
/// @notice The contract checks who, when and in what order; the arithmetic is in the libraries.
/// Commitments and verdicts live in hashes that the next round overwrites; events carry the rest.
contract Federation is Charter, Registry, EIP712, Pausable {
    using Bits for uint256;
    using Packed for bytes;
    using Packed for bytes32;
    using Rounds for Rounds.Header;
    using Rounds for uint256;

    /// @notice Role that opens rounds.
    bytes32 public constant COORDINATOR = keccak256("COORDINATOR");

    /// @notice Role that stops the opening of rounds.
    bytes32 public constant PAUSER = keccak256("PAUSER");

    bytes32 private constant UPDATE_TYPEHASH =
        keccak256("Update(uint64 round,address node,bytes32 base,bytes32 digest)");
    bytes32 private constant MERGE_TYPEHASH = keccak256("Merge(uint64 round,bytes32 root)");
    uint256 private constant COMMIT_BYTES = 116; // address, digest, r, vs
    uint256 private constant ATTESTATION_BYTES = 65; // slot, r, vs

    /// @inheritdoc IFederation
    IVault public immutable vault;

    /// @inheritdoc IFederation
    bytes32 public stateRoot;

    Rounds.State private _round;

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
        Rounds.Header memory last = _load();
        // INVARIANT: one round is live at a time.
        require(!last.live(), WrongPhase(_status(last).phase));
        // INVARIANT: every round starts from the last final state.
        require(base == stateRoot, WrongBase(stateRoot));
        uint256 active = activeCount();
        uint256 needed = MIN_UPDATES > COMMITTEE ? MIN_UPDATES : COMMITTEE;
        // INVARIANT: a round that opens can be drawn and settled.
        require(active >= needed, TooFewNodes(active, needed));

        Rounds.Header memory header;
        header.id = last.id + 1;
        header.stage = Rounds.Stage.Commit;
        header.deadline = _after(COMMIT_WINDOW);
        uint256 members = _registered;
        _save(header);
        _round.members = members;
        _round.missing = members;
        _round.accumulator = bytes32(uint256(header.id));
        emit RoundOpened(header.id, base, members, header.deadline);
        vault.reserve(REWARD);
    }

    /// @inheritdoc IFederation
    function commitUpdate(uint64 roundId, bytes32 digest) external {
        _during(roundId, Phase.Commit);
        Signer memory signer = _signer(msg.sender);
        // INVARIANT: only nodes of this round commit.
        require(_activeIn(signer, roundId), NotActive(msg.sender));
        uint256 missing = _round.missing;
        // INVARIANT: one commitment per node and round.
        require(missing.has(signer.seat), AlreadyCommitted(signer.id));

        _round.accumulator = _round.accumulator.chain(signer.id, digest);
        emit UpdateCommitted(roundId, signer.id, digest);
        _setMissing(missing ^ (1 << signer.seat));
    }

    /// @inheritdoc IFederation
    function commitUpdates(uint64 roundId, bytes calldata items) external {
        _during(roundId, Phase.Commit);
        uint256 count = items.length / COMMIT_BYTES;
        require(count != 0 && count * COMMIT_BYTES == items.length, BadLength(items.length));

        uint256 missing = _round.missing;
        bytes32 accumulator = _round.accumulator;
        bytes memory taken = Packed.list(count * Settlement.UPDATE_BYTES);
        for (uint256 i; i < count; ++i) {
            bytes calldata item = items[i * COMMIT_BYTES:(i + 1) * COMMIT_BYTES];
            (Signer memory signer, bytes32 digest) = _signerOf(roundId, item);
            if (_skip(roundId, address(bytes20(item.word(0))), signer, missing)) continue;
            missing ^= 1 << signer.seat;
            accumulator = accumulator.chain(signer.id, digest);
            taken.push(bytes32(uint256(signer.id) << 240), 2);
            taken.push(digest, 32);
        }
        if (taken.length == 0) return;
        _round.accumulator = accumulator;
        emit UpdatesCommitted(roundId, taken);
        _setMissing(missing);
    }

    /// @inheritdoc IFederation
    function advance(uint64 roundId) external {
        Rounds.Header memory header = _newest(roundId);
        Rounds.Status memory status = _status(header);
        if (status.cancellable) {
            _cancel(header, status.phase);
        } else if (status.phase == Phase.Draw) {
            _draw(header);
        } else if (status.phase == Phase.Proposed && block.timestamp >= header.deadline) {
            _finalise(header);
        } else {
            revert NothingDue(status.phase);
        }
    }

    /// @inheritdoc IFederation
    function commitVerdict(uint64 roundId, uint8 slot, bytes32 seal) external {
        Rounds.Header memory header = _during(roundId, Phase.Score);
        _member(slot, _signers[msg.sender].id);
        // INVARIANT: a vote cannot be changed.
        require(!uint256(header.sealedSlots).has(slot), AlreadySealed(slot));

        header.sealedSlots |= uint16(1 << slot);
        // All are in: scoring ends now, and with it the wait.
        if (uint256(header.sealedSlots).count() == COMMITTEE) header.deadline = _after(0);
        _round.verdicts[slot] = seal;
        _save(header);
        emit VerdictCommitted(roundId, slot, seal);
    }

    /// @inheritdoc IFederation
    function revealVerdict(uint64 roundId, uint8 slot, bytes calldata scores, bytes32 salt)
        external
    {
        Rounds.Header memory header = _during(roundId, Phase.Reveal);
        Signer memory signer = _signer(msg.sender);
        _member(slot, signer.id);
        // INVARIANT: a sealed verdict is opened once.
        require(
            uint256(header.sealedSlots & ~header.revealedSlots).has(slot), NothingSealed(slot)
        );
        // INVARIANT: a verdict has one score per update.
        require(scores.length == 4 * uint256(header.updates), BadLength(scores.length));
        bytes32 seal = keccak256(
            abi.encode(block.chainid, address(this), roundId, signer.account, scores, salt)
        );
        // INVARIANT: votes were fixed before any was known, and cannot be copied.
        require(seal == _round.verdicts[slot], WrongOpening(slot));

        header.revealedSlots |= uint16(1 << slot);
        _round.verdicts[slot] = keccak256(scores);
        _save(header);
        emit VerdictRevealed(roundId, slot, scores);
    }

    /// @inheritdoc IFederation
    function settle(
        uint64 roundId, bytes calldata updates, bytes[] calldata scores, uint96[] calldata ledger
    ) external {
        Rounds.Header memory header = _during(roundId, Phase.Settle);
        _checkUpdates(header, updates);
        Settlement.Validator[] memory panel = _panel(header, scores);
        uint96[] memory totals = _previous(ledger);
        Settlement.Outcome memory outcome =
            Settlement.compute(_rules(), updates, panel, COMMITTEE, totals);

        bool merges = outcome.weight != 0;
        header.stage = merges ? Rounds.Stage.Merge : Rounds.Stage.Final;
        header.deadline = merges ? _after(MERGE_WINDOW) : 0;
        _save(header);
        _round.outcome = keccak256(outcome.accepted);
        _book(roundId, outcome, totals);
        if (!merges) emit RoundFinalised(roundId, stateRoot);
    }

    /// @inheritdoc IFederation
    function proposeMerge(uint64 roundId, bytes32 root) external {
        Rounds.Header memory header = _during(roundId, Phase.Merge);
        Signer memory signer = _signer(msg.sender);
        // INVARIANT: only nodes of this round propose.
        require(_activeIn(signer, roundId), NotActive(msg.sender));
        // INVARIANT: until its deadline the merge is the aggregator's.
        require(
            signer.id == header.aggregator || block.timestamp >= header.deadline,
            NotAggregator(header.aggregator)
        );

        header.stage = Rounds.Stage.Proposed;
        header.deadline = _after(CHALLENGE_WINDOW);
        header.proposer = signer.id;
        _save(header);
        _round.proposal = root;
        emit MergeProposed(roundId, signer.id, root, header.deadline);
    }

    /// @inheritdoc IFederation
    function attestMerge(uint64 roundId, bytes calldata signatures) external {
        Rounds.Header memory header = _during(roundId, Phase.Proposed);
        uint256 count = signatures.length / ATTESTATION_BYTES;
        require(
            count != 0 && count * ATTESTATION_BYTES == signatures.length,
            BadLength(signatures.length)
        );
        bytes32 digest =
            _hashTypedDataV4(keccak256(abi.encode(MERGE_TYPEHASH, roundId, _round.proposal)));
        for (uint256 i; i < count; ++i) {
            uint256 at = i * ATTESTATION_BYTES;
            uint8 slot = uint8(signatures[at]);
            address signer = _recover(digest, signatures.word(at + 1), signatures.word(at + 33));
            // INVARIANT: only the committee attests, each for itself.
            require(_isMember(slot, _signers[signer].id), BadSignature(slot));
            header.attestedSlots |= uint16(1 << slot);
        }
        _save(header);
        emit MergeAttested(roundId, header.attestedSlots);
        if (uint256(header.attestedSlots).count() >= quorum) _finalise(header);
    }

    /// @inheritdoc IFederation
    function pause() external onlyRole(PAUSER) {
        _pause();
    }

    /// @inheritdoc IFederation
    function unpause() external onlyRole(PAUSER) {
        _unpause();
    }

    /// @inheritdoc IFederation
    function round() external view returns (Round memory view_) {
        Rounds.Header memory header = _load();
        Rounds.Status memory status = _status(header);
        view_.id = header.id;
        view_.phase = status.phase;
        view_.cancellable = status.cancellable;
        view_.deadline = uint64(status.deadline);
        view_.members = _round.members;
        view_.committed = _committed();
        view_.updates = uint16(view_.committed.count());
        view_.accumulator = _round.accumulator;
        view_.aggregator = header.aggregator;
        view_.sealedSlots = header.sealedSlots;
        view_.revealedSlots = header.revealedSlots;
        view_.attestedSlots = header.attestedSlots;
        view_.proposer = header.proposer;
        if (header.settled()) view_.outcome = _round.outcome;
        if (header.proposer != 0) view_.proposal = _round.proposal;
    }

    /// @inheritdoc IFederation
    function phase() external view returns (Phase) {
        return _status(_load()).phase;
    }

    /// @inheritdoc IFederation
    function cancellable() external view returns (bool) {
        return _status(_load()).cancellable;
    }

    /// @inheritdoc IFederation
    function committee() external view returns (uint16[] memory) {
        return _round.header.aggregator == 0 ? new uint16[](0) : _unpack(_round.committee);
    }

    /// @inheritdoc IFederation
    function verdict(uint8 slot) external view returns (bytes32) {
        return uint256(_round.header.sealedSlots).has(slot) ? _round.verdicts[slot] : bytes32(0);
    }

    // Steps ------------------------------------------------------------------------------------

    function _draw(Rounds.Header memory header) private {
        uint256 members = _round.members;
        bytes32 seed = keccak256(abi.encode(block.prevrandao, address(this), uint64(header.id)));
        uint256[] memory seats = Draw.committee(seed, members, COMMITTEE);
        uint256 drawn;
        for (uint256 slot; slot < seats.length; ++slot) {
            drawn |= uint256(_nodeAt(seats[slot])) << (slot << 4);
        }

        header.stage = Rounds.Stage.Score;
        header.deadline = _after(SCORE_WINDOW);
        header.updates = uint16(_committed().count());
        header.aggregator = _nodeAt(Draw.aggregator(members, header.id));
        _save(header);
        _round.committee = drawn;
        emit CommitteeDrawn(header.id, seed, _unpack(drawn), header.aggregator, header.deadline);
    }

    function _cancel(Rounds.Header memory header, Phase reached) private {
        header.stage = Rounds.Stage.Cancelled;
        _save(header);
        emit RoundCancelled(header.id, reached);
        vault.release(REWARD);
    }

    function _finalise(Rounds.Header memory header) private {
        bytes32 root = _round.proposal;
        header.stage = Rounds.Stage.Final;
        _save(header);
        stateRoot = root;
        emit RoundFinalised(header.id, root);
        uint96 pool = _aggregatorPool();
        if (pool != 0) vault.credit(header.proposer, pool);
    }

    /// @dev Move the money of a settled round and publish all that claims and auditors need.
    function _book(uint64 roundId, Settlement.Outcome memory outcome, uint96[] memory totals)
        private
    {
        uint96 earned = uint96(outcome.earned);
        uint96 kept = outcome.weight == 0 ? 0 : _aggregatorPool();
        uint96 released = REWARD - earned - kept;
        bytes32 root = Ledger.root(totals, totals.length);
        emit RoundSettled(
            roundId,
            root,
            _round.outcome,
            earned,
            released,
            outcome.results,
            outcome.fees,
            totals
        );
        vault.settle(root, earned, released);
    }

    function _setMissing(uint256 missing) private {
        _round.missing = missing;
        // All are in. The draw takes its seed from a later block, unknown to the last committer.
        if (missing == 0) _round.header.deadline = _after(1);
    }

    // Checks -----------------------------------------------------------------------------------

    function _newest(uint64 roundId) private view returns (Rounds.Header memory header) {
        header = _load();
        // INVARIANT: nothing meant for one round counts for another.
        require(header.id == roundId && roundId != 0, WrongRound(header.id));
    }

    function _during(uint64 roundId, Phase expected)
        private
        view
        returns (Rounds.Header memory header)
    {
        header = _newest(roundId);
        Phase actual = _status(header).phase;
        // INVARIANT: each step happens in its phase.
        require(actual == expected, WrongPhase(actual));
    }

    function _status(Rounds.Header memory header) private view returns (Rounds.Status memory) {
        bool counting = header.stage == Rounds.Stage.Commit && block.timestamp >= header.deadline;
        uint256 committed = counting ? _committed().count() : 0;
        return header.status(_limits(), committed, block.timestamp);
    }

    function _isMember(uint8 slot, uint16 id) private view returns (bool) {
        return slot < COMMITTEE && id != 0 && _round.committee.member(slot) == id;
    }

    function _member(uint8 slot, uint16 id) private view {
        // INVARIANT: only the drawn committee votes, each in its slot.
        require(_isMember(slot, id), NotMember(slot));
    }

    /// @dev Whether to leave an item out of a batch; says so in an event.
    function _skip(uint64 roundId, address account, Signer memory signer, uint256 missing)
        private
        returns (bool)
    {
        SkipReason reason;
        if (signer.id == 0 || signer.account != account) reason = SkipReason.BadSignature;
        else if (!_activeIn(signer, roundId)) reason = SkipReason.NotActive;
        else if (!missing.has(signer.seat)) reason = SkipReason.AlreadyCommitted;
        else return false;
        emit CommitSkipped(roundId, account, reason);
        return true;
    }

    /// @dev Who signed one item of a batch; id 0 if nobody known did.
    function _signerOf(uint64 roundId, bytes calldata item)
        private
        view
        returns (Signer memory signer, bytes32 digest)
    {
        address account = address(bytes20(item.word(0)));
        digest = item.word(20);
        bytes32 typed = _hashTypedDataV4(
            keccak256(abi.encode(UPDATE_TYPEHASH, roundId, account, stateRoot, digest))
        );
        signer = _signer(_recover(typed, item.word(52), item.word(84)));
    }

    /// @dev Signer of `digest`; the zero address, which signs for nobody, if it does not hold.
    function _recover(bytes32 digest, bytes32 r, bytes32 vs) private pure returns (address signer) {
        (signer,,) = ECDSA.tryRecover(digest, r, vs);
    }

    function _checkUpdates(Rounds.Header memory header, bytes calldata updates) private view {
        uint256 count = header.updates;
        require(updates.length == count * Settlement.UPDATE_BYTES, WrongUpdates());
        bytes32 accumulator = bytes32(uint256(header.id));
        for (uint256 i; i < count; ++i) {
            uint256 at = i * Settlement.UPDATE_BYTES;
            accumulator = accumulator.chain(
                uint256(updates.word(at)) >> 240, updates.word(at + 2)
            );
        }
        // INVARIANT: what is settled is what was committed, in that order.
        require(accumulator == _round.accumulator, WrongUpdates());
    }

    /// @dev The validators that revealed, with their scores as they revealed them.
    function _panel(Rounds.Header memory header, bytes[] calldata scores)
        private
        view
        returns (Settlement.Validator[] memory panel)
    {
        require(scores.length == COMMITTEE, WrongScores(COMMITTEE));
        uint256 revealed = header.revealedSlots;
        uint256 drawn = _round.committee;
        panel = new Settlement.Validator[](revealed.count());
        uint256 found;
        for (uint256 slot; slot < scores.length; ++slot) {
            bytes calldata given = scores[slot];
            // INVARIANT: votes count as they were revealed, the others not at all.
            require(
                revealed.has(slot)
                    ? keccak256(given) == _round.verdicts[slot]
                    : given.length == 0,
                WrongScores(slot)
            );
            if (!revealed.has(slot)) continue;
            Settlement.Validator memory validator = panel[found++];
            validator.id = drawn.member(slot);
            validator.slot = slot;
            validator.scores = given.position();
        }
    }

    /// @dev The previous totals, checked, with a place for each node that joined since.
    function _previous(uint96[] calldata ledger) private view returns (uint96[] memory totals) {
        uint256 count = nodeCount();
        require(ledger.length <= count, WrongLedger());
        totals = new uint96[](count);
        for (uint256 i; i < ledger.length; ++i) {
            totals[i] = ledger[i];
        }
        // INVARIANT: the new ledger is the old one plus this round.
        require(Ledger.root(totals, ledger.length) == vault.ledgerRoot(), WrongLedger());
    }

    // Reads ------------------------------------------------------------------------------------

    function _load() private view returns (Rounds.Header memory) {
        return _round.header;
    }

    function _save(Rounds.Header memory header) private {
        _round.header = header;
    }

    function _committed() private view returns (uint256) {
        return _round.members & ~_round.missing;
    }

    function _after(uint256 window) private view returns (uint40) {
        return uint40(block.timestamp + window);
    }

    function _unpack(uint256 drawn) private view returns (uint16[] memory ids) {
        ids = new uint16[](COMMITTEE);
        for (uint256 slot; slot < ids.length; ++slot) {
            ids[slot] = drawn.member(slot);
        }
    }

    function _newestRound() internal view override returns (uint32) {
        return _round.header.id;
    }

    function _seatsInUse() internal view override returns (uint256) {
        return _round.header.live() ? _round.members : 0;
    }

    function _onRegister(uint16 id, address account) internal override {
        vault.pullStake(id, account, STAKE);
    }
}
