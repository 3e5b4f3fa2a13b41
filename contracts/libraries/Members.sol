// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @notice All that a commitment has to know about its signer, in one word, from the lowest bit:
/// 160 account, 16 id, 8 seat, 8 unused, 32 first active round, 32 first round no longer active.
type Member is uint256;

using Members for Member global;

/// @title A node as its signer's storage slot shows it
library Members {
    /// @notice `activeUntil` of a node that is not revoked.
    uint32 internal constant FOREVER = type(uint32).max;

    uint256 private constant ID = 160;
    uint256 private constant SEAT = 176;
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

    /// @notice The same node, no longer active from round `until` on.
    function revoked(Member member, uint256 until) internal pure returns (Member) {
        uint256 rest = Member.unwrap(member) & ~(uint256(FOREVER) << UNTIL);
        return Member.wrap(rest | (until << UNTIL));
    }

    /// @notice Its owner.
    function account(Member member) internal pure returns (address) {
        return address(uint160(Member.unwrap(member)));
    }

    /// @notice Whether it is a node, and of this owner.
    function ownedBy(Member member, address owner) internal pure returns (bool) {
        return Member.unwrap(member) != 0 && member.account() == owner;
    }

    /// @notice Its number; 0 if the slot's key signs for nobody.
    function id(Member member) internal pure returns (uint16) {
        return uint16(Member.unwrap(member) >> ID);
    }

    /// @notice Its place among the active nodes.
    function seat(Member member) internal pure returns (uint8) {
        return uint8(Member.unwrap(member) >> SEAT);
    }

    /// @notice First round that it takes part in.
    function activeFrom(Member member) internal pure returns (uint32) {
        return uint32(Member.unwrap(member) >> FROM);
    }

    /// @notice First round that it no longer takes part in.
    function activeUntil(Member member) internal pure returns (uint32) {
        return uint32(Member.unwrap(member) >> UNTIL);
    }

    /// @notice Whether it takes part in `round`.
    function activeIn(Member member, uint256 round) internal pure returns (bool) {
        return member.activeFrom() <= round && round < member.activeUntil();
    }
}
