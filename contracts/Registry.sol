// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {Bits} from "./libraries/Bits.sol";
import {Member, Members} from "./libraries/Members.sol";

/// @title Members of a federation
/// @notice Changes take effect from the next round on. A node keeps its id for ever; its seat, one
/// of 256, is given to another once it is free.
abstract contract Registry is IRegistry, AccessControl {
    using Bits for uint256;

    /// @notice Role that admits and revokes members.
    bytes32 public constant COUNCIL = keccak256("COUNCIL");

    /// @dev Settlement carries one total per node ever registered and must fit into a block.
    uint256 private constant MAX_NODES = 4096;

    struct Keys {
        address signer;
        bytes32 encryptionKey;
        bytes32 transportKey;
    }

    mapping(address signer => Member) internal _signers;
    mapping(uint16 id => Keys) private _keys;
    mapping(uint256 seat => uint16 id) private _seated;

    /// @dev Bitmap of the seats of registered nodes that are not revoked.
    uint256 internal _registered;
    uint16 private _nodeCount;

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
        // INVARIANT: only who was admitted joins.
        require(admitted[msg.sender] || _listed(msg.sender, proof), NotAdmitted(msg.sender));
        // INVARIANT: an account owns at most one node, for ever.
        require(nodeOf[msg.sender] == 0, AccountTaken(msg.sender));
        // INVARIANT: a signer speaks for at most one node, for ever.
        require(signer != address(0) && _signers[signer].id() == 0, SignerTaken(signer));
        uint8 seat = _freeSeat();

        id = ++_nodeCount;
        uint32 from = _newestRound() + 1;
        nodeOf[msg.sender] = id;
        _signers[signer] = Members.create(msg.sender, id, seat, from);
        _keys[id] = Keys(signer, encryptionKey, transportKey);
        _seated[seat] = id;
        _registered |= 1 << seat;
        emit NodeRegistered(id, msg.sender, signer, seat, from, encryptionKey, transportKey);
        _onRegister(id, msg.sender);
    }

    /// @inheritdoc IRegistry
    function revoke(uint16 id) external onlyRole(COUNCIL) {
        address signer = _keys[id].signer;
        Member member = _signers[signer];
        // INVARIANT: ids are never reused, so an unknown one has no signer.
        require(member.id() != 0, UnknownNode(id));
        // INVARIANT: a membership ends once; its seat may belong to another by now.
        require(member.activeUntil() == Members.FOREVER, AlreadyRevoked(id));

        uint32 until = _newestRound() + 1;
        _signers[signer] = member.revoked(until);
        _registered &= ~(uint256(1) << member.seat());
        emit NodeRevoked(id, until);
    }

    /// @inheritdoc IRegistry
    function node(uint16 id) external view returns (Node memory) {
        Keys memory keys = _keys[id];
        Member member = _signers[keys.signer];
        // INVARIANT: ids are never reused, so an unknown one has no signer.
        require(member.id() != 0, UnknownNode(id));
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

    /// @dev Id of the newest round, live or not; 0 before the first.
    function _newestRound() internal view virtual returns (uint32);

    /// @dev Bitmap of the seats that the live round needs; empty if none is live.
    function _seatsInUse() internal view virtual returns (uint256);

    /// @dev Takes the stake. Called last: it calls the token.
    function _onRegister(uint16 id, address account) internal virtual;

    /// @dev Node in `seat`, which is taken.
    function _nodeAt(uint256 seat) internal view returns (uint16) {
        return _seated[seat];
    }

    function _freeSeat() private view returns (uint8) {
        uint256 held = _registered | _seatsInUse();
        // INVARIANT: 256 nodes at once, 4096 ever: every loop over nodes fits into a block.
        require(held != type(uint256).max && _nodeCount < MAX_NODES, FederationFull());
        return uint8((~held).lowest());
    }

    function _listed(address account, bytes32[] calldata proof) private view returns (bool) {
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account))));
        return allowList != bytes32(0) && MerkleProof.verifyCalldata(proof, allowList, leaf);
    }
}
