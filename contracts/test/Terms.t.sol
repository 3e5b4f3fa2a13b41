// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {Federation} from "../Federation.sol";
import {IRounds} from "../interfaces/IRounds.sol";
import {Merge} from "../rules/Merge.sol";
import {Fixture} from "./Fixture.sol";

/// @dev Terms on which no federation can be created.
contract TermsTest is Fixture {
    function setUp() public {
        found(3, 0);
    }

    function refusedTerms(IRounds.Terms memory terms) internal {
        IRounds.Parts memory parts = partsOf(after_(PARTS), terms, token);
        vm.expectRevert(IRounds.InvalidTerms.selector);
        new Federation(terms, token, address(this), parts);
    }

    function test_TermsThatPromiseTooMuchAreRefused() public {
        IRounds.Terms memory terms = agreed(3);
        terms.disputeWindow = 0;
        refusedTerms(terms);
        terms.disputeWindow = terms.challengeWindow + 1;
        refusedTerms(terms);
        terms.disputeWindow = DISPUTE_WINDOW;
        terms.unbonding = 5 * WINDOW + DISPUTE_WINDOW;
        refusedTerms(terms);
        terms.unbonding += 1;
        terms.unrevealedPenalty = 10_001;
        refusedTerms(terms);
        (terms.unrevealedPenalty, terms.invalidPenalty) = (10_000, 10_001);
        refusedTerms(terms);
        (terms.invalidPenalty, terms.mergePenalty) = (10_000, 10_001);
        refusedTerms(terms);
        (terms.mergePenalty, terms.attestationPenalty) = (10_000, 10_001);
        refusedTerms(terms);
        (terms.attestationPenalty, terms.equivocationPenalty) = (10_000, 10_001);
        refusedTerms(terms);
        terms.equivocationPenalty = 10_000;
        Federation agreed_ = deploy(terms, token);
        same(
            keccak256(abi.encode(agreed_.terms())), keccak256(abi.encode(terms)), "the agreed terms"
        );
    }

    function test_TheOldTermsAreStillChecked() public {
        IRounds.Terms memory terms = agreed(3);
        terms.nodeShare += 1;
        refusedTerms(terms);
        terms = agreed(0);
        refusedTerms(terms);
        terms = agreed(16);
        refusedTerms(terms);
        terms = agreed(3);
        terms.minUpdates = 0;
        refusedTerms(terms);
        terms.minUpdates = 257;
        refusedTerms(terms);
        terms = agreed(3);
        terms.weightRule = 2;
        refusedTerms(terms);
        terms = agreed(3);
        terms.payRule = 2;
        refusedTerms(terms);
        terms = agreed(3);
        terms.mergeRule = 2;
        refusedTerms(terms);
        terms = agreed(3);
        terms.mergeParameter = 1; // the mean takes no parameter
        refusedTerms(terms);
        terms.mergeRule = Merge.TRIMMED;
        terms.mergeParameter = 0;
        refusedTerms(terms);
        terms.mergeParameter = 128;
        refusedTerms(terms);
        for (uint256 i; i < 5; ++i) {
            terms = agreed(3);
            if (i == 0) terms.commitWindow = 0;
            if (i == 1) terms.scoreWindow = 0;
            if (i == 2) terms.revealWindow = 0;
            if (i == 3) terms.mergeWindow = 0;
            if (i == 4) terms.challengeWindow = 0;
            refusedTerms(terms);
        }
    }
}
