// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice Everything that a commitment needs to know about its signer, in one word. Widths in bits
/// from the lowest: 160 account, 16 id, 8 seat, 8 revoked (0 or 1), 32 first active round, 32 first
/// round in which it is no longer active.
type Member is uint256;

using Members for Member global;

/// @title Entry of a signer: the node that it acts for, and in which rounds
/// @notice A node has one signer per round: when a key is replaced, the new entry begins in the
/// round in which the old one ends.
library Members {
    /// @notice `activeUntil` of the current signer of a node that has not left.
    uint32 internal constant FOREVER = type(uint32).max;

    // Offsets of the fields in bits.
    uint256 private constant ID = 160;
    uint256 private constant SEAT = 176;
    uint256 private constant REVOKED = 184;
    uint256 private constant FROM = 192;
    uint256 private constant UNTIL = 224;

    /// @notice A new node.
    function create(address owner, uint256 number, uint256 place, uint256 from)
        internal
        pure
        returns (Member)
    {
        return Member.wrap(
            uint160(owner) | (number << ID) | (place << SEAT) | (from << FROM)
                | (uint256(FOREVER) << UNTIL)
        );
    }

    /// @notice The same node under a new key, active from round `from` on.
    function starting(Member member, uint256 from) internal pure returns (Member) {
        uint256 rest = Member.unwrap(member) & ~(uint256(FOREVER) << FROM);
        return Member.wrap(rest | (from << FROM));
    }

    /// @notice The same entry, no longer active from round `until` on.
    function ending(Member member, uint256 until) internal pure returns (Member) {
        uint256 rest = Member.unwrap(member) & ~(uint256(FOREVER) << UNTIL);
        return Member.wrap(rest | (until << UNTIL));
    }

    /// @notice The same entry, marked as ended by the council.
    function revoke(Member member) internal pure returns (Member) {
        return Member.wrap(Member.unwrap(member) | (1 << REVOKED));
    }

    /// @notice Its owner.
    function account(Member member) internal pure returns (address) {
        return address(uint160(Member.unwrap(member)));
    }

    /// @notice Whether the entry is not empty and its node has this owner.
    function ownedBy(Member member, address owner) internal pure returns (bool) {
        return Member.unwrap(member) != 0 && member.account() == owner;
    }

    /// @notice Its number; 0 if the entry is empty.
    function id(Member member) internal pure returns (uint16) {
        return uint16(Member.unwrap(member) >> ID);
    }

    /// @notice Its place among the active nodes.
    function seat(Member member) internal pure returns (uint8) {
        return uint8(Member.unwrap(member) >> SEAT);
    }

    /// @notice Whether the council ended its membership.
    function revoked(Member member) internal pure returns (bool) {
        return (Member.unwrap(member) >> REVOKED) & 1 == 1;
    }

    /// @notice First round that it takes part in.
    function activeFrom(Member member) internal pure returns (uint32) {
        return uint32(Member.unwrap(member) >> FROM);
    }

    /// @notice First round that it no longer takes part in.
    function activeUntil(Member member) internal pure returns (uint32) {
        return uint32(Member.unwrap(member) >> UNTIL);
    }

    /// @notice Whether it is a node that has not left.
    function stays(Member member) internal pure returns (bool) {
        return member.activeUntil() == FOREVER;
    }

    /// @notice Whether it takes part in `round`.
    function activeIn(Member member, uint256 round) internal pure returns (bool) {
        unchecked {
            // from <= until, and for a round before `from` the difference wraps to a huge number:
            // one comparison is enough.
            uint256 from = member.activeFrom();
            return round - from < (Member.unwrap(member) >> UNTIL) - from;
        }
    }
}
