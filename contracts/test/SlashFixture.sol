// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRounds} from "../interfaces/IRounds.sol";
import {Fixture} from "./Fixture.sol";
import {Log} from "./Vm.sol";

/// @dev Reads slashes from events.
abstract contract SlashFixture is Fixture {
    /// @dev The slashes in the recorded events: id, offence, amount, reporter.
    struct Slash {
        uint256 id;
        IRounds.Offence offence;
        uint256 amount;
        address reporter;
    }

    function slashes() internal returns (Slash[] memory found_) {
        Log[] memory logs = vm.getRecordedLogs();
        found_ = new Slash[](logs.length);
        uint256 count;
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] != IRounds.NodeSlashed.selector) continue;
            Slash memory one = found_[count++];
            one.id = uint256(logs[i].topics[2]);
            (one.offence, one.amount, one.reporter) =
                abi.decode(logs[i].data, (IRounds.Offence, uint256, address));
        }
        assembly ("memory-safe") {
            mstore(found_, count)
        }
    }

    function isSlash(Slash memory one, uint256 id, IRounds.Offence offence, uint256 amount)
        internal
        pure
    {
        eq(one.id, id, "who");
        eq(uint256(one.offence), uint256(offence), "the offence");
        eq(one.amount, amount, "the amount");
    }
}
