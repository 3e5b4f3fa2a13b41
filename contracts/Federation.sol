// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {Administered} from "./Administered.sol";
import {Charter} from "./Charter.sol";
import {Core} from "./Core.sol";
import {Registry} from "./Registry.sol";
import {Views} from "./Views.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IPart} from "./interfaces/IPart.sol";
import {ISteps} from "./interfaces/ISteps.sol";
import {Binding} from "./libraries/Binding.sol";
import {Bits} from "./libraries/Bits.sol";
import {Member} from "./libraries/Members.sol";
import {Packed} from "./libraries/Packed.sol";
import {Header, Rounds, Stage} from "./libraries/Rounds.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Settlement} from "./libraries/Settlement.sol";

/// @title Federation: rounds of fine-tuning, one after the other
/// @notice This contract checks who acts, when and in what order; its parts do the arithmetic and
/// judge the proofs. Commitments and verdicts are stored as hashes, which the next round
/// overwrites; events carry the rest.
contract Federation is Registry, Views, Pausable {
    using Bits for uint256;
    using Packed for bytes;
    using Packed for bytes32;
    using Rounds for Rounds.State;
    using Rounds for uint256;
    using Signatures for bytes32;
    using Signatures for bytes32[8];

    /// @notice Role that opens rounds.
    bytes32 public constant COORDINATOR = keccak256("COORDINATOR");

    /// @notice Role that pauses the opening of rounds.
    bytes32 public constant PAUSER = keccak256("PAUSER");

    uint256 private constant COMMIT_BYTES = 116; // address, digest, r, vs
    uint256 private constant ATTESTATION_BYTES = 65; // slot, r, vs

    /// @param agreed What the members agreed on.
    /// @param token Token of rewards and stakes.
    /// @param admin The sponsor: administrator, and first holder of all other roles.
    /// @param parts The contracts that were deployed earlier for the address that this one gets.
    constructor(Terms memory agreed, IERC20 token, address admin, Parts memory parts)
        Core(agreed, parts)
        Views(parts.steps)
        Administered(admin)
    {
        Charter.check(agreed);
        // INVARIANT: all four parts were made for this federation and its terms.
        _check(parts.vault, Binding.vault(address(this), address(token), agreed.unbonding));
        _check(
            parts.disputes, Binding.disputes(address(this), agreed.mergeRule, agreed.mergeParameter)
        );
        _check(parts.settler, Binding.settler(address(this), agreed));
        _check(parts.steps, Binding.steps(address(this), agreed, parts));
        emit FederationCreated(
            address(token), parts.vault, parts.disputes, parts.settler, parts.steps
        );
        _stateRoot = agreed.genesis;
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
        require(base == _stateRoot, WrongBase(_stateRoot));
        uint256 members = _registered;
        uint256 needed = MIN_UPDATES > COMMITTEE ? MIN_UPDATES : COMMITTEE;
        // INVARIANT: a round that opens has enough nodes for its updates and its committee.
        require(members.count() >= needed, TooFewNodes(members.count(), needed));

        header = _round.open(members, block.timestamp + COMMIT_WINDOW);
        emit RoundOpened(header.id(), base, members, header.deadline());
        VAULT.reserve(REWARD);
    }

    /// @inheritdoc IFederation
    function commitUpdate(uint64 roundId, bytes32 digest) external {
        Header header = _duringCommit(roundId);
        Member member = _signers[msg.sender];
        // INVARIANT: only nodes that are active in this round commit.
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
            Signatures.template(Signatures.domainOf(address(this)), roundId, _stateRoot);
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
    function commitVerdict(uint64 roundId, uint8 slot, bytes32 seal) external {
        Header header = _during(roundId, Phase.Score);
        // INVARIANT: only the drawn committee votes, each member in its own slot.
        require(_isMember(slot, _signers[msg.sender], roundId), NotMember(slot));
        // INVARIANT: a vote cannot be changed.
        require(!uint256(header.sealedSlots()).has(slot), AlreadySealed(slot));

        header = header.seal(slot);
        // All verdicts are sealed: scoring ends now.
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
        // INVARIANT: only the drawn committee votes, each member in its own slot.
        require(_isMember(slot, member, roundId), NotMember(slot));
        uint256 closed = header.sealedSlots() & ~header.revealedSlots();
        // INVARIANT: a sealed verdict is opened once.
        require(closed.has(slot), NothingSealed(slot));
        // INVARIANT: a verdict has one score per update.
        require(scores.length == 4 * uint256(header.updates()), BadLength(scores.length));
        bytes32 seal = keccak256(
            abi.encode(block.chainid, address(this), roundId, member.account(), scores, salt)
        );
        // INVARIANT: a vote was fixed before any was known, and no one can copy another's seal.
        require(seal == _round.verdicts[slot], WrongOpening(slot));

        _round.header = header.reveal(slot);
        _round.verdicts[slot] = keccak256(scores);
        emit VerdictRevealed(roundId, slot, scores);
    }

    /// @inheritdoc IFederation
    function proposeMerge(uint64 roundId, bytes32 root) external {
        Header header = _during(roundId, Phase.Merge);
        Member member = _signers[msg.sender];
        // INVARIANT: only nodes that are active in this round propose.
        require(member.activeIn(roundId), NotActive(msg.sender));
        uint16 id = member.id();
        bool late = block.timestamp >= header.deadline();
        // INVARIANT: until the deadline only the aggregator proposes.
        require(late || id == header.aggregator(), NotAggregator(header.aggregator()));
        // INVARIANT: a round has at most four proposals, each by a different node.
        require(!header.barred(id), ProposerBarred(id));
        (uint256 stake, uint256 bond) = (VAULT.stakeOf(id), _penalty(Offence.Merge));
        // INVARIANT: the proposer can pay the penalty for a wrong merge.
        require(stake >= bond, NotBonded(id, stake, bond));

        uint256 end = block.timestamp + CHALLENGE_WINDOW;
        _round.header = header.enter(Stage.Proposed, end).proposedBy(id);
        _round.proposal = root;
        emit MergeProposed(roundId, id, root, uint64(end));
    }

    /// @inheritdoc IFederation
    function attestMerge(uint64 roundId, bytes calldata signatures) external {
        Header header = _during(roundId, Phase.Proposed);
        uint256 count = _items(signatures, ATTESTATION_BYTES);
        bytes32 digest = Signatures.mergeHash(address(this), roundId, _round.proposal);
        for (uint256 i; i < count; ++i) {
            uint256 at = i * ATTESTATION_BYTES;
            uint8 slot = uint8(signatures[at]);
            address signer = digest.recover(signatures.word(at + 1), signatures.word(at + 33));
            // INVARIANT: only the committee attests, each member with its own signature.
            require(_isMember(slot, _signers[signer], roundId), BadSignature(slot));
            header = header.attest(slot);
        }
        uint256 end = header.deadline();
        uint256 disputed = block.timestamp + DISPUTE_WINDOW;
        // With a quorum only the dispute window remains. Later attestations would end it later, so
        // they do not move the deadline.
        if (_attested(header) && disputed < end) end = disputed;
        _round.header = header.enter(Stage.Proposed, end);
        emit MergeAttested(roundId, header.attestedSlots(), uint64(end));
    }

    // The code of the steps reads its arguments from the calldata. The statements that only name
    // them silence the compiler's warning; the names are for the ABI.

    /// @inheritdoc ISteps
    function advance(uint64 roundId) external {
        (roundId);
        _step();
    }

    /// @inheritdoc ISteps
    function settle(
        uint64 roundId,
        bytes calldata updates,
        bytes[] calldata scores,
        uint96[] calldata ledger
    ) external {
        (roundId, updates, scores, ledger);
        _step();
    }

    /// @inheritdoc ISteps
    function disprove(uint64 roundId, address challenger) external {
        (roundId, challenger);
        _step();
    }

    /// @inheritdoc ISteps
    function punish(uint64 roundId, uint16 id, Offence offence, address reporter) external {
        (roundId, id, offence, reporter);
        _step();
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

    /// @dev Answer this call by running the code of the steps on this contract's storage.
    function _step() private {
        address code = steps();
        // Calldata, result and revert data are passed on unchanged.
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let done := delegatecall(gas(), code, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(done) { revert(free, returndatasize()) }
            return(free, returndatasize())
        }
    }

    /// @dev Reverts unless `part` answers with this binding.
    function _check(address part, bytes32 binding) private view {
        (bool done, bytes memory found) = part.staticcall(abi.encodeCall(IPart.binding, ()));
        require(done && found.length == 32 && bytes32(found) == binding, WrongPart(part));
    }

    /// @dev The same as `_during` for the phase Commit. In the usual case it does not compute the
    /// phase, because every committer would pay for that.
    function _duringCommit(uint64 roundId) private view returns (Header header) {
        header = _round.header;
        if (!header.takes(roundId, block.timestamp)) _during(roundId, Phase.Commit);
    }

    /// @dev Number of items of `width` bytes in `list`, at least one.
    function _items(bytes calldata list, uint256 width) private pure returns (uint256 count) {
        count = list.length / width;
        // INVARIANT: a packed list holds whole items, at least one.
        require(count != 0 && list.length % width == 0, BadLength(list.length));
    }

    /// @dev Add the item at this calldata position to `taken`, or emit an event that says why not.
    /// @param taken Packed (uint16 id, bytes32 digest); grows by the item.
    /// @param template The part of the signed data that all items of the batch share.
    /// @param missing Bitmap of the seats whose update is missing.
    /// @param item Calldata position of the item.
    /// @return Bitmap of the seats whose update is still missing.
    function _take(bytes memory taken, bytes32[8] memory template, uint256 missing, uint256 item)
        private
        returns (uint256)
    {
        // Nothing here can overflow: all sums are of calldata positions within the list.
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

    /// @dev Why an item was skipped: the first check that fails.
    function _reason(Member member, address account, uint256 roundId)
        private
        pure
        returns (SkipReason)
    {
        if (!member.ownedBy(account)) return SkipReason.BadSignature;
        return member.activeIn(roundId) ? SkipReason.AlreadyCommitted : SkipReason.NotActive;
    }

    /// @dev Store which updates are still missing; the last one ends the phase.
    function _setMissing(Header header, uint256 missing) private {
        // One second later, so that the draw takes its seed from a later block: the last committer
        // cannot know it.
        if (missing == 0) header = header.enter(Stage.Commit, block.timestamp + 1);
        _round.setMissing(header, missing);
    }
}
