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

/// @title Federation: one round of fine-tuning after the other
/// @notice The contract checks who, when and in what order; arithmetic and proofs are elsewhere.
/// Commitments and verdicts live in hashes that the next round overwrites; events carry the rest.
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

    /// @notice Role that stops the opening of rounds.
    bytes32 public constant PAUSER = keccak256("PAUSER");

    uint256 private constant COMMIT_BYTES = 116; // address, digest, r, vs
    uint256 private constant ATTESTATION_BYTES = 65; // slot, r, vs

    /// @param agreed What the members agreed on.
    /// @param token Token of rewards and stakes.
    /// @param admin Sponsor: holds all roles until it grants them to others.
    /// @param parts Deployed before, for the address that this contract gets.
    constructor(Terms memory agreed, IERC20 token, address admin, Parts memory parts)
        Core(agreed, parts)
        Views(parts.steps)
        Administered(admin)
    {
        Charter.check(agreed);
        // INVARIANT: escrow, judge, arithmetic and steps serve this federation, under its terms.
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
        // INVARIANT: a round that opens can be drawn and settled.
        require(members.count() >= needed, TooFewNodes(members.count(), needed));

        header = _round.open(members, block.timestamp + COMMIT_WINDOW);
        emit RoundOpened(header.id(), base, members, header.deadline());
        VAULT.reserve(REWARD);
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
    function proposeMerge(uint64 roundId, bytes32 root) external {
        Header header = _during(roundId, Phase.Merge);
        Member member = _signers[msg.sender];
        // INVARIANT: only nodes of this round propose.
        require(member.activeIn(roundId), NotActive(msg.sender));
        uint16 id = member.id();
        bool late = block.timestamp >= header.deadline();
        // INVARIANT: until its deadline the merge is the aggregator's.
        require(late || id == header.aggregator(), NotAggregator(header.aggregator()));
        // INVARIANT: a round has at most four proposals, each of another node.
        require(!header.barred(id), ProposerBarred(id));
        (uint256 stake, uint256 bond) = (VAULT.stakeOf(id), _penalty(Offence.Merge));
        // INVARIANT: a wrong merge can be paid for.
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
            // INVARIANT: only the committee attests, each for itself.
            require(_isMember(slot, _signers[signer], roundId), BadSignature(slot));
            header = header.attest(slot);
        }
        uint256 end = header.deadline();
        uint256 disputed = block.timestamp + DISPUTE_WINDOW;
        // The quorum is there: what remains is the time to object. More of them come later than the
        // quorum did, so they change nothing.
        if (_attested(header) && disputed < end) end = disputed;
        _round.header = header.enter(Stage.Proposed, end);
        emit MergeAttested(roundId, header.attestedSlots(), uint64(end));
    }

    // The steps take their arguments from the call itself; they are named for the ABI.

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

    /// @dev Answer this call with the code of the steps, on the storage here.
    function _step() private {
        address code = steps();
        // Arguments, result and refusal are handed on as they come.
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, 0, calldatasize())
            let done := delegatecall(gas(), code, free, calldatasize(), 0, 0)
            returndatacopy(free, 0, returndatasize())
            if iszero(done) { revert(free, returndatasize()) }
            return(free, returndatasize())
        }
    }

    /// @dev Refuses a part that does not say that it was made for this.
    function _check(address part, bytes32 binding) private view {
        (bool done, bytes memory found) = part.staticcall(abi.encodeCall(IPart.binding, ()));
        require(done && found.length == 32 && bytes32(found) == binding, WrongPart(part));
    }

    /// @dev The same as `_during` for the phase Commit, without working out the phase: each update
    /// pays for it.
    function _duringCommit(uint64 roundId) private view returns (Header header) {
        header = _round.header;
        if (!header.takes(roundId, block.timestamp)) _during(roundId, Phase.Commit);
    }

    /// @dev Number of items of `width` bytes in `list`, at least one.
    function _items(bytes calldata list, uint256 width) private pure returns (uint256 count) {
        count = list.length / width;
        // INVARIANT: a packed list holds whole items, and says something.
        require(count != 0 && list.length % width == 0, BadLength(list.length));
    }

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
}
