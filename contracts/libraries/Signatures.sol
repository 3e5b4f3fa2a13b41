// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title Signers of updates and merges
/// @notice EIP-712 typed data, signatures in the short form (r, vs) of EIP-2098.
library Signatures {
    bytes32 private constant DOMAIN_TYPEHASH = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    /// @dev EIP-712 type of a relayed commitment.
    bytes32 internal constant UPDATE_TYPEHASH =
        keccak256("Update(uint64 round,address node,bytes32 base,bytes32 digest)");
    /// @dev EIP-712 type of an attestation.
    bytes32 internal constant MERGE_TYPEHASH = keccak256("Merge(uint64 round,bytes32 root)");

    /// @notice Signer of `digest`; the zero address if the signature is invalid.
    function recover(bytes32 digest, bytes32 r, bytes32 vs) internal view returns (address signer) {
        // The short form cannot encode a high s, so a valid signature has no second form.
        uint256 s = uint256(vs) & (type(uint256).max >> 1);
        // Precompile 1 (ecrecover) returns no data on failure, so the scratch space is cleared
        // first.
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore(input, digest)
            mstore(add(input, 0x20), add(27, shr(255, vs)))
            mstore(add(input, 0x40), r)
            mstore(add(input, 0x60), s)
            mstore(0x00, 0)
            pop(staticcall(gas(), 1, input, 0x80, 0x00, 0x20))
            signer := mload(0x00)
        }
    }

    /// @notice EIP-712 digest of an attestation.
    function mergeHash(address federation, uint256 round, bytes32 root)
        internal
        view
        returns (bytes32)
    {
        bytes32 merge = keccak256(abi.encode(MERGE_TYPEHASH, round, root));
        return keccak256(abi.encodePacked(hex"1901", domainOf(federation), merge));
    }

    /// @notice EIP-712 domain of a federation.
    function domainOf(address federation) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                DOMAIN_TYPEHASH, keccak256("Collegium"), keccak256("1"), block.chainid, federation
            )
        );
    }

    /// @notice The signed data that all updates of a round share: the words of
    /// abi.encode(typehash, round, node, base, digest), then 0x1901, domain and struct hash.
    function template(bytes32 domain, uint256 round, bytes32 base)
        internal
        pure
        returns (bytes32[8] memory words)
    {
        words[0] = UPDATE_TYPEHASH;
        words[1] = bytes32(round);
        words[3] = base;
        words[5] = bytes32(uint256(0x1901)); // its two bytes end right before the domain
        words[6] = domain;
    }

    /// @notice The EIP-712 digest of one update; fills in the template's words 2, 4 and 7.
    function updateHash(bytes32[8] memory words, address node, bytes32 digest)
        internal
        pure
        returns (bytes32 hash)
    {
        assembly ("memory-safe") {
            mstore(add(words, 0x40), node)
            mstore(add(words, 0x80), digest)
            mstore(add(words, 0xe0), keccak256(words, 0xa0))
            hash := keccak256(add(words, 0xbe), 0x42)
        }
    }
}
