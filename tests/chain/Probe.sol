// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// Refuses in every way in which Solidity can refuse, and counts. For the tests of chain/.
contract Probe {
    struct Point { uint8 x; address[] who; }

    event Counted(address indexed by, string indexed note, uint256 count, Point point);

    error NotMember(uint8 slot);
    error Nested(Point point);
    error Unheard(uint256 a, bytes32 b);

    uint256 public count;
    mapping(uint256 => uint256) private filled;

    constructor(uint256 start) payable {
        if (start == 13) revert Unheard(13, bytes32(uint256(1)));
        count = start;
    }

    function increment(string calldata note) external payable returns (uint256 now_, Point memory point) {
        ++count;
        point.x = 7;
        point.who = new address[](2);
        point.who[0] = msg.sender;
        emit Counted(msg.sender, note, count, point);
        return (count, point);
    }

    function both() external view returns (uint256, address) { return (count, address(this)); }
    function echo(Point[] calldata points) external pure returns (Point[] memory) { return points; }
    function when() external view returns (uint256 time, uint256 randao, uint256 number) {
        return (block.timestamp, block.prevrandao, block.number);
    }

    function custom(uint8 slot) external { ++count; revert NotMember(slot); }
    function nested() external { ++count; Point memory p; p.x = 3; revert Nested(p); }
    function reason() external { ++count; require(false, "a reason in words"); }
    function panic(uint256 zero) external returns (uint256) { return ++count / zero; }
    function bare() external { ++count; assembly { revert(0, 0) } }
    function burn() external { while (true) ++filled[gasleft()]; }
    function even() external { if (++count % 2 == 1) revert Unheard(count, bytes32(0)); }
    function emptied(uint256 n) external { for (uint256 i; i < n; ++i) filled[i] = 0; }
    function fill(uint256 n) external { for (uint256 i; i < n; ++i) filled[i] = 1; }
}
