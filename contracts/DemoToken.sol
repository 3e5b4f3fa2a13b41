// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title Token for local chains
/// @notice A plain ERC-20 that its owner mints; a real federation brings its own token.
contract DemoToken is ERC20, Ownable {
    /// @param owner The only account that can mint.
    constructor(address owner) ERC20("Collegium Demo Token", "CDT") Ownable(owner) {}

    /// @notice Mint `amount` to `to`. Only the owner.
    function mint(address to, uint256 amount) external onlyOwner {
        _mint(to, amount);
    }
}
