// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The members of a federation
/// @notice A node is one hospital's edge server: a cold `account` that owns it and is paid, a hot
/// `signer` for updates and votes, an encryption key, a transport key and a stake.
interface IRegistry {
    /// @notice Why a node left: by itself, by the council, or because too little of its stake is
    /// left.
    enum LeaveReason {
        Exited,
        Revoked,
        Slashed
    }

    /// @notice Everything the chain knows about a node: no name, no place, nothing about patients.
    /// @param account Cold key of the owner: registers, rotates keys, exits and is paid.
    /// @param signer Newest hot secp256k1 key, for updates, votes and merges.
    /// @param seat Place among the active nodes (0..255); meaningless once the node has left.
    /// @param activeFrom First round in which this signer acts for the node.
    /// @param activeUntil First round in which it no longer does; 2^32 - 1 if the node has not
    /// left.
    /// @param encryptionKey X25519 public key that update bytes are sealed to.
    /// @param transportKey Digest of the public key that its transport authenticates with.
    struct Node {
        address account;
        address signer;
        uint8 seat;
        uint64 activeFrom;
        uint64 activeUntil;
        bytes32 encryptionKey;
        bytes32 transportKey;
    }

    /// @notice The council admitted `account`, or withdrew the admission.
    event AccountAdmitted(address indexed account, bool allowed);

    /// @notice The council set the Merkle root of the accounts that can register.
    event AllowListSet(bytes32 root);

    /// @notice A node joined, or came back under its old id; active from round `activeFrom` on.
    event NodeRegistered(
        uint16 indexed id,
        address indexed account,
        address indexed signer,
        uint8 seat,
        uint64 activeFrom,
        bytes32 encryptionKey,
        bytes32 transportKey
    );

    /// @notice From round `activeFrom` on, the node signs with these keys and receives data under
    /// them.
    event NodeRotated(
        uint16 indexed id,
        address indexed signer,
        uint64 activeFrom,
        bytes32 encryptionKey,
        bytes32 transportKey
    );

    /// @notice A node left as of round `activeUntil`; its stake starts unbonding.
    event NodeLeft(uint16 indexed id, uint64 activeUntil, LeaveReason reason);

    /// @notice `account` is neither admitted nor proven to be on the allow-list.
    error NotAdmitted(address account);

    /// @notice `account` owns a node that has not left.
    error AccountTaken(address account);

    /// @notice `signer` is zero, or is or was the signer of a node.
    error SignerTaken(address signer);

    /// @notice All 256 seats are taken, or 4096 nodes have been registered since the federation
    /// began.
    error FederationFull();

    /// @notice No node has this id; the id is 0 if the sender owns no node.
    error UnknownNode(uint16 id);

    /// @notice The node has left.
    error NotRegistered(uint16 id);

    /// @notice Admit an account, or withdraw an admission. Role: council.
    function admit(address account, bool allowed) external;

    /// @notice Set the root of the allow-list. Role: council.
    /// @param root OpenZeppelin standard Merkle tree over `(address account)`; zero for none.
    function setAllowList(bytes32 root) external;

    /// @notice Join as the node of `msg.sender`, which must have approved the vault for the stake.
    /// A node that left comes back under its id, with a new signer and seat, and its stake is
    /// filled up again.
    /// @param signer Hot key; never used by any node before.
    /// @param encryptionKey X25519 public key.
    /// @param transportKey Digest of the transport public key.
    /// @param proof Membership in the allow-list; empty if the account was admitted.
    /// @return id The node's permanent number: 1, 2, 3, ...
    function register(
        address signer,
        bytes32 encryptionKey,
        bytes32 transportKey,
        bytes32[] calldata proof
    ) external returns (uint16 id);

    /// @notice Change the sender's keys from the next round on.
    /// @param signer The current signer (unchanged), or a key never used by any node before.
    function rotate(address signer, bytes32 encryptionKey, bytes32 transportKey) external;

    /// @notice End the membership of the sender's node after the live round, or at once if none is
    /// live. Its stake can be withdrawn from the vault after unbonding.
    function exit() external;

    /// @notice End the membership of any node in the same way. Its account can come back only if
    /// the council admits it again; the allow-list is not enough. Role: council.
    function revoke(uint16 id) external;

    /// @notice The node with this id and its newest keys; reverts with UnknownNode if there is
    /// none. Its keys in the live and in earlier rounds are in the events.
    function node(uint16 id) external view returns (Node memory);

    /// @notice Id of the node owned by `account`; 0 if none.
    function nodeOf(address account) external view returns (uint16 id);

    /// @notice Id of the node whose signer is or was `signer`; 0 if none.
    function nodeOfSigner(address signer) external view returns (uint16 id);

    /// @notice Id of the node for which `signer` acts in round `roundId`; 0 if none.
    function activeSigner(address signer, uint64 roundId) external view returns (uint16 id);

    /// @notice Whether node `id` takes part in a live round, so that its stake must stay.
    function needs(uint16 id) external view returns (bool);

    /// @notice Id of the node that last took `seat`; 0 if none ever did.
    function seated(uint8 seat) external view returns (uint16 id);

    /// @notice Whether the council admitted `account`.
    function admitted(address account) external view returns (bool);

    /// @notice Root of the allow-list; zero if there is none.
    function allowList() external view returns (bytes32);

    /// @notice Number of nodes ever registered; after a settlement the ledger has this many leaves.
    function nodeCount() external view returns (uint16);

    /// @notice Number of nodes that would take part in the next round.
    function activeCount() external view returns (uint16);
}
