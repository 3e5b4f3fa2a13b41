// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @dev A token that behaves well until it is told not to. Anyone can mint and give it orders.
contract HostileToken is ERC20("Hostile", "HST") {
    uint256 public fee; // percent of every transfer
    bool public lies; // returns false and moves nothing
    mapping(address => bool) public refused; // can neither send nor receive
    bool public done; // whether the call back succeeded
    bytes public answer;

    address private _target;
    bytes private _call;

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function setFee(uint256 percent) external {
        fee = percent;
    }

    function setLies(bool lying) external {
        lies = lying;
    }

    function refuse(address account) external {
        refused[account] = true;
    }

    /// @dev Make this call in the middle of the next transfer.
    function arm(address target, bytes calldata call) external {
        (_target, _call, done, answer) = (target, call, false, "");
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        return lies ? false : super.transfer(to, amount);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        return lies ? false : super.transferFrom(from, to, amount);
    }

    function _update(address from, address to, uint256 amount) internal override {
        require(!refused[from] && !refused[to], "refused");
        if (_target != address(0)) {
            address target = _target;
            _target = address(0);
            (done, answer) = target.call(_call);
        }
        uint256 kept = from == address(0) ? 0 : amount * fee / 100;
        if (kept != 0) super._update(from, address(1), kept);
        super._update(from, to, amount - kept);
    }
}
