// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {Administered} from "./Administered.sol";
import {Core} from "./Core.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {Bits} from "./libraries/Bits.sol";
import {Member, Members} from "./libraries/Members.sol";

/// @title Members of a federation
/// @notice Changes take effect from the next round on. A node keeps its id permanently; its seat,
/// one of 256, goes to another node once it is free. The administrator is replaced in two steps.
abstract contract Registry is IRegistry, Core, Administered {
    using Bits for uint256;

    /// @notice Role that admits and revokes members.
    bytes32 public constant COUNCIL = keccak256("COUNCIL");

    /// @dev A settlement carries one total per node ever registered, and it must fit into a block.
    uint256 private constant MAX_NODES = 4096;

    /// @inheritdoc IRegistry
    mapping(address account => uint16 id) public nodeOf;

    /// @inheritdoc IRegistry
    mapping(address account => bool) public admitted;

    /// @inheritdoc IRegistry
    bytes32 public allowList;

    /// @inheritdoc IRegistry
    function admit(address account, bool allowed) external onlyRole(COUNCIL) {
        admitted[account] = allowed;
        emit AccountAdmitted(account, allowed);
    }

    /// @inheritdoc IRegistry
    function setAllowList(bytes32 root) external onlyRole(COUNCIL) {
        allowList = root;
        emit AllowListSet(root);
    }

    /// @inheritdoc IRegistry
    function register(
        address signer,
        bytes32 encryptionKey,
        bytes32 transportKey,
        bytes32[] calldata proof
    ) external returns (uint16 id) {
        id = nodeOf[msg.sender];
        Member last = _member(id);
        // INVARIANT: only admitted accounts join; a revoked one must be admitted again.
        require(
            admitted[msg.sender] || (!last.revoked() && _listed(msg.sender, proof)),
            NotAdmitted(msg.sender)
        );
        // INVARIANT: an account owns one node, which holds one seat.
        require(!last.stays(), AccountTaken(msg.sender));
        uint8 seat = _freeSeat();
        if (id == 0) id = _newId();

        uint32 from = _round.header.id() + 1;
        _appoint(signer, Members.create(msg.sender, id, seat, from));
        _keys[id] = Keys(signer, encryptionKey, transportKey);
        _seated[seat] = id;
        _registered |= 1 << seat;
        emit NodeRegistered(id, msg.sender, signer, seat, from, encryptionKey, transportKey);
        VAULT.pullStake(id, msg.sender, STAKE); // last, because it calls the token
    }

    /// @inheritdoc IRegistry
    function rotate(address signer, bytes32 encryptionKey, bytes32 transportKey) external {
        uint16 id = nodeOf[msg.sender];
        Member member = _present(id);
        address last = _keys[id].signer;

        uint32 from = _round.header.id() + 1;
        if (signer != last) {
            _appoint(signer, member.starting(from));
            _signers[last] = member.ending(from);
        }
        _keys[id] = Keys(signer, encryptionKey, transportKey);
        emit NodeRotated(id, signer, from, encryptionKey, transportKey);
    }

    /// @inheritdoc IRegistry
    function exit() external {
        uint16 id = nodeOf[msg.sender];
        _leave(id, _present(id), LeaveReason.Exited);
    }

    /// @inheritdoc IRegistry
    function revoke(uint16 id) external onlyRole(COUNCIL) {
        Member member = _present(id);
        admitted[member.account()] = false;
        _leave(id, member.revoke(), LeaveReason.Revoked);
    }

    /// @inheritdoc IRegistry
    function node(uint16 id) external view returns (Node memory) {
        Keys memory keys = _keys[id];
        Member member = _known(id);
        return Node(
            member.account(),
            keys.signer,
            member.seat(),
            member.activeFrom(),
            member.activeUntil(),
            keys.encryptionKey,
            keys.transportKey
        );
    }

    /// @inheritdoc IRegistry
    function nodeOfSigner(address signer) external view returns (uint16) {
        return _signers[signer].id();
    }

    /// @inheritdoc IRegistry
    function activeSigner(address signer, uint64 roundId) external view returns (uint16) {
        Member member = _signers[signer];
        return member.activeIn(roundId) ? member.id() : 0;
    }

    /// @inheritdoc IRegistry
    function needs(uint16 id) external view returns (bool) {
        return _seatsInUse() != 0 && _member(id).activeUntil() > _round.header.id();
    }

    /// @inheritdoc IRegistry
    function seated(uint8 seat) external view returns (uint16) {
        return _seated[seat];
    }

    /// @inheritdoc IRegistry
    function nodeCount() public view returns (uint16) {
        return _nodeCount;
    }

    /// @inheritdoc IRegistry
    function activeCount() public view returns (uint16) {
        return uint16(_registered.count());
    }

    /// @dev Bitmap of the seats that the live round needs; empty if none is live.
    function _seatsInUse() private view returns (uint256) {
        return _round.header.live() ? _round.members : 0;
    }

    /// @dev Store `member` as the entry of this signer.
    function _appoint(address signer, Member member) private {
        // INVARIANT: a key is the signer of at most one node, and is never used again.
        require(signer != address(0) && _signers[signer].id() == 0, SignerTaken(signer));
        _signers[signer] = member;
    }

    /// @dev Give the sender the next id.
    function _newId() private returns (uint16 id) {
        // INVARIANT: at most 4096 ids ever, so that every loop over nodes fits into a block.
        require(_nodeCount < MAX_NODES, FederationFull());
        id = ++_nodeCount;
        nodeOf[msg.sender] = id;
    }

    /// @dev Newest entry of node `id`; reverts if there is no such node.
    function _known(uint16 id) private view returns (Member member) {
        member = _member(id);
        // INVARIANT: ids are never reused, so an unknown one has no signer.
        require(member.id() != 0, UnknownNode(id));
    }

    /// @dev Newest entry of node `id`; reverts if there is no such node or it has left.
    function _present(uint16 id) private view returns (Member member) {
        member = _known(id);
        // INVARIANT: a membership ends once; after that its seat may belong to another node.
        require(member.stays(), NotRegistered(id));
    }

    /// @dev The lowest seat that no node holds and the live round does not need.
    function _freeSeat() private view returns (uint8) {
        uint256 held = _registered | _seatsInUse();
        // INVARIANT: at most 256 nodes at once, each in its own seat.
        require(held != type(uint256).max, FederationFull());
        return uint8((~held).lowest());
    }

    /// @dev Whether `proof` shows that the account is on the allow-list.
    function _listed(address account, bytes32[] calldata proof) private view returns (bool) {
        // Hashed twice, as OpenZeppelin's standard tree does: an inner node cannot pass for a leaf.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account))));
        return allowList != bytes32(0) && MerkleProof.verifyCalldata(proof, allowList, leaf);
    }
}
