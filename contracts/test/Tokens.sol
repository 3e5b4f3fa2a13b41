// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev Takes one percent of every transfer.
contract FeeToken is ERC20("Fee", "FEE") {
    constructor() {
        _mint(msg.sender, 1e30);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from != address(0)) {
            super._update(from, address(1), value / 100);
            value -= value / 100;
        }
        super._update(from, to, value);
    }
}

/// @dev Returns false instead of reverting, and moves nothing.
contract FalseToken is ERC20("False", "FLS") {
    function transfer(address, uint256) public pure override returns (bool) {
        return false;
    }

    function transferFrom(address, address, uint256) public pure override returns (bool) {
        return false;
    }
}

/// @dev Returns no data, as some old tokens do.
contract SilentToken {
    mapping(address => uint256) public balanceOf;

    constructor() {
        balanceOf[msg.sender] = 1e30;
    }

    function transfer(address to, uint256 value) external {
        balanceOf[msg.sender] -= value;
        balanceOf[to] += value;
    }

    function transferFrom(address from, address to, uint256 value) external {
        balanceOf[from] -= value;
        balanceOf[to] += value;
    }
}

/// @dev Makes a given call once per transfer.
contract ReentrantToken is ERC20("Reentrant", "REE") {
    address private _target;
    bytes private _call;
    bytes public answer;
    bool public done;

    constructor() {
        _mint(msg.sender, 1e30);
    }

    function arm(address target, bytes calldata call) external {
        (_target, _call, done) = (target, call, false);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (_target != address(0)) {
            address target = _target;
            _target = address(0);
            (done, answer) = target.call(_call);
        }
        super._update(from, to, value);
    }
}
