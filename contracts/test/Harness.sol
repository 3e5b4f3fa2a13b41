// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Disputes} from "../Disputes.sol";
import {IDisputes} from "../interfaces/IDisputes.sol";
import {IFederation} from "../interfaces/IFederation.sol";
import {Bits} from "../libraries/Bits.sol";
import {Draw} from "../libraries/Draw.sol";
import {Ledger} from "../libraries/Ledger.sol";
import {Packed} from "../libraries/Packed.sol";
import {Settlement} from "../libraries/Settlement.sol";
import {Signatures} from "../libraries/Signatures.sol";
import {Tree} from "../libraries/Tree.sol";

/// @dev Makes the libraries callable from tests in other languages, and acts as the federation
/// whose disputes are judged.
contract Harness {
    using Packed for bytes;
    using Signatures for bytes32;
    using Signatures for bytes32[8];

    struct Matter {
        bytes32 base;
        bytes32 root;
        bytes32 outcome;
        uint8 mergeRule;
        uint16 mergeParameter;
    }

    Matter private _matter;
    bool private _disproved;

    struct Answer {
        bytes results;
        bytes fees;
        bytes accepted;
        uint256 earned;
        uint96[] totals;
    }

    /// @param members Node id of each committee slot.
    /// @param scores Per slot; a slot that did not reveal is not in `revealed`.
    function settle(
        Settlement.Rules memory rules,
        bytes calldata updates,
        uint16[] calldata members,
        bytes[] calldata scores,
        uint256 revealed,
        uint96[] memory totals
    ) external pure returns (Answer memory answer) {
        Settlement.Validator[] memory panel = new Settlement.Validator[](Bits.count(revealed));
        uint256 found;
        for (uint256 slot; slot < members.length; ++slot) {
            if (!Bits.has(revealed, slot)) continue;
            panel[found].id = members[slot];
            panel[found].slot = slot;
            panel[found++].scores = scores[slot].position();
        }
        Settlement.Outcome memory outcome =
            Settlement.compute(rules, updates, panel, members.length, totals);
        answer = Answer(outcome.results, outcome.fees, outcome.accepted, outcome.earned, totals);
    }

    function committee(bytes32 seed, uint256 members, uint256 size)
        external
        pure
        returns (uint256[] memory)
    {
        return Draw.committee(seed, members, size);
    }

    function aggregator(uint256 members, uint256 round) external pure returns (uint256) {
        return Draw.aggregator(members, round);
    }

    function ledgerRoot(uint96[] memory totals) external pure returns (bytes32) {
        return Ledger.root(totals, totals.length);
    }

    function count(uint256 set) external pure returns (uint256) {
        return Bits.count(set);
    }

    function updateHash(
        address federation,
        uint64 round,
        bytes32 base,
        address account,
        bytes32 digest
    ) external view returns (bytes32) {
        bytes32 domain = Signatures.domainOf(federation);
        return Signatures.template(domain, round, base).updateHash(account, digest);
    }

    function mergeHash(address federation, uint64 round, bytes32 root)
        external
        view
        returns (bytes32)
    {
        return Signatures.mergeHash(federation, round, root);
    }

    function signer(bytes32 digest, bytes32 r, bytes32 vs) external view returns (address) {
        return digest.recover(r, vs);
    }

    function treeRoot(bytes calldata data, uint256 index, bytes32[] calldata path)
        external
        view
        returns (bytes32)
    {
        return Tree.root(data, index, path);
    }

    /// @dev Whether the proof is valid in this matter; reverts like the judge if it is not.
    function judge(Matter calldata matter, IDisputes.MergeProof calldata proof)
        external
        returns (bool)
    {
        (_matter, _disproved) = (matter, false);
        new Disputes(IFederation(address(this)), matter.mergeRule, matter.mergeParameter)
            .disputeMerge(proof);
        return _disproved;
    }

    function proposal(uint64) external view returns (bytes32, bytes32, bytes32) {
        return (_matter.base, _matter.root, _matter.outcome);
    }

    function disprove(uint64, address) external {
        _disproved = true;
    }
}
