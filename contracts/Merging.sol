// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Disputes} from "./Disputes.sol";
import {Phases} from "./Phases.sol";
import {Vault} from "./Vault.sol";
import {IDisputes} from "./interfaces/IDisputes.sol";
import {IFederation} from "./interfaces/IFederation.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Bits} from "./libraries/Bits.sol";
import {Member} from "./libraries/Members.sol";
import {Packed} from "./libraries/Packed.sol";
import {Header, Rounds, Stage} from "./libraries/Rounds.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title The end of a round: a merge is proposed, attested, perhaps disproved; and what it costs
/// @notice A merge is final only if a quorum attested it and nobody disproved it in time. Neither
/// silence nor a quorum is enough (docs/decisions/0009).
abstract contract Merging is Phases {
    using Bits for uint256;
    using Packed for bytes;
    using Rounds for uint256;
    using Signatures for bytes32;

    uint256 private constant MAX_PROPOSALS = 4;
    uint256 private constant ATTESTATION_BYTES = 65; // slot, r, vs

    /// @inheritdoc IFederation
    IVault public immutable vault;

    /// @inheritdoc IFederation
    IDisputes public immutable disputes;

    modifier onlyDisputes() {
        // INVARIANT: what counts as proven is decided in one place.
        require(msg.sender == address(disputes), NotDisputes(msg.sender));
        _;
    }

    constructor(IERC20 token, uint32 unbonding) {
        vault = new Vault(token, unbonding);
        disputes = new Disputes();
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
        (uint256 stake, uint256 bond) = (vault.stakeOf(id), _penalty(Offence.Merge));
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

    /// @inheritdoc IFederation
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

    /// @inheritdoc IFederation
    function punish(uint64 roundId, uint16 id, Offence offence, address reporter)
        external
        onlyDisputes
    {
        _slash(roundId, id, offence, reporter);
    }

    // Steps ------------------------------------------------------------------------------------

    /// @dev What is due at the end of the proposal's time.
    function _conclude(Header header) internal {
        _attested(header) ? _finalise(header) : _reject(header, address(0));
    }

    /// @dev The proposal falls; after the fourth one the round ends as it began.
    function _reject(Header header, address challenger) private {
        emit MergeRejected(header.id(), header.proposer(), _round.proposal, challenger);
        header = header.reject();
        if (header.rejected() == MAX_PROPOSALS) return _end(header);
        _round.header = header.enter(Stage.Merge, block.timestamp);
    }

    /// @dev End the round without a merge, on the state that it began with.
    function _end(Header header) internal {
        _round.header = header.enter(Stage.Final, 0);
        emit RoundFinalised(header.id(), stateRoot);
        if (AGGREGATOR_POOL != 0) vault.release(AGGREGATOR_POOL);
    }

    function _finalise(Header header) private {
        bytes32 root = _round.proposal;
        _round.header = header.enter(Stage.Final, 0);
        stateRoot = root;
        emit RoundFinalised(header.id(), root);
        if (AGGREGATOR_POOL != 0) vault.credit(header.proposer(), AGGREGATOR_POOL);
    }

    /// @dev Take what an offence costs, as far as it is there. Who keeps too little leaves.
    function _slash(uint64 roundId, uint16 id, Offence offence, address reporter) internal {
        (uint96 taken, uint96 left) = vault.slash(id, _penalty(offence), reporter);
        if (taken == 0) return;
        emit NodeSlashed(roundId, id, offence, taken, reporter);
        Member member = _member(id);
        // INVARIANT: who takes part has something to lose.
        if (2 * uint256(left) < STAKE && member.stays()) _leave(id, member, LeaveReason.Slashed);
    }

    function _onRegister(uint16 id, address account) internal override {
        vault.pullStake(id, account, STAKE);
    }

    function _onLeave(uint16 id) internal override {
        vault.unbond(id);
    }

    // Checks -----------------------------------------------------------------------------------

    /// @dev Number of items of `width` bytes in `list`, at least one.
    function _items(bytes calldata list, uint256 width) internal pure returns (uint256 count) {
        count = list.length / width;
        // INVARIANT: a packed list holds whole items, and says something.
        require(count != 0 && list.length % width == 0, BadLength(list.length));
    }

    /// @dev Whether a quorum of the committee has attested the proposal.
    function _attested(Header header) private view returns (bool) {
        return uint256(header.attestedSlots()).count() >= quorum;
    }

    /// @dev Whether the deadline of the stage is over by `seconds_`.
    function _past(Header header, uint256 seconds_) internal view returns (bool) {
        return block.timestamp >= header.deadline() + seconds_;
    }
}
